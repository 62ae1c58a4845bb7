"""Lockstep's command line and composition root: the only file that knows every part. It decides nothing about trading.

Heavy imports (Textual, the brokers' SDKs) happen inside the commands that need them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from config import command_line
from config.errors import ConfigError, all_messages
from engine import signals
from engine.errors import AlreadyRunning, JournalFailed, LockstepError, StateRefused

if TYPE_CHECKING:
    from brokers.house import House
    from config.schema import Account, Mode, Settings
    from engine.clock import ScaledClock
    from engine.events import Event
    from engine.feed import QuoteFeed
    from engine.loop import EngineLoop
    from engine.model import Instrument, InstrumentId
    from engine.ports import Lane, SessionState
    from engine.snapshot import NoticeLine
    from paper.venues import Venue
    from tui.app import LockstepApp

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent
DEMO_CONFIG = ROOT / "config" / "demo.yaml"
DATA = Path("state/data")
LOGS = Path("logs")
DONE, WRONG, USAGE, LOCKED, DISARMED = 0, 1, 2, 3, 4
STOP_GRACE_S = 12.0
INTERRUPTED = 128 + signal.SIGINT
RUN_ADVICE = "Use its dashboard, or start with --take-over."
REPLAY_ADVICE = "A second replay has to wait for its end, or stop it."
QUOTE_INTERVAL_NS = 500_000_000
LIVE_REFUSAL = (
    "no real broker can be connected in this version, only a sandbox on this machine (brokers.zerodha.root_url and "
    "ticker_url); everything else runs on paper"
)
MODE_REFUSAL = "the mode of a running session cannot be changed yet; stop it and start with --paper or --live"


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = sys.argv[1:] if argv is None else argv
    known = ("-h", "--help", "--version")
    if not given or (given[0].startswith("-") and given[0] not in known):
        given = ["run", *given]  # the default command
    arguments = _parser().parse_args(given)
    try:
        code: int = arguments.action(arguments)
    except ConfigError as error:
        for message in all_messages(error):
            print(message, file=sys.stderr)
        return USAGE
    except AlreadyRunning as error:
        print(error, file=sys.stderr)
        return LOCKED
    except (StateRefused, JournalFailed) as error:
        print(error, file=sys.stderr)
        return DISARMED
    except LockstepError as error:
        print(error, file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:  # of a command without an orderly end of its own
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    return code


def _parser() -> argparse.ArgumentParser:
    actions = {"run": _run, "replay": _replay, "simulate": _simulate, "verify": _verify, "status": _status}
    actions |= {"doctor": _doctor, "login": _login, "sandbox": _sandbox}
    return command_line.parser(actions, VERSION)


# The commands


def _run(arguments: argparse.Namespace) -> int:
    """`run`: the dashboard, or headless."""
    from config.load import load_settings
    from config.schema import Mode
    from engine.agenda import Agenda
    from engine.clock import VirtualClock
    from engine.loop import EngineLoop
    from paper.rebuild import inputs_of
    from paper.venues import DemoVenue, demo_day, demo_start_ns
    from state.instance import only_instance

    path = arguments.config or (
        command_line.CONFIG if command_line.CONFIG.exists() and not arguments.demo else DEMO_CONFIG
    )
    settings = load_settings(path)
    if settings.master.broker != "paper":
        return _run_real(arguments, settings, path)
    if arguments.live:
        print("LIVE is refused: the accounts of this configuration are on paper", file=sys.stderr)
        return USAGE
    _refuse_mixed(settings, path)
    day = demo_day(_today())
    start_ns = demo_start_ns(day)
    root, end_other_s = DATA / "demo", STOP_GRACE_S if arguments.take_over else 0
    with only_instance(
        root, Mode.PAPER, started_ns=time.time_ns(), advice=RUN_ADVICE, end_other_s=end_other_s
    ) as taken_over:
        may_start, left_open = _other_mode(root, Mode.PAPER)
        if not may_start:
            return DISARMED
        loop = EngineLoop(VirtualClock(start_ns), Agenda())
        venue = DemoVenue(settings, loop, day, start_ns)
        beginning = _begin(root, venue, inputs_of(venue, settings, VERSION), taken_over=taken_over)
        loop.clock = _scaled(loop.now_ns(), float(settings.demo.speed))
        session = _Session(arguments, loop, venue, settings, root, beginning, source="demo", speed=settings.demo.speed)
        session.show_left_open(left_open)
        return session.run(until_flat=arguments.until_flat)


def _run_real(arguments: argparse.Namespace, settings: Settings, path: Path) -> int:
    """`run` with accounts at real brokers (or at a sandbox)."""
    from brokers.house import House
    from brokers.loopback import is_loopback, sandbox_time_ns
    from config.rules import to_ist
    from config.schema import Mode
    from engine.agenda import Agenda
    from engine.clock import ShiftedClock, SystemClock
    from engine.loop import EngineLoop
    from state.instance import only_instance

    _refuse_mixed(settings, path)
    if not arguments.live:
        print("paper trading beside a real master follows; start with --live", file=sys.stderr)
        return USAGE
    root_url = settings.brokers.zerodha.root_url
    if root_url is None or not is_loopback(root_url) or not is_loopback(settings.brokers.zerodha.ticker_url):
        print(f"LIVE is refused: {LIVE_REFUSAL}", file=sys.stderr)
        return USAGE
    if not _typed_live(arguments, settings):
        return DISARMED
    shown_ns = sandbox_time_ns(root_url)
    loop = EngineLoop(SystemClock() if shown_ns is None else ShiftedClock(shown_ns), Agenda())
    root, end_other_s = DATA, STOP_GRACE_S if arguments.take_over else 0
    with only_instance(root, Mode.LIVE, started_ns=time.time_ns(), advice=RUN_ADVICE, end_other_s=end_other_s):
        may_start, left_open = _other_mode(root, Mode.LIVE)
        if not may_start:
            return DISARMED
        house = House(settings, loop.now_ns, loop.post, root / "instruments")
        day = to_ist(loop.now_ns()).date()
        try:
            house.open([settings.master, *settings.children])
            house.load_instruments(day)
            venue = _RealVenue(house, loop, settings, day)
            session = _Session(arguments, loop, venue, settings, root, "", source=venue.source, mode=Mode.LIVE)
            session.show_left_open(left_open)
            return session.run(until_flat=arguments.until_flat)
        finally:
            house.close()


def _typed_live(arguments: argparse.Namespace, settings: Settings) -> bool:
    """Whether the operator typed LIVE; at a sandbox a script may say it with an option."""
    from tui.plain_question import typed

    if arguments.typed == "LIVE":
        return True
    lines = [
        f"LIVE: orders with real money, from {settings.master.id} to "
        f"{', '.join(child.id for child in settings.children)}.",
    ]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        lines.append("Start in a terminal and type LIVE; --typed LIVE counts at a sandbox on this machine only.")
        print("\n".join(lines), file=sys.stderr)
        return False
    return typed(lines, "LIVE")


class _RealVenue:
    """Real accounts as a session sees them."""

    until_ns = None

    def __init__(self, house: House, loop: EngineLoop, settings: Settings, day: date) -> None:
        from engine.daily import DailyTurn

        self._house, self._loop, self._settings = house, loop, settings
        self.day = day
        self.source = "" if settings.brokers.zerodha.root_url is None else "sandbox"
        self.instruments: tuple[Instrument, ...] = ()
        self.carried: tuple[InstrumentId, ...] = ()
        self._turn = DailyTurn(loop, day, self._open_day)

    def connect(self) -> tuple[Mapping[str, Lane], QuoteFeed]:
        """Lanes and quotes for the process that starts."""
        from engine.feed import SharedFeed
        from engine.model import NS_PER_S

        feed = SharedFeed(self._loop.post, self._house.subscribe, QUOTE_INTERVAL_NS, 4 * NS_PER_S)
        self.instruments = self._house.instruments_of(self.carried)
        return self._house.connect(feed), feed

    def _open_day(self, day: date, now_ns: int) -> Sequence[Event]:
        """A new trading day: its rules at once, its instruments when somebody has logged in."""
        from engine.opening import next_day

        self._house.turn_to(day)
        return (next_day(self._settings, day, now_ns),)


def _replay(arguments: argparse.Namespace) -> int:
    """`replay`: a recorded day."""
    from config.load import load_settings
    from config.schema import Mode
    from engine.agenda import Agenda
    from engine.clock import VirtualClock
    from engine.loop import EngineLoop
    from paper.accounts import for_replay
    from paper.rebuild import files_digest, inputs_of
    from paper.recorded import load_day
    from paper.venues import ReplayVenue, first_ns
    from state.instance import only_instance

    path = arguments.config or DEMO_CONFIG
    settings = for_replay(load_settings(path), path, answered=not arguments.headless)
    recorded = load_day(arguments.directory, from_time=arguments.from_time, to_time=arguments.to_time)
    for warning in recorded.warnings:
        print(f"note: {warning}", file=sys.stderr)
    files, times = files_digest(arguments.directory), f"{arguments.from_time} to {arguments.to_time}"
    root = DATA / "replay"
    with only_instance(root, Mode.PAPER, started_ns=time.time_ns(), advice=REPLAY_ADVICE):
        loop = EngineLoop(VirtualClock(first_ns(recorded)), Agenda())
        venue = ReplayVenue(settings, loop, recorded)
        inputs = inputs_of(venue, settings, VERSION, recording=files, times=times)
        beginning = _begin(root, venue, inputs, taken_over=False)
        at_once = arguments.speed == float("inf")
        if not at_once:
            loop.clock = _scaled(loop.now_ns(), arguments.speed)
        speed = Decimal("Infinity") if at_once else Decimal(str(arguments.speed))
        source = f"replay {recorded.name}"
        return _Session(arguments, loop, venue, settings, root, beginning, source=source, speed=speed).run()


def _simulate(arguments: argparse.Namespace) -> int:
    """`simulate`: a scenario on a virtual clock."""
    from config.schema import Mode
    from paper.scenario_file import load_scenario
    from paper.simulate import Simulation
    from paper.verdict import result_of, summary
    from state.log import words
    from state.session import Session

    scenario = load_scenario(arguments.scenario)

    def trace(at_s: float, line: NoticeLine) -> None:
        print(f"{at_s:10.3f}  {words(line)}", file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="lockstep-") as root:
        simulation = Simulation(
            scenario, lambda: Session(Path(root), Mode.PAPER, sync=False), trace if arguments.trace else None
        )
        simulation.run()
        result = result_of(simulation)
    print(json.dumps(result, indent=2) if arguments.json else summary(result))
    return WRONG if result["failed"] or result["violations"] else DONE


def _verify(arguments: argparse.Namespace) -> int:
    """`verify`: many faulty days through the real engine, journal and recovery."""
    from paper.verify import campaign, report
    from tui.progress import progress

    try:
        faults = None if arguments.faults is None else report.chosen_faults(arguments.faults)
    except ValueError as error:
        print(error, file=sys.stderr)
        return USAGE
    first, count = arguments.first_seed, arguments.seeds
    found = campaign.Campaign()
    signals.hold_back_interrupt()
    began_s = time.monotonic()
    with progress("seeds", count) as advance:
        for outcome in campaign.outcomes(range(first, first + count), _open_for_trial, faults):
            signals.let_interrupt()  # all workers have begun by now
            found.add(outcome)
            advance()
    print("\n".join(report.summary(found, first, time.monotonic() - began_s)))
    for outcome in found.broken:
        print(report.broken_line(outcome))
    for outcome in found.broken[: campaign.STORIES_MOST]:
        print("\n" + "\n".join(campaign.story(outcome.seed, _open_for_trial, faults)))
    return WRONG if found.broken else DONE


def _open_for_trial(root: Path, watch: Callable[[str, Path], None]) -> SessionState:
    """The real session on a directory of a simulated day; power cuts are simulated, so nothing waits for the disk."""
    from config.schema import Mode
    from state.session import Session

    return Session(root, Mode.PAPER, sync=False, watch=watch)


def _status(arguments: argparse.Namespace) -> int:
    """`status`: what the running or last session holds."""
    from state.status import newest_status

    status = newest_status([DATA, DATA / "demo", DATA / "replay"])
    if status is None:
        print("no session has left any state yet", file=sys.stderr)
        return WRONG
    print(json.dumps(status.document, indent=2) if arguments.json else status.text())
    return DONE


def _doctor(arguments: argparse.Namespace) -> int:
    """`doctor`: checks every account and the configuration; never sends an order."""
    from brokers.doctor import examine
    from brokers.findings import Level
    from config.load import load_settings
    from tui.text import clean

    settings = load_settings(arguments.config or command_line.CONFIG)
    marks = {Level.GOOD: "ok  ", Level.NOTE: "note", Level.BAD: "BAD "}
    found = []
    for finding in examine(settings, _today(), DATA / "instruments", time.time_ns):
        found.append(finding)
        if not arguments.json:
            todo = f"; {finding.todo}" if finding.todo else ""
            print(clean(f"{marks[finding.level]} {finding.account:<8} {finding.check:<12} {finding.text}{todo}"))
    bad = any(finding.level is Level.BAD for finding in found)
    if arguments.json:
        rows = [{name: str(getattr(f, name)) for name in ("account", "check", "level", "text", "todo")} for f in found]
        print(json.dumps({"good": not bad, "findings": rows}, indent=2))
    return WRONG if bad else DONE


def _login(arguments: argparse.Namespace) -> int:
    """`login`: the morning login of one account, or of each that needs one."""
    from config.load import load_settings

    settings = load_settings(arguments.config or command_line.CONFIG)
    accounts = [a for a in (settings.master, *settings.children) if a.broker == "zerodha"]
    chosen = [a for a in accounts if arguments.account in (None, a.id)]
    if not chosen:
        known = ", ".join(account.id for account in accounts) or "none: everybody is on paper"
        print(f"no account at Zerodha is called {arguments.account}; there are {known}", file=sys.stderr)
        return USAGE
    done = [_log_in(account, settings, always=arguments.account is not None) for account in chosen]
    return DONE if all(done) else WRONG


def _log_in(account: Account, settings: Settings, *, always: bool) -> bool:
    """Log one account in; whether it has a session then."""
    import queue

    from brokers.zerodha.login import REDIRECT, Catcher, Login, LoginFailed
    from config.credentials import load_credentials, save_access_token
    from tui.plain_login import pasted_or_caught

    path = Path(account.credentials or "")
    credentials = load_credentials(path, account.broker)
    login = Login(credentials, settings.brokers.zerodha)
    caught: queue.Queue[str] = queue.Queue()
    catcher = None
    try:
        if not always and login.holder(credentials.get("access_token")) == credentials["user_id"].reveal():
            print(f"{account.id}: logged in already")
            return True
        with contextlib.suppress(OSError):  # somebody else listens there: then the address is pasted
            catcher = Catcher(caught.put)
        print(f"{account.id}: log in as its owner at\n  {login.url}")
        print(
            f"then paste the address that the browser ends at (nothing to paste where the app redirects to {REDIRECT}):"
        )
        given = pasted_or_caught(caught)
        if given is None:
            print(f"{account.id}: not logged in", file=sys.stderr)
            return False
        save_access_token(path, login.exchange(given))
    except LoginFailed as failure:
        print(f"{account.id}: {failure}", file=sys.stderr)
        return False
    finally:
        login.close()
        if catcher is not None:
            catcher.close()
    print(f"{account.id}: logged in until 06:00 tomorrow; the token is in {path}. A running session takes it by itself")
    return True


def _sandbox(arguments: argparse.Namespace) -> int:
    """`sandbox`: a loopback Kite Connect with a simulated market, or with a recorded day."""
    from paper.sandbox import command
    from paper.venues import demo_day

    return command.run(arguments, demo_day(_today()), DATA / "sandbox")


def _other_mode(root: Path, mode: Mode) -> tuple[bool, str]:
    """Whether a start may go on beside what the other mode left open, and what that is, '' for nothing.

    The operator types the choice; without a terminal nobody can, and the program does not start.
    """
    from config.schema import Mode
    from state.leftover import find_leftover
    from tui.plain_question import typed

    found = find_leftover(root, Mode.LIVE if mode is Mode.PAPER else Mode.PAPER)
    if found is None or not (found.allocations or found.queued or found.working or found.unknown or found.held):
        return True, ""
    word = mode.value.upper()
    lines = [f"Not closed: {found}.", f"Nobody follows the master out of it while the program runs in {word}."]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        lines.append(f"Start in a terminal and type {word} to go on beside it, or close it in its own mode first.")
        print("\n".join(lines), file=sys.stderr)
        return False, ""
    return typed(lines, word), str(found)


def _refuse_mixed(settings: Settings, path: Path) -> None:
    """Either everybody trades on paper or everybody live: what lies between is not built yet."""
    on_paper = settings.master.broker == "paper"
    for child in settings.children:
        if on_paper and child.broker != "paper":
            text = f"{child.id} is at a real broker and the master on paper; use broker: paper for both"
            raise ConfigError(path, None, "broker", text)
        if not on_paper and (child.broker == "paper" or not child.live):
            text = f"{child.id} is on paper; a child on paper beside a real master follows: write live: true"
            raise ConfigError(path, None, "live", text)


# Sessions


class _Session:
    """One engine with its terminal: dashboard or headless, signals, log, orderly end."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        loop: EngineLoop,
        venue: Venue | _RealVenue,
        settings: Settings,
        root: Path,
        beginning: str,
        *,
        source: str,
        speed: Decimal = Decimal(1),
        mode: Mode | None = None,
    ) -> None:
        from config.schema import Mode
        from engine.events import Resumed
        from engine.opening import carried_instruments, opening
        from engine.runtime import Runtime, boot
        from engine.view import Frame
        from state.log import SessionLog
        from state.session import Session

        self._arguments, self._venue = arguments, venue
        self._json = bool(getattr(arguments, "json", False))
        self._lines = sys.stderr if self._json else sys.stdout
        self._log = SessionLog(LOGS, _today())
        signals.hold_back()  # one that comes while the session opens waits for `run`
        mode = mode or Mode.PAPER
        stored = Session(root, mode)
        venue.carried = carried_instruments(stored.replicator)
        lanes, feed = venue.connect()
        self._say_first_steps(settings, stored.notes, loop.clock.now_ns())
        start = opening(settings, venue.day, loop.clock.now_ns(), unclean=stored.unclean, mode=mode)
        host = boot(loop, stored, lanes, feed, start, venue.instruments, version=VERSION, on_notice=self._note)
        self._host = host
        self._replays = venue.until_ns is not None
        self._tell(beginning)
        if arguments.headless and host.replicator.state.unclean:
            if self._replays:
                self._tell("nobody is there to ask: the replay resumes by itself")
                loop.post(Resumed(at_ns=start.at_ns))
            else:
                same = command_line.same_accounts(arguments)
                self._tell(f"nobody can answer here: `python runner.py run --take-over{same}` asks, in a dashboard")
        self._terminal_lost = settings.on_terminal_lost
        self._app: LockstepApp | None = None
        self._terminal: list[object] | None = None
        self._frame = frame = Frame(source=source, speed=speed)
        self.runtime = Runtime(loop, host, stored, frame, live_refusal=MODE_REFUSAL, until_ns=venue.until_ns)
        self._signal = 0

    def run(self, *, until_flat: bool = False) -> int:
        """Run to the end; returns the exit code."""
        self.runtime.until_flat = until_flat
        signals.hear(self._signalled)
        if self._arguments.headless:
            self.runtime.start()
            self.runtime.done.wait()
        else:
            self._dashboard()
        self.runtime.stop(STOP_GRACE_S)
        broken = self._judge() if self._replays else []
        if self._host.failed or broken:
            return WRONG
        return DISARMED if self._host.replicator.state.unclean else DONE

    def show_left_open(self, left_open: str) -> None:
        """Show what the other mode's state holds open, as long as this session runs."""
        self._frame.left_open = left_open
        self._tell(f"left open in the other mode: {left_open}" if left_open else "")

    def _say_first_steps(self, settings: Settings, notes: Sequence[str], now_ns: int) -> None:
        """The steps of the start before the engine: lock, configuration, state check."""
        from engine.commands import Severity
        from engine.snapshot import NoticeLine

        children = ", ".join(child.id for child in settings.children)
        steps = ["lock: this is the only instance", f"configuration: master {settings.master.id}, children {children}"]
        steps += [f"state check: {note}" for note in notes] or ["state check: nothing to remark"]
        for text in steps:
            self._note(NoticeLine(number=0, at_ns=now_ns, severity=Severity.INFO, text=text))

    def _judge(self) -> list[str]:
        """Print what a replay came to; returns the invariants that it broke."""
        from paper.verdict import broken, replay_result

        state = self._host.replicator.state
        if self._json and not isinstance(self._venue, _RealVenue):
            print(json.dumps(replay_result(self._venue, state), indent=2))
        found = broken(state)
        for text in found:
            print(f"violation: {text}", file=sys.stderr)
        return found

    def _tell(self, text: str) -> None:
        """A line of this program's own among the engine's."""
        from engine.commands import Notify, Severity

        if text:
            self._host.note(Notify(at_ns=self._host.replicator.state.now_ns, severity=Severity.INFO, text=text))

    def _dashboard(self) -> None:
        from tui.app import EXIT_FAILED, EXIT_TERMINAL_LOST, LockstepApp, run_dashboard
        from tui.driver import terminal_settings

        self._terminal = terminal_settings()
        self.runtime.start()
        self._app = LockstepApp(self.runtime)
        code = run_dashboard(self.runtime, mouse=not self._no_mouse(), app=self._app, on_error=self._log.write)
        self._app = None
        if code == EXIT_TERMINAL_LOST and self._goes_on():
            self.runtime.until_flat = True
            self.runtime.done.wait()
        elif code == EXIT_FAILED:
            print(f"the dashboard failed; the traceback is in {self._log.path}", file=sys.stderr)

    def _no_mouse(self) -> bool:
        return bool(getattr(self._arguments, "no_mouse", False))

    def _goes_on(self) -> bool:
        """Whether the engine outlives a lost terminal: a strategy is open and the configuration says so."""
        return self._terminal_lost == "continue" and self.runtime.is_open and self._signal != signal.SIGTERM

    def _signalled(self, number: int) -> None:
        """On the signal thread: an orderly end, and a last resort when something hangs."""
        self._signal = number
        app = self._app
        if number == signal.SIGHUP and app is not None:
            app.request_exit(129)
            return
        self.runtime.loop.stop()
        if app is not None:
            app.request_exit(128 + number if number != signal.SIGINT else 0)
        last_resort = threading.Timer(STOP_GRACE_S, _last_resort, (128 + number, self._terminal))
        last_resort.daemon = True
        last_resort.start()

    def _note(self, line: NoticeLine) -> None:
        from state.log import timed_line

        text = timed_line(line)
        self._log.write(text)
        if self._arguments.headless:
            with contextlib.suppress(OSError):  # a closed pipe costs lines, never the session
                print(text, file=self._lines, flush=True)


def _last_resort(code: int, terminal: list[object] | None) -> None:
    """Something hangs beyond its time: leave the terminal usable and go."""
    if terminal is not None:
        from tui.driver import restore_terminal

        restore_terminal(terminal)
    os._exit(code)


def _begin(root: Path, venue: Venue, inputs: dict[str, str], *, taken_over: bool) -> str:
    """Let the market of a session that was killed or taken over go on where it stopped, or begin a new one.

    Returns:
        What people should know of it, '' for nothing.
    """
    from config.schema import Mode
    from paper.rebuild import changed, encode_inputs, rebuild
    from state.log import clock_text
    from state.market import empty_for, has_state, world_of
    from state.sent import is_unanswered, read_sent

    def anew(why: str) -> str:
        empty_for(root, Mode.PAPER, encode_inputs(inputs))
        return why and f"the market begins anew, {why}"

    try:
        sent = read_sent(root, Mode.PAPER)
        if sent is None:
            lost = has_state(root, Mode.PAPER)
            return anew(f"the journal below {root} is missing or empty" if lost else "")
        if sent.ended and not taken_over and not is_unanswered(root, Mode.PAPER):
            return anew("")
    except StateRefused:
        return anew(f"the journal below {root} cannot be read: damaged, or of another version")
    differing = changed(world_of(root), inputs)
    if differing or not sent.whole:
        return anew(f"it cannot go on: changed since: {', '.join(differing) or 'the journal'}")
    rebuild(venue, sent.writes, sent.last_ns)
    return f"the market goes on where it stopped, at {clock_text(sent.last_ns)}, with {len(sent.writes)} requests sent"


def _scaled(start_ns: int, speed: float) -> ScaledClock:
    """A clock that stands at its start until the engine runs."""
    from engine.clock import ScaledClock

    clock = ScaledClock(start_ns, speed)
    clock.hold_at(start_ns)
    return clock


def _today() -> date:
    from config.rules import to_ist

    return to_ist(time.time_ns()).date()


if __name__ == "__main__":
    sys.exit(main())
