"""Random days: a master who trades at random, children with faults, manual trades, operators, crashes. One seed, one day."""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from config.schema import Account, Child, Confirm, ConfirmWhen, Paper, Settings
from engine import events
from engine.model import NS_PER_MS, NS_PER_S, BookStatus, Instrument, OrderReport, OrderType, Quote, Side
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from tests.unit.engine.fakes import DAY
from tests.unit.paper.builders import CALL, NOW, PUT, future, option

LASTS_S = 100
PRICE_INR = Decimal(100)
INSTRUMENTS: tuple[Instrument, ...] = (option(), option(PUT), future())
CHILDREN = ("C1", "C2")


def random_day(seed: int) -> act.Scenario:
    """A whole scenario; the same seed gives the same one."""
    day = _Day(Random(seed))
    day.fill()
    return act.Scenario(
        name=f"random day {seed}",
        day=DAY,
        start_ns=NOW,
        end_ns=NOW + LASTS_S * NS_PER_S,
        settings=_settings(day.random),
        instruments=INSTRUMENTS,
        instruments_next_day=None,
        master_positions={},
        steps=tuple(sorted(day.steps, key=lambda step: step.at_ns)),
        expect={},
    )


def _settings(random: Random) -> Settings:
    capital = [Decimal(random.randrange(200_000, 1_200_000)) for _ in CHILDREN]
    return Settings(
        master=Account(id=act.MASTER, broker="paper", capital_inr=Decimal(1_000_000)),
        children=tuple(
            Child(id=child, broker="paper", capital_inr=amount) for child, amount in zip(CHILDREN, capital, strict=True)
        ),
        confirm=Confirm(when=random.choice((*ConfirmWhen, *[ConfirmWhen.NEVER] * 3)), timeout_s=Decimal(10)),
        paper=Paper(margins=False, latency_ms=random.choice((0, 50, 400))),
    )


@dataclass
class _Day:
    random: Random
    steps: list[act.Step] = field(default_factory=list)
    orders: int = 0
    master_units: dict[str, int] = field(default_factory=dict)

    def fill(self) -> None:
        at_ns = NOW
        self._add(at_ns, self._quotes(at_ns))
        makers = [self._trade] * 12 + [self._disturb] * 6 + [self._quote_step] * 4 + [self._operate] * 3 + [self._crash]
        at_ns += 4 * NS_PER_S
        while at_ns < NOW + (LASTS_S - 10) * NS_PER_S:
            at_ns += self.random.randrange(50, 4000) * NS_PER_MS
            self.random.choice(makers)(at_ns)

    def _add(self, at_ns: int, action: act.Action) -> None:
        self.steps.append(act.Step(at_ns=at_ns, action=action))

    def _quotes(self, at_ns: int) -> act.Quotes:
        quotes = []
        for instrument in INSTRUMENTS:
            middle = PRICE_INR + self.random.randrange(-3, 4) * instrument.tick_inr
            quotes.append(
                Quote(
                    instrument=instrument.id,
                    at_ns=at_ns,
                    last_inr=middle,
                    bid_inr=middle - instrument.tick_inr,
                    ask_inr=middle + instrument.tick_inr,
                )
            )
        return act.Quotes(quotes=tuple(quotes))

    def _quote_step(self, at_ns: int) -> None:
        self._add(at_ns, self._quotes(at_ns))

    def _trade(self, at_ns: int) -> None:
        """A master order in one to three updates, some of them repeated."""
        self.orders += 1
        symbol = self.random.choice((CALL, PUT, INSTRUMENTS[2].symbol))
        held = self.master_units.get(symbol, 0) // 65
        lots, side = self.random.choice((2, 5, 10, 20)), self.random.choice(list(Side))
        if held and self.random.random() < 0.5:
            lots, side = self.random.choice((abs(held), abs(held), 1)), Side.SELL if held > 0 else Side.BUY
        self.master_units[symbol] = (held + side.sign * lots) * 65
        parts = sorted({self.random.randint(1, lots) for _ in range(2)} | {lots})
        for number, part in enumerate(parts):
            pushed_ns = at_ns + number * 300 * NS_PER_MS
            report = OrderReport(
                order_id=f"M{self.orders}",
                exchange="NFO",
                symbol=symbol,
                product="NRML",
                side=side,
                order_type=OrderType.MARKET,
                quantity=lots * 65,
                filled=part * 65,
                average_price_inr=PRICE_INR,
                status=BookStatus.COMPLETE if part == lots else BookStatus.OPEN,
                placed_ns=at_ns - 100 * NS_PER_MS,
                updated_ns=pushed_ns,
            )
            for _ in range(self.random.choice((1, 1, 2))):
                self._add(pushed_ns, act.MasterTrades(report=report))

    def _disturb(self, at_ns: int) -> None:
        child = self.random.choice(CHILDREN)
        kind = self.random.choice([k for k in FaultKind if k is not FaultKind.TOKEN_EXPIRED])
        self._add(
            at_ns,
            self.random.choice(
                (
                    act.ArmFault(
                        child=child,
                        on=self.random.choice(list(FaultOn)),
                        kind=kind,
                        times=self.random.randint(1, 2),
                        after_ns=20 * NS_PER_S,
                        by_ns=3 * NS_PER_S,
                    ),
                    act.OwnTrade(
                        child=child,
                        exchange="NFO",
                        symbol=CALL,
                        product="NRML",
                        side=self.random.choice(list(Side)),
                        quantity=65,
                    ),
                    act.MasterUnreadable(for_ns=4 * NS_PER_S),
                    act.SetAvailable(amounts=((act.MASTER, Decimal(self.random.randrange(900_000, 1_100_000))),)),
                )
            ),
        )

    def _operate(self, at_ns: int) -> None:
        child = self.random.choice(CHILDREN)
        event: events.Operator = self.random.choice(
            (
                events.Paused(at_ns=at_ns),
                events.Resumed(at_ns=at_ns),
                events.PromptAnswered(at_ns=at_ns, approve=True),
                events.PromptAnswered(at_ns=at_ns, approve=False, children=(child,)),
                events.ChildResynced(at_ns=at_ns, child=child),
                events.ChildJoined(at_ns=at_ns, child=child),
                events.MaxCapitalSet(at_ns=at_ns, child=child, max_capital_inr=Decimal(150_000)),
                events.StrategyReset(at_ns=at_ns),
                events.Flattened(at_ns=at_ns, children=(child,)),
            )
        )
        self._add(at_ns, act.Operate(event=event))

    def _crash(self, at_ns: int) -> None:
        self._add(at_ns, act.Crash(for_ns=self.random.choice((0, 2 * NS_PER_S))))
        if self.random.random() < 0.8:
            self._add(at_ns + 3 * NS_PER_S, act.Operate(event=events.Resumed(at_ns=at_ns + 3 * NS_PER_S)))
