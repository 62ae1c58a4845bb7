"""Days that once broke a rule: each is the seed of a bug that was mended, in the product or in the judge."""

import dataclasses

import pytest

import runner
from config.order_limits import OrderLimits
from config.schema import Follow
from paper.verify import campaign, chance

DAYS = {
    1016495: "a reduction while an exit worked forgot the entry that waited for it",
    1031613: "an entry that waited for a cancel was forgotten",
    1074428: "an entry waited for an exit until its signal was old, and nobody said so",
    1004276: "an exit was decided by the book of a read and not held against the positions of the same read",
    1025102: "an exit that was sent again went beyond what the owner had left",
    1092317: "a fill that a read of positions may or may not hold was counted twice",
    1018174: "an exit whose tag the broker lost was sent again although the position showed it",
    1051011: "a resync entered a leg whose exit was not known yet",
    1054744: "a resync entered a leg in the moment of its exit",
    1134273: "an approved resync undid an exit that had become due meanwhile",
    1023824: "an entry was sent again while those above the target were still being cancelled",
    1061507: "a short went out as the trial of a broker that had failed, and the missing leg was given up behind it",
    1039371: "the second entry behind a trial was given up, and both legs kept each other out",
    1043824: "a resync from before a flatten took it back",
    1132566: "a resync found nothing missing and took back a flatten that came after it",
    1133275: "a resync found nothing missing while the master's newest fill was not decided",
    1019996: "an entry waited for ever for an exit of yesterday that nobody could explain",
    3055: "shares that an order was buying when the process died had no quotes in the next one",
    8431: "a leg that was being left was kept when the master added before its exit could be sent",
    3004613: "a resync entered before it was seen whose lots those were that nobody could explain",
    3015499: "judge: a short waits for the operator while another leg of the child does",
    1005284: "judge: a resume that was typed while the process was down counts",
    1005410: "judge: a resync survives a full disk",
    1023055: "judge: an order without its tag is known by its id",
    47208: "a book that lied once about a sale of the owner's shares was not asked for again, and their exits waited",
    38294: "a sale of the owner's that only a book without positions had told of was not known on the next day",
    52154: "an entry went out against the short position of an owner who had sold more shares than there were",
    27902: "judge: an owner's trade and an order without its tag that cancel out are there all the same",
    3489: "an answer that was taken up after a sleep of the machine approved entries long after the master's fill",
    22364: "an order that filled in parts was charged as several, and a daily loss was called reached before it was",
    3012026: "a sale of the owner's shares that was pushed was not looked for in the book, and forgotten over the night",
    63506: "an entry went out in the moment in which its strategy was left for a sell that had waited too long",
    242: "he turned round, and round again, before one read: the entry was as old as the first of it, and missed",
    831: "he went out and in on the other side before one read: the entry was as old as his way out, and missed",
    419: "an entry that waited for its turn at the close was called stale",
    8592: "a resync that was approved beside an exit promised lots that were not on their way",
    5962: "judge: what surfaces is told of by itself",
    10157: "judge: a prompt that was over before the process ended is told of by the next one",
    1004354: "judge: what is the owner's is told by the next read of positions",
}


RESTING = {
    352: "an entry that was to follow an exit by hand was called stale",
    370: "an entry that waited was as old as an earlier stay of his on its side",
    689: "an entry that waited for the side that he had left was taken for one of the other side, and missed as old",
    705: "the rest of an entry that had rested was as old as nothing, and missed",
    3642: "judge: what was missed of an order of his counts from when it was placed",
    6925: "an entry that was decided after a sleep joined a prompt that was over, and was declined at once",
    8954: "judge: copies of a process that ended unclean wait for the operator",
    9211: "judge: lots that only an order that works leaves no room for come at its end",
    3983: "a resync offered less beside an unknown order of the side that he had left",
    20703: "what a copy filled for an order that filled whole, when he had left the leg, was held for ever (live ratio)",
    23936: "an exit was closed ahead of an order that he made smaller, and his other one closed as much again",
    32819: "what was closed ahead beyond an order's part, by rounding, was closed again by the next one",
    39580: "judge: on days of margins what is released again is had beside what the day gives",
    64361: "judge: an exit that was cut before it went out again is under way as what it is then",
    65957: "what was missed of an order of a side that he had left was missed of his entry on the other one",
    97621: "an entry was decided before what had filled unseen on the other side was in an exit, and counted it twice",
    74665: "an exit that waited for a newer read asked for one after each that failed, without end",
    75557: "two legs that a resync offered stopped each other, as one of them had been rounded away before",
    71488: "lots closed ahead of the master's exit were not called missed where what was due went through the market",
    70488: "what rested for an order that had ended stayed, as another exit had closed ahead what it was to bring",
    80493: "an exit rested for lots that the copy of the entry had not even brought",
    80773: "what completes a copy was sent although an order that is not known had taken its room",
    71702: "what completed a copy was hurried although other copies had filled ahead meanwhile",
    71714: "a change that waited went out with older terms than the master's next one",
    70397: "lots that rested for a fill of the master's were sold before it was decided what the fill is worth",
    90497: "what was refused of a resting entry of fixed lots was placed all the same a moment later",
    80186: "what filled before an order could rest was counted as on its way for ever, beside the entry that brought it",
    100380: "a rise was not entered, as what might rest was found before it",
    100591: "what was taken off a copy and filled all the same was counted as on its way for ever",
    110150: "what was to be completed on one side kept lots of the other side away",
    110544: "what was to be completed was counted as on its way when the leg had been left",
    120117: "an order that only a prompt asked about was taken back, and the engine looked for one that rests",
    120436: "what was missed of an order counted as due of it for ever",
    130141: "an order of the master's that waited for a first quote was mirrored with the next other event",
    130929: "an entry went on working where entries had been stopped after a late order had surfaced",
    140857: "the cancel of an exit was not asked for again after a login",
    150223: "what was taken off a copy was forgotten while the copy still rested",
    160725: "a change that waited moved a copy away from the master's price, to which he had come back",
    161099: "an exit that rested and went to the market was said to wait for a kill switch that had been lifted",
    162915: "exits that waited for their turn sold lots ahead of the master when others had closed what was due",
    163487: "what was declined while an order rested was asked about again at his fill, after the leg had been exited",
    174335: "an exited leg let go a copy that went on resting for an order of the master's, as soon as it filled",
    174244: "the rest of an order that was held for the operator grew back when its end was read again",
    176493: "an exit that rested, was unknown over night and had filled left lots missing without a reason",
    177999: "what a smaller order left short was not sent when that was known only after its end",
    200086: "what was ahead of an order when it ended was held against what is still unknown of it",
    222138: "lots ahead of one order were taken for those of another that had been declined",
    221896: "lots ahead of one order were taken for those of another that the broker had not taken",
    20074: "late news of the same second took back a change of the master's order that had filled since",
    304221: "a copy that was refused while an older plan was still being left was entered after all, and said not to be",
    8197: "judge: a lot that all orders together are worth was entered, and is what one of them is worth later",
    8704: "judge: a second order with one tag that the exchange does not take is in no book",
    9945: "judge: what a prompt asked about took room until the step in which it kept another leg out",
    32858: "shares of the owner's own that he had sold before a kill were counted for ever on the next day",
    44051: "judge: a loss that was reached in the moment before the process was not run is known when it is run again",
    38840: "judge: the cancel of an order that surfaces waits for a rate window that is full",
    22710: "a resync that was asked for before it lifted the stop for two orders with one tag",
    19546: "an entry that worked when the daily loss was reached went on working, and nobody moved or cancelled it",
    21531: "judge: an entry whose tag the broker changed is no exit that works",
    53562: "units that a change under way may bring back were exited a second time",
    56834: "what an approved prompt brought of the master's fill was said to be of his order that rests",
    57745: "an exit that went to the market in the moment when it became due was not called due",
    64621: "judge: what a lone leg gives up had taken room in the same moment",
    83409: "what completes a copy was measured by when the master's fill was heard of, after a sleep of the machine",
    19733: "judge: what a lone leg gives up between two looks had taken room",
    2575: "judge: what rests in a prompt takes room, and may be given up for what it kept out",
    413: "judge: what filled before an order was mirrored comes beside its copy, which may fill at once",
    130713: "judge: an order that the master moves again and again is run after",
    160866: "judge: an exit that the broker is not known to have cannot be cancelled",
    176437: "judge: cancels of many slices wait for the rate window",
    201273: "judge: what may fill until its cancel is known keeps others from going through the market",
    201012: "judge: of a copy that is larger than the order is now, no more is missed than its part",
    221014: "judge: the master fell while the process was down",
    240320: "judge: an exit that waits to be sent again is cut to what is left then",
    110539: "judge: a copy that the lone-leg guard took off is decided anew when the guard is lifted",
    80270: "judge: a refusal that was not durable when the process died let a child leave nothing",
    70951: "judge: an order that is made smaller gives up first what the broker refused of it",
    90740: "judge: what rests may be filled before the engine hears of it",
    71602: "judge: what one exit closed ahead is part of what another one may leave",
    71482: "judge: a change of an order without its tag is known by its id",
    70140: "judge: what was missed on the other side is nothing of what the master holds now",
    1833: "lots missed of an order that had ended were taken off lots that it had filled",
    13514: "a lot that was refused while it rested was entered after all, as the order's own fills were not worth one",
    17228: "what rested for fills that waited for the operator's resume was judged as left behind",
    32915: "judge: a master who falls after he has added again leaves C m / B, which may be less than of the target",
    13717: "lots that rounding had left over were sent although an order that is not known had taken their room",
    57285: "a late read of positions left the owner more shares of his own than he had",
    49062: "shares that one read did not list were given up by a flatten and a resync before anybody was told",
    56333: "judge: a ticket comes on top of a bought hedge whose rest was rounded up",
    25129: "lots of a ticket that were given up after a fall took lots of the ratio with them, and nobody said so",
    84561: "a resync offered lots beside a copy that was not known and that nobody wanted any more",
    95116: "judge: what is owed of an order that has ended waits for an entry that is not known",
    79251: "judge: an order that rested with a trigger is shown with it when it has none any more",
    26627: "a cancel that was asked for was forgotten by a restart, and the exit counted as one that stays",
    23140: "a cancel that had done its work was forgotten by a restart, before the book showed the order's end",
    22232: "what the master traded while the process was down was not followed, as positions lacked it for long",
    57544: "what a prompt asked about when the master's order ended with the day was missed, and nobody said so",
    27275: "a sale of the owner's that an order of ours hid until the close was not known on the next day",
    36202: "judge: what a broker refuses of a resync is missing, and said to be",
    60974: "judge: what was missed of an order, and was not durable when the process died, may be copied",
    82784: "judge: a question that was declined, and not durable when the process died, may be asked again",
    512473: "judge: shares that were sold while the process was down are given up by the operator, as the alarm says",
    514533: "judge: orders of yesterday that do not fit are looked up where the master's shares are gone, too",
    51650: "a copy that was being made smaller was moved to the market as a whole, and what came off was lost",
    45979: "what the kill switch was taking off a copy was sent through the market when it had been lifted",
    28313: "the move of an entry that waited for its turn went out beside another one that was being cancelled meanwhile",
    42747: "an order of yesterday was called not filled while the broker left the carried position out",
    63855: "a fill that positions showed first, before the process died, was taken for the owner's on the next day",
    41688: "judge: what is open is worth the last trade, not the middle of the touch",
    9362: "judge: a daily loss that is reached after a resync keeps out what it brought",
}
"""The same among the days of `--follow orders`."""


FOUND = [(follow, seed) for follow, days in ((Follow.FILLS, DAYS), (Follow.ORDERS, RESTING)) for seed in days]


@pytest.mark.parametrize(("follow", "seed"), FOUND, ids=[f"{follow.value}-{seed}" for follow, seed in FOUND])
def test_day_that_once_broke_a_rule_is_sound(follow: Follow, seed: int) -> None:
    assert campaign.run_seed(seed, runner._open_for_trial, follow=follow).violations == [], (DAYS | RESTING)[seed]


NARROW = {
    ("orders", 222138, 2, 6): "lots of an order made smaller were taken for those of another that had been declined",
    ("orders", 300539, 3, 6): "what had no room beside an unknown order went out as a second one, beyond the most lots",
    ("orders", 301219, 3, 10): "what was refused of an order that rests was entered when the master had left the leg",
    ("orders", 300007, 2, 6): "judge: a write that did not arrive takes room in a window, and a cancel waits for it",
    ("orders", 300192, 2, 6): "judge: the cancel of what works above the target waits for its turn",
    ("orders", 300951, 2, 10): "judge: two orders with one tag stop the strategy in which they came, not the next one",
    ("orders", 302356, 8, 20): "judge: an order of the master's that grows in the same moment is copied by another one",
    ("orders", 401194, 1, 10): "judge: a window that was full before the operator resyncs everybody is full then, too",
    ("fills", 400932, 3, 20): "judge: a flatten that is taken up late is one of the strategies that ran before it",
}
"""The same with brokers that take so many writes in a second and in a minute, on every day."""


@pytest.mark.parametrize("day", NARROW, ids=[f"{follow}-{seed}" for follow, seed, *_ in NARROW])
def test_day_with_narrow_windows_that_once_broke_a_rule_is_sound(day: tuple[str, int, int, int]) -> None:
    follow, seed, second, minute = day
    limits = OrderLimits(second=second, minute=minute)
    plan = dataclasses.replace(chance.draw(seed, None, Follow(follow)), order_limits=limits)
    assert campaign.run_plan(plan, runner._open_for_trial).violations == [], NARROW[day]
