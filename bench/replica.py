"""Lockstep itself for `bench.latency`: engine, journal on the disk, lanes, clients and tickers as a live run has them.

`python -m bench.replica PORT CHILDREN DIRECTORY` says `ready` when entries are armed and margins sampled, and then
answers each line of its input with the times at which the last order passed each of its stages (JSON, CLOCK_MONOTONIC).
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.kite import DAY, EXCHANGE, LOT, START_NS, SYMBOL, TOKEN, key_of, token_of, user_of
from brokers.house import House
from config.schema import Account, Brokers, BrokerUrls, Child, Confirm, ConfirmWhen, Mode, Settings, Timing
from engine.agenda import Agenda
from engine.clock import ShiftedClock
from engine.commands import Command, PlaceOrder
from engine.events import Event, OrderUpdated
from engine.feed import SharedFeed
from engine.lanes import ThreadLanes
from engine.loop import EngineLoop
from engine.model import NS_PER_S
from engine.opening import opening
from engine.runtime import Runtime, boot
from engine.view import Frame
from state.log import SessionLog, timed_line
from state.session import Session

HEAD: Final = "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
ROW: Final = f"{TOKEN},{TOKEN >> 8},{SYMBOL},NIFTY,0.0,2026-11-24,24500,0.05,{LOT},CE,NFO-OPT,{EXCHANGE}"
QUOTE_INTERVAL_NS: Final = 500_000_000
STAGES: Final = ("heard", "decided", "durable", "sent")
MASTER_ID: Final = "ZM0000"


class Times:
    """When each stage was last passed, ns of the monotonic clock."""

    def __init__(self) -> None:
        self.at_ns = dict.fromkeys(STAGES, 0)

    def note(self, stage: str) -> None:
        """Now."""
        self.at_ns[stage] = time.monotonic_ns()


class TimedSession(Session):
    """The real session and its journal; notes when an event with orders was decided, and when it was durable."""

    times: Times
    sends = False

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        self.sends = any(isinstance(command, PlaceOrder) for command in commands)
        if self.sends:
            self.times.note("decided")
        super().append(event, commands)

    def commit(self) -> None:
        super().commit()
        if self.sends:
            self.times.note("durable")
            self.sends = False


class TimedLanes(ThreadLanes):
    """The real lanes; notes when they have taken all orders of an event: those of idle lanes are sent by then."""

    times: Times
    sends = False

    def submit(self, command: Command) -> None:
        super().submit(command)
        self.sends = self.sends or isinstance(command, PlaceOrder)

    def release(self) -> None:
        if self.sends:
            self.times.note("sent")
            self.sends = False
        super().release()


def settings(port: int, children: int, directory: Path) -> Settings:
    """As a user would write them. Only the wait for further fills of a leg is left out: it is one on purpose."""
    files = [_credentials(directory, number) for number in range(children + 1)]
    return Settings(
        master=Account(id=MASTER_ID, broker="zerodha", credentials=files[0]),
        children=tuple(
            Child(id=f"ZC{number:04d}", broker="zerodha", credentials=files[number], live=True)
            for number in range(1, children + 1)
        ),
        mode=Mode.LIVE,
        confirm=Confirm(when=ConfirmWhen.NEVER),
        timing=Timing(aggregation_ms=0),
        brokers=Brokers(zerodha=BrokerUrls(root_url=f"http://127.0.0.1:{port}", ticker_url=f"ws://127.0.0.1:{port}")),
    )


def _credentials(directory: Path, number: int) -> str:
    path = directory / f"credentials_{number:04d}.txt"
    path.touch(mode=0o600)
    secret = f"api_key = {key_of(number)}\napi_secret = secret\nuser_id = {user_of(number)}\n"
    path.write_text(f"{secret}access_token = {token_of(number)}\n", encoding="utf-8")
    return str(path)


class Replica:
    """One running program."""

    def __init__(self, port: int, children: int, directory: Path) -> None:
        self.times = Times()
        clock = ShiftedClock(START_NS)
        self.loop = EngineLoop(clock, Agenda())
        chosen = settings(port, children, directory)
        cache = directory / "instruments"
        cache.mkdir()
        (cache / f"zerodha-{DAY.isoformat()}.csv").write_text(
            f"{HEAD}instrument_type,segment,exchange\n{ROW}\n", encoding="utf-8"
        )
        self.house = House(chosen, clock.now_ns, self._post, cache)
        self.house.open([chosen.master, *chosen.children])
        self.house.load_instruments(DAY)
        session = TimedSession(directory / "state", Mode.LIVE)
        session.times = self.times
        feed = SharedFeed(self.loop.post, self.house.subscribe, QUOTE_INTERVAL_NS, 4 * NS_PER_S)
        files = self.house.files_of(())
        lanes = TimedLanes(self.house.connect(feed, {child.id for child in chosen.children}))
        lanes.times = self.times
        log = SessionLog(directory, DAY)
        start = opening(chosen, DAY, clock.now_ns(), unclean=session.unclean, mode=Mode.LIVE)
        host = boot(
            self.loop,
            session,
            lanes,
            feed,
            start,
            files,
            version="bench",
            on_notice=lambda line: log.write(timed_line(line)),
        )
        self.runtime = Runtime(self.loop, host, session, Frame(source="bench"))

    def _post(self, event: Event) -> None:
        if isinstance(event, OrderUpdated) and event.account == MASTER_ID:
            self.times.note("heard")
        self.loop.post(event)

    def wait_until_armed(self) -> None:
        """Entries are armed, every child is read, and margins are sampled."""
        state = self.runtime.host.replicator.state
        while not (state.armed and all(child.synced for child in state.children.values())):
            time.sleep(0.05)
        time.sleep(3.0)  # a baseline is a margin from before the master's order
        self._check()

    def _check(self) -> None:
        if self.runtime.host.failed:
            raise RuntimeError(self.runtime.host.failed)


def main(port: int, children: int, directory: Path) -> None:
    """Run until the input ends."""
    replica = Replica(port, children, directory)
    replica.runtime.start()
    replica.wait_until_armed()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(replica.times.at_ns), flush=True)
    replica.runtime.stop()
    replica.house.close()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
