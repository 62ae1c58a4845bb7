"""Draws docs/overview.svg: the dashboard of the demo at one moment of its market.

    python -m bench.picture [--second 29] [--columns 120 --rows 36] [--out FILE] [--keys KEY,KEY]

The same seed gives the same picture, so a change of the screen shows as a change of the file.
"""

import argparse
import asyncio
from pathlib import Path

from bench.demo import ROOT, demo_engine
from tui.app import LockstepApp

OUT = ROOT / "docs" / "overview.svg"
SECOND = 29.0
"All four legs of the condor are on."


def draw(second: float = SECOND, size: tuple[int, int] = (120, 36), keys: tuple[str, ...] = ()) -> str:
    """The screen as SVG text.

    Args:
        second: Moment of the demo's market, seconds after its start.
        size: Columns and rows.
        keys: Keys pressed before the picture is taken.
    """
    with demo_engine() as engine:
        engine.run_to(second)
        return asyncio.run(_screen(LockstepApp(engine, hz=1), size, keys))


async def _screen(app: LockstepApp, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    async with app.run_test(size=size) as pilot:
        app.pull()
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        return app.export_screenshot(title="Lockstep")


def main(argv: list[str] | None = None) -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(prog="python -m bench.picture", description="Draw the dashboard of the demo.")
    parser.add_argument("--second", type=float, default=SECOND, help=f"moment of the market (default {SECOND:g})")
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=36)
    parser.add_argument("--keys", default="", help="keys to press first, with commas between them")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(argv)
    keys = tuple(key for key in given.keys.split(",") if key)
    given.out.write_text(draw(given.second, (given.columns, given.rows), keys), encoding="utf-8")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
