"""Lockstep's command line and composition root: the only file that knows every part. It decides nothing about trading.

Heavy imports (Textual, the brokers' SDKs) happen inside the commands that need them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import ConfigError, all_messages
from engine.errors import AlreadyRunning, JournalFailed, LockstepError, StateRefused

if TYPE_CHECKING:
    from config.schema import Settings
    from engine.loop import EngineLoop
    from engine.snapshot import NoticeLine
    from paper.venues import Venue
    from tui.app import LockstepApp

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent
CONFIG = Path("config/config.yaml")
DEMO_CONFIG = ROOT / "config" / "demo.yaml"
DATA = Path("state/data")
LOGS = Path("logs")
DONE, WRONG, USAGE, LOCKED, DISARMED = 0, 1, 2, 3, 4
STOP_GRACE_S = 12.0
LIVE_REFUSAL = "no real broker can be connected in this version: Zerodha and Angel One follow; everything runs on paper"


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
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runner.py",
        description="Lockstep copies one account's trades into others.",
        epilog="Without a command: run, with its options [--config FILE] [--paper|--live] [--headless] [--demo] "
        "[--until-flat] [--take-over] [--no-mouse].",
    )
    parser.add_argument("--version", action="version", version=f"Lockstep {VERSION}")
    commands = parser.add_subparsers(title="commands", required=True)
    run = commands.add_parser("run", help="the dashboard, or headless (the default command)")
    _run_options(run)
    run.set_defaults(action=_run)
    replay = commands.add_parser("replay", help="a recorded day through the same engine")
    replay.add_argument("directory", type=Path, help="a directory named YYYY-MM-DD with quotes or candles and orders")
    replay.add_argument("--config", type=Path, help="accounts and settings (default: the demo's)")
    replay.add_argument("--speed", default="60", type=_speed, help="times real time, or max (default 60)")
    replay.add_argument("--headless", action="store_true", help="no dashboard, one line an event")
    replay.add_argument("--from", dest="from_time", metavar="HH:MM", help="leave out what comes before")
    replay.add_argument("--to", dest="to_time", metavar="HH:MM", help="leave out what comes after")
    replay.add_argument("--json", action="store_true", help="print the result as one JSON document")
    replay.set_defaults(action=_replay)
    simulate = commands.add_parser("simulate", help="a scripted scenario on a virtual clock")
    simulate.add_argument("scenario", type=Path, help="a scenario file")
    simulate.add_argument("--json", action="store_true", help="print the result as one JSON document")
    simulate.add_argument("--trace", action="store_true", help="print every notice with its time to standard error")
    simulate.set_defaults(action=_simulate)
    status = commands.add_parser("status", help="what the running or last session holds")
    status.add_argument("--json", action="store_true", help="print one JSON document")
    status.set_defaults(action=_status)
    return parser


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help=f"configuration (default: {CONFIG}, else the demo)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--paper", action="store_true", help="trade on paper (the default)")
    mode.add_argument("--live", action="store_true", help="trade live; the word LIVE is asked for")
    parser.add_argument("--headless", action="store_true", help="no dashboard, one line an event")
    parser.add_argument("--demo", action="store_true", help="the simulated market, whatever is configured")
    parser.add_argument("--until-flat", action="store_true", help="end when the strategy has ended")
    parser.add_argument("--take-over", action="store_true", help="stop the running instance and carry on")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")


def _speed(text: str) -> float:
    """`max`, or a number above 0."""
    if text == "max":
        return float("inf")
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 100_000:
        raise argparse.ArgumentTypeError(f"must be max or a number above 0, not {text}")
    return speed


# The commands


def _run(arguments: argparse.Namespace) -> int:
    """`run`: the dashboard, or headless."""
    from config.load import load_settings
    from engine.agenda import Agenda
    from engine.clock import ScaledClock
    from engine.loop import EngineLoop
    from paper.venues import DemoVenue, demo_day, demo_start_ns

    if arguments.live:
        print(f"LIVE is refused: {LIVE_REFUSAL}", file=sys.stderr)
        return USAGE
    path = arguments.config or (CONFIG if CONFIG.exists() and not arguments.demo else DEMO_CONFIG)
    settings = load_settings(path)
    _refuse_real_brokers(settings, path)
    day = demo_day(_today())
    start_ns = demo_start_ns(day)
    with _locked(DATA / "demo", take_over=arguments.take_over) as root:
        loop = EngineLoop(ScaledClock(start_ns, float(settings.demo.speed)), Agenda())
        venue = DemoVenue(settings, loop, day, start_ns)
        session = _Session(arguments, loop, venue, settings, root, source="demo", speed=settings.demo.speed)
        return session.run(until_flat=arguments.until_flat)


def _replay(arguments: argparse.Namespace) -> int:
    """`replay`: a recorded day."""
    from config.load import load_settings
    from engine.agenda import Agenda
    from engine.clock import ScaledClock, VirtualClock
    from engine.loop import EngineLoop
    from paper.accounts import for_replay
    from paper.recorded import load_day
    from paper.venues import ReplayVenue, first_ns

    path = arguments.config or DEMO_CONFIG
    settings = for_replay(load_settings(path), path, answered=not arguments.headless)
    recorded = load_day(arguments.directory, from_time=arguments.from_time, to_time=arguments.to_time)
    for warning in recorded.warnings:
        print(f"note: {warning}", file=sys.stderr)
    with _locked(DATA / "replay", take_over=False) as root:
        start_ns = first_ns(recorded)
        at_once = arguments.speed == float("inf")
        loop = EngineLoop(VirtualClock(start_ns) if at_once else ScaledClock(start_ns, arguments.speed), Agenda())
        venue = ReplayVenue(settings, loop, recorded)
        speed = Decimal("Infinity") if at_once else Decimal(str(arguments.speed))
        source = f"replay {recorded.name}"
        return _Session(arguments, loop, venue, settings, root, source=source, speed=speed).run()


def _simulate(arguments: argparse.Namespace) -> int:
    """`simulate`: a scenario on a virtual clock."""
    from config.schema import Mode
    from paper.scenario_file import load_scenario
    from paper.simulate import Simulation
    from paper.verdict import result_of, summary
    from state.session import Session

    scenario = load_scenario(arguments.scenario)

    def trace(at_s: float, line: NoticeLine) -> None:
        print(f"{at_s:10.3f}  {_words(line)}", file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="lockstep-") as root:
        simulation = Simulation(
            scenario, lambda: Session(Path(root), Mode.PAPER, sync=False), trace if arguments.trace else None
        )
        simulation.run()
        result = result_of(simulation)
    print(json.dumps(result, indent=2) if arguments.json else summary(result))
    return WRONG if result["failed"] or result["violations"] else DONE


def _status(arguments: argparse.Namespace) -> int:
    """`status`: what the running or last session holds."""
    from state.status import newest_status

    status = newest_status([DATA, DATA / "demo", DATA / "replay"])
    if status is None:
        print("no session has left any state yet", file=sys.stderr)
        return WRONG
    print(json.dumps(status.document, indent=2) if arguments.json else status.text())
    return DONE


def _refuse_real_brokers(settings: Settings, path: Path) -> None:
    for account in (settings.master, *settings.children):
        if account.broker != "paper":
            text = f"{account.id} is at {account.broker or 'a real broker'}, and {LIVE_REFUSAL}; use broker: paper"
            raise ConfigError(path, None, "broker", text)


# Sessions


class _Session:
    """One engine with its terminal: dashboard or headless, signals, log, orderly end."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        loop: EngineLoop,
        venue: Venue,
        settings: Settings,
        root: Path,
        *,
        source: str,
        speed: Decimal,
    ) -> None:
        from config.schema import Mode
        from engine.opening import opening
        from engine.runtime import Runtime, boot
        from engine.view import Frame
        from state.session import Session

        self._arguments, self._venue = arguments, venue
        self._json = bool(getattr(arguments, "json", False))
        self._lines = sys.stderr if self._json else sys.stdout
        self._log = _Log(LOGS)
        stored = Session(root, Mode.PAPER)
        lanes, feed = venue.world.connect()
        start = opening(settings, venue.day, loop.clock.now_ns(), unclean=stored.unclean)
        host = boot(loop, stored, lanes, feed, start, venue.instruments, version=VERSION, on_notice=self._note)
        self._host = host
        self._terminal_lost = settings.on_terminal_lost
        self._app: LockstepApp | None = None
        self._terminal: list[object] | None = None
        frame = Frame(source=source, speed=speed)
        self.runtime = Runtime(loop, host, stored, frame, live_refusal=LIVE_REFUSAL, until_ns=venue.until_ns)
        self._signal = 0

    def run(self, *, until_flat: bool = False) -> int:
        """Run to the end; returns the exit code."""
        self.runtime.until_flat = until_flat
        _on_signals(self._signalled)
        if self._arguments.headless:
            self.runtime.start()
            self.runtime.done.wait()
        else:
            self._dashboard()
        self.runtime.stop(STOP_GRACE_S)
        if self._json:
            from paper.verdict import replay_result

            print(json.dumps(replay_result(self._venue, self._host.replicator.state), indent=2))
        if self._host.failed:
            return WRONG
        return DISARMED if self._host.replicator.state.unclean else DONE

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
        text = f"{_clock(line.at_ns)} {_words(line)}"
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


def _on_signals(handle: Callable[[int], None]) -> None:
    """Let one thread wait for the signals that end a session; blocked first, so that every later thread inherits it."""
    wanted = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)

    def wait() -> None:
        while True:
            handle(signal.sigwait(wanted))

    threading.Thread(target=wait, name="signals", daemon=True).start()


@contextlib.contextmanager
def _locked(root: Path, *, take_over: bool) -> Iterator[Path]:
    """The data directory of a simulated market, locked and empty: its state is worth nothing to the next run."""
    from state.lock import InstanceLock, holder
    from state.store import lock_path

    root.mkdir(parents=True, exist_ok=True)
    path = lock_path(root)
    if take_over and (other := holder(path)) is not None:
        _end_other(other.pid, path)
    with InstanceLock(path):
        shutil.rmtree(root / "paper", ignore_errors=True)
        yield root


def _end_other(pid: int, path: Path) -> None:
    """Ask the running instance to stop in an orderly way, and wait for its lock."""
    from state.lock import is_locked

    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_GRACE_S
    while is_locked(path) and time.monotonic() < deadline:
        time.sleep(0.05)


class _Log:
    """The session's log file. A disk that is full costs log lines, never the session."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / f"lockstep-{_today().isoformat()}.log"
        with contextlib.suppress(OSError):
            directory.mkdir(parents=True, exist_ok=True)

    def write(self, text: str) -> None:
        """Append a line."""
        with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def _today() -> date:
    from config.rules import to_ist

    return to_ist(time.time_ns()).date()


def _clock(at_ns: int) -> str:
    from config.rules import to_ist

    return to_ist(at_ns).strftime("%H:%M:%S.%f")[:-3]


def _words(line: NoticeLine) -> str:
    where = " ".join(part for part in (line.account, line.symbol) if part)
    return f"{line.severity.value:7} {where + ': ' if where else ''}{line.text}"


if __name__ == "__main__":
    sys.exit(main())
