"""What the operator can order, each behind the dialog that it needs. Sends events into the feed; decides nothing else.

A single key only pauses. Everything that trades, or stops trading from being safe, names account, symbol and quantity
first and wants a letter or a typed word.
"""

from collections.abc import Callable

from config.schema import Mode
from engine import events as ev
from engine.model import LegId, split_leg
from engine.snapshot import EngineState, PromptView, Snapshot
from tui import format as fmt
from tui.answers import Answers
from tui.bridge import AccountDesk, EngineFeed
from tui.ears import Ears
from tui.frame import Frame, busy, open_cells, running
from tui.screens import ask_lines as say
from tui.screens import cap_lines as caps
from tui.screens.ask import Notice, Picker, Question, Typed, TypedValue
from tui.screens.confirm import Confirm
from tui.screens.dialog import Dialog
from tui.screens.kill import Kill
from tui.screens.overview import Overview
from tui.text import Line, line, wrap
from tui.widgets.live_table import Row

TOLD_S = 4.0
"How long a note is to be seen."


class Operations(Ears):
    """The part of the app that asks the operator and sends his orders."""

    def __init__(self, feed: EngineFeed, *, arm_s: float, desk: AccountDesk | None = None) -> None:
        super().__init__(arm_s=arm_s)
        self.feed = feed
        self.desk = desk
        self.frame: Frame | None = None
        self.answers = Answers()
        self._says_how_to_quit = False

    @property
    def overview(self) -> Overview:
        """The screen at the bottom."""
        bottom = self.screen_stack[0]
        if not isinstance(bottom, Overview):
            raise TypeError("the bottom screen is the overview")
        return bottom

    def send(self, event: ev.Operator) -> None:
        """Hand an order to the engine."""
        self.feed.send(event)

    def tell(self, text: str, *, bad: bool = False) -> None:
        """A short note. Never markup."""
        self.notify(text, severity="warning" if bad else "information", markup=False, timeout=TOLD_S)

    def now(self) -> int:
        """The time of an operator's order."""
        return self.feed.now_ns()

    def ready(self) -> Frame | None:
        """The frame to act upon; says so when there is none yet."""
        if self.frame is None:
            self.tell("The engine has not published anything yet.", bad=True)
        return self.frame

    # Prompts ----------------------------------------------------------------------------------------------------

    def offer_prompts(self) -> None:
        """Open the confirm dialog when something waits that was not put off, and no other dialog is open."""
        if self.frame is None or len(self.screen_stack) > 1:
            return
        if not all(self.answers.is_put_off(prompt) for prompt in self.answers.queue(self.frame.snapshot)):
            self.push_screen(Confirm(self.frame, self.answers, self.send, arm_s=self.arm_s))

    def unseen_prompts(self, snapshot: Snapshot) -> tuple[PromptView, ...]:
        """Prompts without an answer that no dialog shows, and that will not be asked at the next look."""
        if isinstance(self.screen, Confirm):
            return ()
        waiting = self.answers.queue(snapshot)
        behind = len(self.screen_stack) > 1
        return tuple(prompt for prompt in waiting if behind or self.answers.is_put_off(prompt))

    def action_confirm(self) -> None:
        """Open what was put off."""
        frame = self.ready()
        if frame is None:
            return
        if not self.answers.queue(frame.snapshot):
            self.tell("Nothing waits for your answer.")
            return
        self.answers.later.clear()
        self.offer_prompts()

    # Stop and go ------------------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        """Pause at once; resuming asks."""
        frame = self.ready()
        if frame is None:
            return
        state = frame.snapshot.engine
        if state is EngineState.ARMED:
            self.send(ev.Paused(at_ns=self.now()))
            self.tell("Pause asked for: no more entries, exits go on. space resumes.")
        elif state in (EngineState.PAUSED, EngineState.DISARMED):
            self.ask(
                Question(frame, "RESUME ENTRIES", say.resume_lines, yes="resume entries", no="stay as it is"),
                lambda: self.send(ev.Resumed(at_ns=self.now())),
            )
        else:
            word = "F12 lifts the kill switch" if frame.kill_level else "nothing can be paused or resumed"
            self.tell(f"The engine is {state.value}: {word}.", bad=True)

    def action_kill(self) -> None:
        """Open the kill dialog, over whatever is open."""
        frame = self.ready()
        if frame is None or isinstance(self.screen, Kill):
            return
        self.push_screen(Kill(frame, opened_s=self.typed_at_s), self.kill_to)

    def kill_to(self, level: int | None) -> None:
        """More stops at once; less wants the word."""
        frame = self.frame
        if level is None or frame is None:
            return
        if level > frame.kill_level:
            self.send(ev.KillSwitched(at_ns=self.now(), level=level))
            self.tell(f"Kill switch, level {level}: asked for.", bad=True)
            return
        self.ask(
            Typed(frame, "LIFT THE KILL SWITCH", lambda now, width: say.lift_lines(now, width, level), word="RESUME"),
            lambda: self.send(ev.KillSwitched(at_ns=self.now(), level=level)),
        )

    def ask(self, dialog: Dialog[bool], act: Callable[[], None]) -> None:
        """Show a dialog and act when it is answered with yes."""
        self.push_screen(dialog, lambda yes: act() if yes else None)

    def pick(
        self,
        title: str,
        choices: Callable[[Frame, int], list[Row]],
        then: Callable[[str | None], None],
        *,
        first: str = "",
    ) -> None:
        """Show choices, `first` proposed, and go on with the one that is taken."""
        if self.frame is not None:
            self.push_screen(Picker(self.frame, title, choices, arm_s=self.arm_s, first=first), then)

    # Children ---------------------------------------------------------------------------------------------------

    def action_resync(self, first: str = "") -> None:
        """Choose a child to resync, `first` or the selected one proposed."""
        frame = self.ready()
        if frame is None:
            return
        self.pick(
            "RESYNC: missing entries are offered in a prompt, due exits are sent",
            say.resync_rows,
            lambda child: self.child_event(child, "resync", ev.ChildResynced),
            first=first or self.overview.matrix.selected_child,
        )

    def action_hasten(self, first: str = "") -> None:
        """Choose a child with unknown exits, `first` proposed, then type RESEND."""
        frame = self.ready()
        if frame is None:
            return
        if not say.hasten_rows(frame, 80):
            self.tell("No exit is unknown.")
            return
        self.pick("UNKNOWN EXITS: send again", say.hasten_rows, self.hasten, first=first)

    def hasten(self, child: str | None) -> None:
        """Name the orders, and want the word."""
        if not child or self.frame is None:
            return
        self.ask(
            Typed(self.frame, f"SEND AGAIN {child}", lambda f, width: say.hasten_lines(f, width, child), word="RESEND"),
            lambda: self.send(ev.ExitsHastened(at_ns=self.now(), child=child)),
        )

    def action_join(self, first: str = "") -> None:
        """Choose a left-out child to join, `first` or the selected one proposed."""
        frame = self.ready()
        if frame is None:
            return
        if not say.join_rows(frame, 80):
            self.tell("No child is left out.")
            return
        self.pick(
            "JOIN: all legs of the running strategy are offered in one prompt",
            say.join_rows,
            lambda child: self.child_event(child, "join", ev.ChildJoined),
            first=first or self.overview.matrix.selected_child,
        )

    def child_event(self, child: str | None, word: str, make: type[ev.ChildJoined] | type[ev.ChildResynced]) -> None:
        """Send an event about a child."""
        if child:
            self.send(make(at_ns=self.now(), child=child))
            self.tell(f"{child}: {word} asked for.")

    def action_cap(self) -> None:
        """Choose a child and type its capital cap."""
        frame = self.ready()
        if frame is not None:
            self.pick("MAX CAPITAL: which child", caps.cap_rows, self.cap_of, first=self.overview.matrix.selected_child)

    def cap_of(self, child: str | None) -> None:
        """Type the cap of a child."""
        if not child or self.frame is None:
            return

        def preview(text: str) -> Line | None:
            return None if self.frame is None else caps.cap_preview(self.frame, child, text)

        self.push_screen(
            TypedValue(
                self.frame,
                "MAX CAPITAL",
                lambda now, width: caps.cap_lines(now, width, child),
                hint="amount, like 5,00,000 or 5 L; none lifts it",
                preview=preview,
            ),
            lambda text: self.set_cap(child, text),
        )

    def set_cap(self, child: str, text: str | None) -> None:
        """Send the typed cap."""
        if text is None:
            return
        amount = None if text.strip().lower() == "none" else fmt.parse_amount(text)
        self.send(ev.MaxCapitalSet(at_ns=self.now(), child=child, max_capital_inr=amount))
        self.tell(f"{child}: {'no cap' if amount is None else f'max capital {fmt.rupees(amount)}'} asked for.")

    def action_adopt(self, symbol: str = "") -> None:
        """Choose a background leg to follow, that of a symbol proposed."""
        frame = self.ready()
        if frame is None:
            return
        if not say.adopt_rows(frame, 80):
            none = not frame.snapshot.background
            self.tell("The master has no background lots." if none else "No background lots can be adopted now.")
            return
        first = next((leg.leg for leg in frame.snapshot.background if leg.adoptable and leg.symbol == symbol), symbol)
        self.pick("ADOPT: the leg is followed from now on, after a prompt", say.adopt_rows, self.adopt, first=first)

    def adopt(self, leg: str | None) -> None:
        """Send the choice; the engine asks about every leg of the symbol."""
        if leg:
            symbol = split_leg(LegId(leg))[1]
            self.send(ev.BackgroundAdopted(at_ns=self.now(), symbol=symbol))
            self.tell(f"{symbol}: adoption asked for.")

    def action_terms(self, symbol: str = "") -> None:
        """Choose a leg whose instrument changed over night, that of `symbol` proposed, then type that of today."""
        frame = self.ready()
        if frame is None:
            return
        rows = say.changed_rows(frame, 80)
        if not rows:
            self.tell("No instrument changed over night.")
            return
        first = next((row.key for row in rows if symbol and split_leg(LegId(row.key))[1] == symbol), "")
        self.pick("NEW TERMS: which leg", say.changed_rows, self.terms_of, first=first)

    def terms_of(self, leg: str | None) -> None:
        """Type the symbol of today."""
        if not leg or self.frame is None:
            return
        self.push_screen(
            TypedValue(
                self.frame,
                "NEW TERMS",
                lambda now, width: say.terms_lines(now, width, leg),
                hint="the symbol of today; the same one accepts the new terms",
                preview=lambda text: say.terms_preview(text, leg),
            ),
            lambda text: self.map_leg(leg, text),
        )

    def map_leg(self, leg: str, text: str | None) -> None:
        """Send the typed symbol."""
        if text is None:
            return
        symbol = text.strip().upper()
        self.send(ev.LegMapped(at_ns=self.now(), leg=LegId(leg), symbol=symbol))
        self.tell(f"{split_leg(LegId(leg))[1]}: {symbol} asked for.")

    # Strategy and mode ------------------------------------------------------------------------------------------

    def action_reset(self) -> None:
        """Reset the strategy, typed."""
        frame = self.ready()
        if frame is None:
            return
        if not running(frame.snapshot) and not open_cells(frame.snapshot):
            self.tell("No strategy is running.")
            return
        self.ask(
            Typed(frame, "RESET THE STRATEGY", say.reset_lines, word="RESET"),
            lambda: self.send(ev.StrategyReset(at_ns=self.now())),
        )

    def action_flatten(self) -> None:
        """Choose all or one, then type FLATTEN."""
        frame = self.ready()
        if frame is None:
            return
        if not open_cells(frame.snapshot):
            self.tell("Nothing of ours is open.")
            return
        self.pick("FLATTEN: which children", say.flatten_rows, self.flatten)

    def flatten(self, choice: str | None) -> None:
        """Everybody at once, or one child: then all of it or one leg."""
        if not choice or self.frame is None:
            return
        if choice == say.ALL:
            self.flatten_wholly(())
            return
        self.pick(
            f"FLATTEN {choice}: all of it, or one leg",
            lambda f, width: say.leg_rows(f, width, choice),
            lambda leg: self.flatten_legs(choice, leg),
        )

    def flatten_legs(self, child: str, leg: str | None) -> None:
        """Everything of a child, or one leg of it."""
        if not leg or self.frame is None:
            return
        if leg == say.ALL:
            self.flatten_wholly((child,))
            return
        title = f"EXIT {split_leg(LegId(leg))[1]} OF {child}"
        self.ask(
            Typed(self.frame, title, lambda now, width: say.exit_lines(now, width, child, leg), word="EXIT"),
            lambda: self.send(ev.LegExited(at_ns=self.now(), leg=LegId(leg), children=(child,))),
        )

    def flatten_wholly(self, children: tuple[str, ...]) -> None:
        """Name what is sold and bought, and want the word."""
        if self.frame is None:
            return
        title = f"FLATTEN {children[0] if children else 'EVERY CHILD'}"
        self.ask(
            Typed(self.frame, title, lambda now, width: say.flatten_lines(now, width, children), word="FLATTEN"),
            lambda: self.send(ev.Flattened(at_ns=self.now(), children=children)),
        )

    def action_mode(self) -> None:
        """Switch between paper and live."""
        frame = self.ready()
        if frame is None:
            return
        current = frame.snapshot.mode_next or frame.snapshot.mode
        if current is Mode.LIVE:
            self.ask(
                Question(frame, "SWITCH TO PAPER", say.paper_lines, yes="PAPER", no="stay"),
                lambda: self.send(ev.ModeRequested(at_ns=self.now(), mode=Mode.PAPER)),
            )
            return
        refusal = self.feed.live_refusal
        if refusal:
            self.push_screen(
                Notice(
                    frame, "LIVE IS NOT POSSIBLE", lambda _frame, width: [line(part) for part in wrap(refusal, width)]
                )
            )
            return
        self.ask(
            Typed(frame, "SWITCH TO LIVE", say.live_lines, word="LIVE"),
            lambda: self.send(ev.ModeRequested(at_ns=self.now(), mode=Mode.LIVE)),
        )

    # Accounts ---------------------------------------------------------------------------------------------------

    def action_doctor(self, first: str = "") -> None:
        """Check every account, and log one in, `first` proposed."""
        from tui.screens.doctor import Doctor

        frame = self.ready()
        if frame is None:
            return
        if self.desk is None or not self.desk.accounts:
            self.tell("Every account is on paper: there is nothing to connect.")
            return
        self.push_screen(Doctor(frame, self.desk, first=first), self.log_in)

    def log_in(self, account: str | None) -> None:
        """The login of one account; the doctor looks again when it is done."""
        from tui.screens.login import Login

        if account and self.frame is not None and self.desk is not None:
            self.push_screen(Login(self.frame, self.desk, account), self.logged_in)

    def logged_in(self, told: str | None) -> None:
        """Say what came of it, and look again."""
        if told:
            self.tell(f"{told}.")
        self.action_doctor()

    def action_help_quit(self) -> None:
        """The key that ends other programs: held down or hit again it covers the screen with no more than one note."""
        if not self._says_how_to_quit:
            self._says_how_to_quit = True
            self.set_timer(TOLD_S, self._said_how_to_quit)
            self.tell("ctrl+c ends nothing here: ctrl+q quits.")

    def _said_how_to_quit(self) -> None:
        self._says_how_to_quit = False

    async def action_quit(self) -> None:
        """Leave; with something open, or LIVE in market hours, say first what happens."""
        frame = self.frame
        if frame is None or not (busy(frame.snapshot) or frame.would_copy_live):
            if self.has_just_closed:
                self.tell("A dialog has just been closed. q again quits.")
            else:
                self.exit(0)
            return
        if any(isinstance(screen, Question) and screen.heading == "QUIT" for screen in self.screen_stack):
            return  # it waits below the kill dialog: keys pressed in turn pile up nothing
        leave = "quit, leave it open" if open_cells(frame.snapshot) else "quit"
        self.ask(
            Question(frame, "QUIT", say.quit_lines, yes=leave, no="stay", danger=frame.live, arm_s=self.arm_s),
            lambda: self.exit(0),
        )
