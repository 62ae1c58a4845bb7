"""A compositor that paints over everything that goes away.

Stock Textual 8.2.8 compares a new layout with the last map of all widgets. That map is also built when somebody asks
where a widget is (a hidden one with news makes it stale), and what had left or moved until then is in neither: a
message whose time was over stayed on the screen, over the rows below it, until the size of the terminal changed.
Private names of the compositor are used here and nowhere else; the Textual version is pinned.
"""

from typing import Any

from textual._compositor import Compositor, CompositorMap, ReflowResult
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.widget import Widget


class WholeCompositor(Compositor):
    """Paints with every layout whatever is another than when it was drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._changed: set[Region] = set()
        "What the maps that were built between two layouts do not have any more, or have anew."

    @property
    def full_map(self) -> CompositorMap:
        """All widgets. What has changed is painted by the next layout: until then some of it has no size."""
        drawn = self._full_map if self._visible_map is None else self._visible_map
        found = super().full_map
        if found is not drawn:
            self._changed |= _differences(drawn, found)
        return found

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """Lay out."""
        scrolled = self._visible_map
        result = super().reflow(parent, size)
        if scrolled is not None:
            self._changed |= _differences(scrolled, self._full_map)
        self._dirty_regions |= self._changed
        self._changed.clear()
        return result


def _differences(drawn: CompositorMap, found: CompositorMap) -> set[Region]:
    """Where one of two maps has what the other has not."""
    places = {place.clip.intersection(place.region) for _, place in drawn.items() ^ found.items()}
    return {region for region in places if region}


def paint_whole(screen: Screen[Any]) -> None:
    """Give a new screen that compositor."""
    screen._compositor = WholeCompositor()
