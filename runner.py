"""Lockstep's command line and composition root: the only file that knows every part. It decides nothing about trading.

Heavy imports (Textual, the brokers' SDKs) happen inside the commands that need them.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
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
    from brokers.venue import RealVenue
    from config.schema import Mode, Settings
    from engine.clock import ScaledClock
    from engine.loop import EngineLoop
    from engine.ports import SessionState
    from engine.snapshot import NoticeLine
    from paper.venues import DemoVenue, ReplayVenue
    from state.limits import Limits
    from state.status import Status
    from tui.session import TerminalSession, Venue
    from tui.terminal import Terminal

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent
DEMO_CONFIG = ROOT / "config" / "demo.yaml"
DATA = Path("state/data")
SCREEN = DATA / "screen.json"
STATES = (DATA, DATA / "demo", DATA / "replay")
"""Where sessions leave their state."""
LOGS = Path("logs")
DONE, WRONG, USAGE, LOCKED, DISARMED = 0, 1, 2, 3, 4
STOP_GRACE_S = 12.0
INTERRUPTED = 128 + signal.SIGINT
RUN_ADVICE = "Use its dashboard, or start with --take-over."
REPLAY_ADVICE = "A second replay has to wait for its end, or stop it."
PAPER_BROKER = "paper"
PAPER_ONLY = "the accounts of this configuration are on paper"
NOBODY_LIVE = "no child has `live: true`: everybody stays on paper"


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
    actions |= {"doctor": _doctor, "login": _login, "sandbox": _sandbox, "limits": _limits}
    return command_line.parser(actions, VERSION)


# The commands


def _run(arguments: argparse.Namespace) -> int:
    """`run`: the dashboard, or headless."""
    from config.load import load_settings
    from config.schema import Mode
    from engine.agenda import Agenda
    from engine.clock import VirtualClock
    from engine.loop import EngineLoop
    from paper.rebuild import KEPT, NO, YES, inputs_of
    from paper.venues import DemoVenue, demo_day, demo_start_ns
    from state.instance import only_instance

    path = arguments.config or (
        command_line.CONFIG if command_line.CONFIG.exists() and not arguments.demo else DEMO_CONFIG
    )
    settings = load_settings(path)
    if settings.master.broker != PAPER_BROKER:
        return _run_real(arguments, settings, path)
    if arguments.live or (settings.mode is Mode.LIVE and not arguments.paper):
        print(f"LIVE is refused: {PAPER_ONLY}", file=sys.stderr)
        return USAGE
    _refuse_real_children(settings, path)
    day = demo_day(_today())
    start_ns = demo_start_ns(day)
    root, end_other_s = DATA / "demo", STOP_GRACE_S if arguments.take_over else 0
    terminal = _terminal(arguments)
    terminal.reread = lambda: load_settings(path)
    with only_instance(
        root, Mode.PAPER, started_ns=time.time_ns(), advice=RUN_ADVICE, end_other_s=end_other_s
    ) as taken_over:
        may_start, left_open = _other_mode(root, Mode.PAPER)
        if not may_start:
            return DISARMED
        loop = EngineLoop(VirtualClock(start_ns), Agenda())
        venue = DemoVenue(settings, loop, day, start_ns)
        # What somebody set up is kept. The demo of the program's own accounts is nobody's.
        inputs = inputs_of(venue, settings, VERSION) | {KEPT: NO if path == DEMO_CONFIG else YES}
        beginning = _begin(root, venue, settings, inputs, taken_over=taken_over)
        loop.clock = _scaled(loop.now_ns(), float(settings.demo.speed))
        session = _session(arguments, terminal, loop, venue, settings, root, source="demo", beginning=beginning)
        session.frame.speed = settings.demo.speed
        session.show_left_open(left_open)
        session.run(until_flat=arguments.until_flat, live_refusal=PAPER_ONLY)
        return _code(session)


def _run_real(arguments: argparse.Namespace, settings: Settings, path: Path) -> int:
    """`run` with a master at a real broker (or at a sandbox): children on paper or live, one session after another."""
    from brokers.loopback import sandbox_of
    from config.credentials import with_brokers
    from config.load import load_settings
    from config.schema import Mode
    from tui.plain_start import typed_live

    settings = with_brokers(settings)
    sandbox = sandbox_of(settings)
    if sandbox is None:
        print("brokers: addresses of this machine and of others cannot be mixed; give all of them", file=sys.stderr)
        return USAGE
    mode = Mode.LIVE if arguments.live or (settings.mode is Mode.LIVE and not arguments.paper) else Mode.PAPER
    refusal = "" if any(child.live for child in settings.children) else NOBODY_LIVE
    if mode is Mode.LIVE:
        if refusal:
            print(f"LIVE is refused: {refusal}", file=sys.stderr)
            return USAGE
        is_told = sandbox and arguments.typed == "LIVE"
        live = [child.id for child in settings.children if child.live]
        if not is_told and not (typed_live(settings.master.id, live) and _acknowledged()):
            return DISARMED
    terminal = _terminal(arguments)
    terminal.reread = lambda: with_brokers(load_settings(path))
    end_other_s = STOP_GRACE_S if arguments.take_over else 0
    while True:
        code, following = _run_mode(arguments, settings, mode, terminal, end_other_s, refusal)
        if following is None or terminal.was_ended or (following is Mode.LIVE and terminal.was_lost):
            return code
        if following is Mode.PAPER or terminal.ask(_acknowledged):
            mode = following
        end_other_s = 0


def _run_mode(
    arguments: argparse.Namespace,
    settings: Settings,
    mode: Mode,
    terminal: Terminal,
    end_other_s: float,
    live_refusal: str,
) -> tuple[int, Mode | None]:
    """One session at real brokers; its exit code, and the mode that the operator has switched to."""
    from brokers.desk import Desk
    from brokers.house import House
    from brokers.loopback import sandbox_clock
    from config.schema import Mode
    from engine.agenda import Agenda
    from engine.loop import EngineLoop
    from state.instance import only_instance

    with only_instance(DATA, mode, started_ns=time.time_ns(), advice=RUN_ADVICE, end_other_s=end_other_s):
        may_start, left_open = _other_mode(DATA, mode)
        if not may_start:
            return DISARMED, None
        loop = EngineLoop(sandbox_clock(settings), Agenda())
        house = House(settings, loop.now_ns, loop.post, DATA / "instruments")
        try:
            venue = _real_venue(house, loop, settings, mode)
            session = _session(arguments, terminal, loop, venue, settings, DATA, source=venue.source, mode=mode)
            session.show_left_open(left_open)
            desk = Desk(settings, DATA / "instruments", loop.now_ns)
            session.run(
                until_flat=arguments.until_flat,
                live_refusal=live_refusal if mode is Mode.PAPER else "",
                switches=True,
                desk=desk,
            )
            code = _code(session)
            return code, None if terminal.was_ended or code != DONE else session.runtime.switches_to
        finally:
            house.close()


def _real_venue(house: House, loop: EngineLoop, settings: Settings, mode: Mode) -> RealVenue:
    """Where a session at real brokers trades: its live accounts there, the others on paper beside them."""
    from brokers.venue import RealVenue
    from config.rules import to_ist
    from engine.core.places import trades_live
    from paper.beside import PaperBeside
    from state.files import write_durably
    from state.store import mode_directory

    day = to_ist(loop.now_ns()).date()
    house.open([account for account in (settings.master, *settings.children) if account.broker != PAPER_BROKER])
    house.load_instruments(day)
    paper = PaperBeside(
        settings,
        loop,
        day,
        mode_directory(DATA, mode),
        find=house.instrument,
        capital_of=house.capital_of,
        write=write_durably,
    )
    live = {child.id for child in settings.children if trades_live(child, mode)}
    return RealVenue(house, paper, loop, settings, live, day)


def _acknowledged() -> bool:
    """Whether the rules of exchanges and brokers were read before LIVE; asked once and kept."""
    from state.acknowledged import is_acknowledged, keep_acknowledged
    from tui.compliance import VERSION_OF_RULES
    from tui.plain_start import acknowledged

    is_known = is_acknowledged(DATA, VERSION_OF_RULES)
    return acknowledged(is_known, lambda: keep_acknowledged(DATA, VERSION_OF_RULES, time.time_ns()))


def _replay(arguments: argparse.Namespace) -> int:
    """`replay`: a recorded day."""
    from config.load import load_settings
    from config.schema import Mode
    from engine.agenda import Agenda
    from engine.clock import VirtualClock
    from engine.loop import EngineLoop
    from paper.accounts import for_replay
    from paper.rebuild import KEPT, NO, files_digest, inputs_of
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
        inputs = inputs_of(venue, settings, VERSION, recording=files, times=times) | {KEPT: NO}
        beginning = _begin(root, venue, settings, inputs, taken_over=False)
        at_once = arguments.speed == float("inf")
        if not at_once:
            loop.clock = _scaled(loop.now_ns(), arguments.speed)
        terminal = _terminal(arguments)
        source = f"replay {recorded.name}"
        session = _session(arguments, terminal, loop, venue, settings, root, source=source, beginning=beginning)
        session.frame.speed = Decimal("Infinity") if at_once else Decimal(str(arguments.speed))
        session.run(live_refusal=PAPER_ONLY)
        return WRONG if _judge(session, venue, arguments) else _code(session)


def _judge(session: TerminalSession, venue: ReplayVenue, arguments: argparse.Namespace) -> list[str]:
    """Print what a replay came to; returns the invariants that it broke."""
    from paper.verdict import broken, replay_result

    state = session.host.replicator.state
    if arguments.json:
        print(json.dumps(replay_result(venue, state), indent=2))
    found = broken(state)
    for text in found:
        print(f"violation: {text}", file=sys.stderr)
    return found


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
    from config.schema import Follow
    from paper.verify import campaign, report
    from tui.progress import progress

    try:
        faults = None if arguments.faults is None else report.chosen_faults(arguments.faults)
    except ValueError as error:
        print(error, file=sys.stderr)
        return USAGE
    first, count, follow = arguments.first_seed, arguments.seeds, Follow(arguments.follow)
    found = campaign.Campaign()
    signals.hold_back_interrupt()
    began_s = time.monotonic()
    with progress("seeds", count) as advance:
        for outcome in campaign.outcomes(range(first, first + count), _open_for_trial, faults, follow):
            signals.let_interrupt()  # all workers have begun by now
            found.add(outcome)
            if outcome.violations:  # a long run is not waited for: the rest of its story comes at the end
                print(report.broken_line(outcome), file=sys.stderr, flush=True)
            advance()
    print("\n".join(report.summary(found, first, time.monotonic() - began_s)))
    for outcome in found.broken:
        print(report.broken_line(outcome))
    for outcome in found.broken[: campaign.STORIES_MOST]:
        print("\n" + "\n".join(campaign.story(outcome.seed, _open_for_trial, faults, follow)))
    return WRONG if found.broken else DONE


def _open_for_trial(root: Path, watch: Callable[[str, Path], None]) -> SessionState:
    """The real session on a directory of a simulated day; power cuts are simulated, so nothing waits for the disk."""
    from config.schema import Mode
    from state.session import Session

    return Session(root, Mode.PAPER, sync=False, watch=watch)


def _status(arguments: argparse.Namespace) -> int:
    """`status`: what the running or last session holds."""
    from state.status import newest_status

    return _tell(newest_status(STATES), as_json=arguments.json)


def _limits(arguments: argparse.Namespace) -> int:
    """`limits`: every bound before an entry, with what is used of it."""
    from state.limits import newest_limits

    return _tell(newest_limits(STATES), as_json=arguments.json)


def _tell(found: Status | Limits | None, *, as_json: bool) -> int:
    """Print what was read from the files of the newest session, if there was any."""
    if found is None:
        print("no session has left any state yet", file=sys.stderr)
        return WRONG
    print(json.dumps(found.document, indent=2) if as_json else found.text())
    return DONE


def _doctor(arguments: argparse.Namespace) -> int:
    """`doctor`: checks every account and the configuration; never sends an order."""
    from brokers.desk import Desk
    from brokers.loopback import sandbox_clock
    from config.load import load_settings
    from engine.findings import Level
    from tui.plain_doctor import finding_line

    settings = load_settings(arguments.config or command_line.CONFIG)
    found = []
    for finding in Desk(settings, DATA / "instruments", sandbox_clock(settings).now_ns).examine():
        found.append(finding)
        if not arguments.json:
            print(finding_line(finding))
    bad = any(finding.level is Level.BAD for finding in found)
    if arguments.json:
        rows = [{name: str(getattr(f, name)) for name in ("account", "check", "level", "text", "todo")} for f in found]
        print(json.dumps({"good": not bad, "findings": rows}, indent=2))
    return WRONG if bad else DONE


def _login(arguments: argparse.Namespace) -> int:
    """`login`: the morning login of one account, or of each that needs one."""
    from brokers.desk import Desk
    from brokers.loopback import sandbox_clock
    from config.load import load_settings
    from tui.plain_login import log_in

    settings = load_settings(arguments.config or command_line.CONFIG)
    desk = Desk(settings, DATA / "instruments", sandbox_clock(settings).now_ns)
    chosen = [account for account in desk.accounts if arguments.account in (None, account)]
    if not chosen:
        known = ", ".join(desk.accounts) or "none: everybody is on paper"
        print(f"no account at a broker is called {arguments.account}; there are {known}", file=sys.stderr)
        return USAGE
    done = [log_in(desk, account, always=arguments.account is not None) for account in chosen]
    return DONE if all(done) else WRONG


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
    from tui.plain_start import goes_on_beside

    found = find_leftover(root, Mode.LIVE if mode is Mode.PAPER else Mode.PAPER)
    if found is None or not (found.allocations or found.queued or found.working or found.unknown or found.held):
        return True, ""
    return goes_on_beside(str(found), mode.value.upper()), str(found)


def _refuse_real_children(settings: Settings, path: Path) -> None:
    """A master on paper has nobody real to lead."""
    for child in settings.children:
        if child.broker != PAPER_BROKER:
            text = f"{child.id} is at a real broker and the master on paper; use broker: paper for both"
            raise ConfigError(path, None, "broker", text)


# Sessions


def _terminal(arguments: argparse.Namespace) -> Terminal:
    """The program's terminal, with its log."""
    from state.log import SessionLog, timed_line
    from tui.terminal import Terminal

    log = SessionLog(LOGS, _today())
    return Terminal(
        headless=arguments.headless,
        mouse=not getattr(arguments, "no_mouse", False),
        lines=sys.stderr if getattr(arguments, "json", False) else sys.stdout,
        words=timed_line,
        log=log.write,
        log_path=log.path,
        screen_path=SCREEN,
        port=arguments.serve,
    )


def _session(
    arguments: argparse.Namespace,
    terminal: Terminal,
    loop: EngineLoop,
    venue: Venue,
    settings: Settings,
    root: Path,
    *,
    source: str,
    mode: Mode | None = None,
    beginning: str = "",
) -> TerminalSession:
    """One engine on a venue, with the state below `root`."""
    from config.schema import Mode
    from engine.view import Frame
    from state.session import Session
    from tui.session import TerminalSession, Told

    mode = mode or Mode.PAPER
    stored = Session(root, mode)
    same = command_line.same_accounts(arguments) if hasattr(arguments, "demo") else ""
    return TerminalSession(
        terminal,
        loop,
        venue,
        settings,
        stored,
        told=Told(
            notes=stored.notes,
            beginning=beginning,
            how_to_answer=f"nobody can answer here: `python runner.py run --take-over{same}` asks, in a dashboard",
        ),
        frame=Frame(source=source),
        mode=mode,
        version=VERSION,
        history=stored,
    )


def _code(session: TerminalSession) -> int:
    """The exit code of a session that has ended."""
    if session.host.failed:
        return WRONG
    return DISARMED if session.host.replicator.state.unclean else DONE


def _begin(
    root: Path, venue: DemoVenue | ReplayVenue, settings: Settings, inputs: dict[str, str], *, taken_over: bool
) -> str:
    """Let the market of a session that was killed or taken over go on where it stopped, or begin a new one.

    Returns:
        What people should know of it, '' for nothing.
    """
    from config.schema import Mode
    from paper.rebuild import changed, rebuild
    from state.log import clock_text
    from state.market import has_state, world_of
    from state.sent import is_unanswered, read_sent

    def anew(why: str) -> str:
        return _begin_anew(root, venue, settings, inputs, why)

    try:
        sent = read_sent(root, Mode.PAPER)
        if sent is None:
            lost = has_state(root, Mode.PAPER)
            return anew(f", the journal below {root} is missing or empty" if lost else "")
        if sent.ended and not taken_over and not is_unanswered(root, Mode.PAPER):
            return anew("")
    except StateRefused:
        return anew(f", the journal below {root} cannot be read: damaged, or of another version")
    differing = changed(world_of(root), inputs)
    if differing or not sent.whole:
        return anew(f", it cannot go on: changed since: {', '.join(differing) or 'the journal'}")
    rebuild(venue, sent.writes, sent.last_ns)
    return f"the market goes on where it stopped, at {clock_text(sent.last_ns)}, with {len(sent.writes)} requests sent"


def _begin_anew(
    root: Path, venue: DemoVenue | ReplayVenue, settings: Settings, inputs: dict[str, str], why: str
) -> str:
    """Begin a new market; what became of the state of the old one, and of those that were kept too long."""
    from datetime import timedelta

    from config.schema import Mode
    from paper.rebuild import encode_inputs, kept_under
    from state.market import empty_for, has_state, remove_past, world_of

    said, keep_days = "", settings.state.keep_days
    if keep_days is not None and (gone := remove_past(root, (venue.day - timedelta(days=keep_days)).isoformat())):
        said = f"; kept sessions older than {keep_days} days were removed: {gone}"
    had_state = has_state(root, Mode.PAPER)
    keep_under = kept_under(world_of(root), venue.day.isoformat())
    kept = empty_for(root, Mode.PAPER, encode_inputs(inputs), keep_under=keep_under)
    if kept is not None:
        return f"the market begins anew{why}; the session before is kept in {kept}{said}"
    if had_state:
        return (
            f"the market begins anew{why}; the state of the session before was removed: it was a demo or a replay{said}"
        )
    return said.removeprefix("; ")


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
