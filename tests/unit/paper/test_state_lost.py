"""A state that was moved aside, or an older copy put back, at any moment of a day: nothing doubled, nothing left open."""

import shutil
from pathlib import Path

import pytest

from config.schema import Mode
from engine.snapshot import NoticeLine
from paper.scenario_file import load_scenario
from paper.simulate import Simulation
from paper.verdict import result_of
from state.session import Session

TEXT = """\
name: a day with two legs
instruments:
  - {symbol: NIFTY26NOV24500CE, exchange: NFO, lot: 65, tick: 0.05, freeze: 1800}
  - {symbol: NIFTY26NOV24000PE, exchange: NFO, lot: 65, tick: 0.05, freeze: 1800}
master: {available: 1000000}
children: [{id: C1, available: 300000}, {id: C2, available: 700000}]
settings: {confirm: {when: never}, paper: {quote_stale_s: 86400}}
steps:
  - {at: 0s, quote: {NIFTY26NOV24500CE: {bid: 100.00, ask: 100.10, last: 100.05}, \
NIFTY26NOV24000PE: {bid: 50.00, ask: 50.10, last: 50.05}}}
  - {at: 5s, master_order: {id: M1, symbol: NIFTY26NOV24500CE, side: BUY, quantity: 650, status: COMPLETE, \
filled: 650, average_price: 100.10, placed_at: 4.9s}}
  - {at: 10s, master_order: {id: M2, symbol: NIFTY26NOV24000PE, side: SELL, quantity: 3900, status: COMPLETE, \
filled: 3900, average_price: 50.00, placed_at: 9.9s}}
  - {at: 20s, master_order: {id: M3, symbol: NIFTY26NOV24500CE, side: SELL, quantity: 325, status: COMPLETE, \
filled: 325, average_price: 100.00, placed_at: 19.9s}}
  - {at: 80s, master_order: {id: M4, symbol: NIFTY26NOV24500CE, side: BUY, quantity: 650, status: COMPLETE, \
filled: 650, average_price: 100.10, placed_at: 79.9s}}
  - {at: 120s, master_order: {id: M5, symbol: NIFTY26NOV24000PE, side: BUY, quantity: 3900, status: COMPLETE, \
filled: 3900, average_price: 50.10, placed_at: 119.9s}}
  - {at: 121s, master_order: {id: M6, symbol: NIFTY26NOV24500CE, side: SELL, quantity: 975, status: COMPLETE, \
filled: 975, average_price: 100.00, placed_at: 120.9s}}
"""
MOMENTS_S = ("5.1", "5.27", "5.3", "5.32", "5.36", "6", "10.3", "10.36", "15", "20.02", "20.06", "20.12", "30", "120.3")


class Lost:
    """Every process but the first finds another disk than the last one left.

    Args:
        tmp_path: Where everything lies.
        crashes: When the process dies, in seconds.
        copied: After which notice the state is copied; the copy is what later processes find. `None`: nothing is.
    """

    def __init__(self, tmp_path: Path, *crashes: str, copied: str | None = None, steps: str = "") -> None:
        file = tmp_path / "scenario.yaml"
        died = "".join(f"  - {{at: {at}s, crash: {{for: 3s}}}}\n" for at in crashes)
        file.write_text(f"{TEXT}{died}{steps}end: 220s\n", encoding="utf-8")
        self.lines: list[str] = []
        self._root, self._processes, self._copied = tmp_path, 0, copied
        self.simulation = Simulation(load_scenario(file), self._open, self._note)
        self.simulation.run()
        self.result = result_of(self.simulation)

    def _open(self) -> Session:
        self._processes += 1
        here = self._root / str(self._processes)
        copy = self._root / "copy"
        if self._processes > 1 and copy.exists():
            shutil.copytree(copy, here)
        return Session(here, Mode.PAPER, sync=False)

    def _note(self, at_s: float, line: NoticeLine) -> None:
        self.lines.append(f"{at_s:.3f} {line.account} {line.text}")
        if self._copied is not None and self._processes == 1 and self._copied in line.text:
            shutil.copytree(self._root / "1", self._root / "copy", dirs_exist_ok=True)

    def tags(self, child: str) -> list[str]:
        return [row.tag for row in self.simulation.world.exchange.orders(child)]


def all_well(lost: Lost) -> None:
    assert lost.result["violations"] == []
    assert lost.result["positions"] == {"C1": {}, "C2": {}}
    assert lost.result["allocations"] == {"C1": {}, "C2": {}}
    for child in ("C1", "C2"):
        tags = lost.tags(child)
        assert len(set(tags)) == len(tags)
        assert not lost.simulation.replicator.state.children[child].external


@pytest.mark.rule("R7.18")
@pytest.mark.parametrize("at", MOMENTS_S)
def test_state_moved_aside_ends_with_everybody_flat(tmp_path: Path, at: str) -> None:
    all_well(Lost(tmp_path, at))


@pytest.mark.rule("R7.18")
@pytest.mark.parametrize("at", MOMENTS_S)
def test_state_moved_aside_twice_ends_with_everybody_flat(tmp_path: Path, at: str) -> None:
    all_well(Lost(tmp_path, at, "60"))


@pytest.mark.rule("R7.18")
@pytest.mark.parametrize("at", ["10.36", "15", "20.06", "30", "100", "120.3", "130"])
@pytest.mark.parametrize("copied", ["strategy started", "entry BUY", "entry SELL"])
def test_older_copy_of_the_state_ends_with_everybody_flat(tmp_path: Path, at: str, copied: str) -> None:
    lost = Lost(tmp_path, at, copied=copied, steps=f"  - {{at: {float(at) + 6}s, operator: {{command: resume}}}}\n")
    all_well(lost)
