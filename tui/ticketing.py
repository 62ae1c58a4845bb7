"""The order ticket: a leg, for whom, and how many lots; fewer want a word. Sends one event; decides nothing else."""

from engine import events as ev
from engine.model import LegId, split_leg
from tui.operations import Operations
from tui.screens import ticket_lines as say
from tui.screens.ask import Typed, TypedValue
from tui.screens.ask_lines import ALL


class Ticketing(Operations):
    """The part of the app that writes order tickets."""

    def action_ticket(self) -> None:
        """Choose a leg that the master holds."""
        frame = self.ready()
        if frame is None:
            return
        if not say.ticket_legs(frame.snapshot):
            self.tell("The master holds nothing that is followed: there is nothing to add to.")
            return
        self.pick("TICKET: which leg", say.ticket_leg_rows, self.ticket_for)

    def ticket_for(self, leg: str | None) -> None:
        """Choose everybody or one child."""
        if not leg or self.frame is None:
            return
        title = f"TICKET {split_leg(LegId(leg))[1]}: for whom"
        self.pick(
            title, lambda now, width: say.ticket_child_rows(now, width, leg), lambda child: self.ticket_of(leg, child)
        )

    def ticket_of(self, leg: str, child: str | None) -> None:
        """Type how many lots."""
        if not child or self.frame is None:
            return
        children = () if child == ALL else (child,)
        frame = self.frame
        self.push_screen(
            TypedValue(
                frame,
                f"TICKET {split_leg(LegId(leg))[1]} FOR {'EVERY CHILD' if child == ALL else child}",
                lambda now, width: say.ticket_lines(now, width, leg, children),
                hint=say.HINT,
                preview=lambda text: say.ticket_preview(self.frame or frame, leg, children, text),
                what="a number of lots",
                does="write it",
            ),
            lambda text: self.write_ticket(leg, children, text),
        )

    def write_ticket(self, leg: str, children: tuple[str, ...], text: str | None) -> None:
        """More lots are asked about by the engine, fewer here."""
        ticket = None if text is None else say.parse_ticket(text)
        if ticket is None or self.frame is None:
            return
        if say.leg_of(self.frame.snapshot, leg) is None:
            self.tell("The master is out of this leg: it takes no ticket.", bad=True)
            return

        def send() -> None:
            self.send(
                ev.TicketWritten(
                    at_ns=self.now(), leg=LegId(leg), lots=ticket.lots, children=children, in_ratio=ticket.in_ratio
                )
            )

        symbol = split_leg(LegId(leg))[1]
        if ticket.lots > 0:
            send()
            self.tell(f"{symbol}: ticket asked for.")
            return
        typed = text or ""
        self.ask(
            Typed(
                self.frame,
                f"FEWER LOTS OF {symbol} FOR {', '.join(children) or 'EVERY CHILD'}",
                lambda now, width: say.fewer_lines(now, width, leg, children, typed),
                word="EXIT",
            ),
            send,
        )
