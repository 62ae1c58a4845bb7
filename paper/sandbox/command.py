"""The command `sandbox`: arguments to a running sandbox that says where it is, until a signal ends it."""

import argparse
import asyncio
import signal
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

from engine.signals import let_through
from paper.recorded import load_day
from paper.sandbox.configuration import write_configuration
from paper.sandbox.faults import Fault, PushFault, load_script
from paper.sandbox.sandbox import CAPITAL_INR, MASTER_CAPITAL_INR, Plan, Sandbox

DONE, WRONG, USAGE = 0, 1, 2
ENDING = (signal.SIGINT, signal.SIGTERM)


def run(arguments: argparse.Namespace, day: date, directory: Path) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        arguments: port, accounts, script, recording and speed.
        day: The trading day, where no recording has its own.
        directory: Where the configuration for the program is written.

    Returns:
        The exit code.
    """
    if arguments.recording is None and arguments.speed != 1:
        print("--speed is for a recorded day: give it with --recording DIR", file=sys.stderr)
        return USAGE
    script = [] if arguments.script is None else load_script(arguments.script)
    try:
        asyncio.run(_serve(_plan(arguments, day), script, directory))
    except OSError as error:
        print(f"the sandbox cannot listen on port {arguments.port}: {error.strerror}", file=sys.stderr)
        return WRONG
    return DONE


def _plan(arguments: argparse.Namespace, day: date) -> Plan:
    accounts: list[tuple[str, Decimal]] = [("ZM0001", MASTER_CAPITAL_INR)]
    accounts += [(f"ZC{number:04d}", CAPITAL_INR) for number in range(1, arguments.accounts)]
    recorded = None if arguments.recording is None else load_day(arguments.recording)
    for warning in () if recorded is None else recorded.warnings:
        print(f"note: {warning}", file=sys.stderr)
    return Plan(
        day=day if recorded is None else recorded.day,
        accounts=accounts,
        port=arguments.port,
        recorded=recorded,
        speed=arguments.speed,
    )


async def _serve(plan: Plan, script: list[Fault | PushFault], directory: Path) -> None:
    sandbox = Sandbox(plan)
    sandbox.server.arm(script)
    ready, until = asyncio.Event(), asyncio.Event()
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, until.set)
    let_through(ENDING)
    served = asyncio.create_task(sandbox.serve(ready, until))
    waits = asyncio.create_task(ready.wait())
    await asyncio.wait({served, waits}, return_when=asyncio.FIRST_COMPLETED)
    if not served.done():
        path = write_configuration(directory, sandbox)
        print(f"Kite Connect at {sandbox.root_url}, ticker at {sandbox.ticker_url}, {len(plan.accounts)} accounts")
        print(f"In another terminal: python runner.py run --live --config {path}", flush=True)
    await served
