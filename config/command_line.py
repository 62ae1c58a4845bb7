"""The command line's grammar: commands, options, defaults and their help. It must not carry anything out."""

import argparse
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

Action = Callable[[argparse.Namespace], int]
CONFIG = Path("config/config.yaml")


def parser(actions: Mapping[str, Action], version: str) -> argparse.ArgumentParser:
    """The parser of every command.

    Args:
        actions: What carries out which command; the parsed arguments have it as `action`.
        version: What `--version` prints.
    """
    top = argparse.ArgumentParser(
        prog="runner.py",
        description="Lockstep copies one account's trades into others.",
        epilog="Without a command: run, with its options [--config FILE] [--paper|--live] [--headless] [--demo] "
        "[--until-flat] [--take-over] [--no-mouse] [--serve [PORT]].",
    )
    top.add_argument("--version", action="version", version=f"Lockstep {version}")
    commands = top.add_subparsers(title="commands", required=True)
    for name, (help_text, add_options) in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        add_options(command)
        command.set_defaults(action=actions[name])
    return top


def same_accounts(arguments: argparse.Namespace) -> str:
    """The options of a `run` that choose its accounts, as they are typed behind a command; '' for none."""
    config = f" --config {shlex.quote(str(arguments.config))}" if arguments.config else ""
    return f"{config}{' --demo' if arguments.demo else ''}"


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help=f"configuration (default: {CONFIG}, else the demo)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--paper", action="store_true", help="trade on paper (the default)")
    mode.add_argument("--live", action="store_true", help="trade live; the word LIVE is asked for")
    parser.add_argument("--headless", action="store_true", help="no dashboard, one line an event")
    parser.add_argument("--demo", action="store_true", help="the simulated market, whatever is configured")
    parser.add_argument("--until-flat", action="store_true", help="end when the strategy has ended")
    parser.add_argument("--take-over", action="store_true", help="stop the running instance and carry on")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    _serve(parser)
    parser.add_argument("--typed", metavar="LIVE", help="what would be typed, for scripts; counts at a sandbox only")


def _serve(parser: argparse.ArgumentParser) -> None:
    text = "a read-only picture for a browser on this machine, at this port (default: a free one)"
    parser.add_argument("--serve", metavar="PORT", nargs="?", const=0, type=_port, help=text)


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, help="a directory named YYYY-MM-DD with quotes or candles and orders")
    parser.add_argument("--config", type=Path, help="accounts and settings (default: the demo's)")
    parser.add_argument("--speed", default="60", type=_speed, help="times real time, or max (default 60)")
    parser.add_argument("--headless", action="store_true", help="no dashboard, one line an event")
    _serve(parser)
    parser.add_argument("--from", dest="from_time", metavar="HH:MM", help="leave out what comes before")
    parser.add_argument("--to", dest="to_time", metavar="HH:MM", help="leave out what comes after")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")


def _simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", type=Path, help="a scenario file")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    parser.add_argument("--trace", action="store_true", help="print every notice with its time to standard error")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=_count, default=1000, metavar="N", help="how many days (default 1000)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="S", help="the first seed (default 0)")
    parser.add_argument("--faults", metavar="LIST", help="only these faults, separated by commas (default: all)")
    what = "days of this setting of follow (default fills)"
    parser.add_argument("--follow", choices=("fills", "orders"), default="fills", help=what)


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help=f"configuration (default: {CONFIG})")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", nargs="?", metavar="ACCOUNT", help="one account (default: each without a session)")
    parser.add_argument("--config", type=Path, help=f"configuration (default: {CONFIG})")


def _sandbox(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8765, metavar="P", help="where it listens (default 8765)")
    parser.add_argument(
        "--accounts", type=_count, default=4, metavar="N", help="accounts, the first is the master (default 4)"
    )
    parser.add_argument("--script", type=Path, metavar="FILE", help="faults: a YAML list of {on, kind, account, ...}")
    parser.add_argument("--recording", type=Path, metavar="DIR", help="trade in a recorded day (default: simulated)")
    parser.add_argument(
        "--speed", type=_pace, default=1.0, metavar="N", help="of the recorded day (default 1, real time)"
    )


_COMMANDS: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("the dashboard, or headless (the default command)", _run),
    "replay": ("a recorded day through the same engine", _replay),
    "simulate": ("a scripted scenario on a virtual clock", _simulate),
    "verify": ("deterministic fault simulation: faulty days by seed, every rule checked", _verify),
    "doctor": ("checks every account and the configuration; never sends an order", _doctor),
    "login": ("the morning login: a request token from Kite's page becomes the day's access token", _login),
    "sandbox": ("a loopback Kite Connect with a simulated market, for trying and testing", _sandbox),
    "status": ("what the running or last session holds", _status),
    "limits": ("every limit before an entry, with what is used of it now", _status),
}


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


def _pace(text: str) -> float:
    """A finite number above 0: a sandbox's clock has to run."""
    speed = _speed(text)
    if speed == float("inf"):
        raise argparse.ArgumentTypeError("must be a number above 0, not max")
    return speed


def _count(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text}")
    return int(text)


def _port(text: str) -> int:
    """A TCP port; 0 for any free one."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"must be a port from 0 to 65535, not {text}")
    return int(text)
