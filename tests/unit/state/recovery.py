"""Recovery as a comparison: what a process knew when it ended, and what the next one finds on the disk."""

from pathlib import Path

from config.schema import Mode
from paper.scenario import Scenario
from paper.simulate import Simulation
from state.session import Session
from state.store import mode_directory


class RecordedRun:
    """A scenario run on a real journal; its process is then gone without an orderly end.

    Attributes:
        simulation: The run.
        live: The newest process's state as it ended, encoded.
    """

    def __init__(self, scenario: Scenario, root: Path) -> None:
        self.root = root
        self._sessions: list[Session] = []
        self.simulation = Simulation(scenario, self._open)
        self.simulation.run()
        last = self._sessions[-1]
        last.commit()
        self.live = last.encode_state()
        last.crash()

    def _open(self) -> Session:
        self._sessions.append(Session(self.root, Mode.PAPER, sync=False))
        return self._sessions[-1]

    @property
    def checkpoints(self) -> list[Path]:
        return sorted(mode_directory(self.root, Mode.PAPER).glob("*.json"))

    def rebuilt(self) -> bytes:
        """The state that the next process finds: newest checkpoint and the journal after it."""
        session = Session(self.root, Mode.PAPER, sync=False)
        try:
            return session.encode_state()
        finally:
            session.crash()

    def rebuilt_from_the_journal_alone(self) -> bytes:
        """The same without any checkpoint."""
        for checkpoint in self.checkpoints:
            checkpoint.unlink()
        return self.rebuilt()
