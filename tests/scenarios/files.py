"""Where scenario files lie: the project's own, and worked examples beside the checkout where they are present."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "scenarios"
SHARED = ROOT.parent / "shared" / "scenarios"


def scenario_files() -> list[Path]:
    """All of them, by name."""
    return [path for directory in (OWN, SHARED) for path in sorted(directory.glob("*.yaml"))]
