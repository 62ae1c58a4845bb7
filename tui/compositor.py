"""A compositor that paints over everything that goes away.

Stock Textual 8.2.8 compares a new layout with the last map of all widgets. That map is also built when somebody asks
where a widget is (a hidden one with news makes it stale), and what had left or moved until then is in neither: a
message whose time was over stayed on the screen, over the rows below it, until the size of the terminal changed.
Private names of the compositor are used here and nowhere else; the Textual version is pinned.
"""

from typing import Any

from textual._compositor import Compositor, CompositorMap, ReflowResult
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget


class WholeCompositor(Compositor):
    """Compares every new map with the one that was drawn."""

    @property
    def full_map(self) -> CompositorMap:
        """All widgets; what is another than when it was drawn will be painted."""
        drawn = self._drawn
        found = super().full_map
        if found is not drawn:
            self._paint_changes(drawn, found)
        return found

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """Lay out; also what moved since the last scrolling is painted."""
        scrolled = self._visible_map
        result = super().reflow(parent, size)
        if scrolled is not None:
            self._paint_changes(scrolled, self._full_map)
        return result

    @property
    def _drawn(self) -> CompositorMap:
        return self._full_map if self._visible_map is None else self._visible_map

    def _paint_changes(self, drawn: CompositorMap, found: CompositorMap) -> None:
        changed = {place.clip.intersection(place.region) for _, place in drawn.items() ^ found.items()}
        self._dirty_regions.update(region for region in changed if region)


def paint_whole(screen: Screen[Any]) -> None:
    """Give a new screen that compositor."""
    screen._compositor = WholeCompositor()
