"""What goes away is painted over, whatever is asked or scrolled before the next layout."""

from textual._compositor import Compositor
from textual.geometry import Region

from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive


def is_painted(compositor: Compositor, where: Region) -> bool:
    """Whether the next refresh paints all of it."""
    return any(region.contains_region(where) for region in compositor._dirty_regions)


def test_when_a_place_is_asked_for_before_the_next_layout() -> None:
    async def script(desk: Desk) -> None:
        screen, events, header = desk.app.screen, desk.app.overview.query_one("#events"), desk.app.overview.children[0]
        compositor, where = screen._compositor, events.region
        compositor.update_widgets({desk.app.overview.query_one("#orders")})  # one that is not to be seen has news
        events.display = False
        assert header.region  # looks it up in a map of all widgets
        compositor.reflow(screen, screen.size)
        assert where and is_painted(compositor, where)

    drive(s.condor(), script)


def test_when_something_is_painted_between_that_question_and_the_layout() -> None:
    async def script(desk: Desk) -> None:
        screen, events, header = desk.app.screen, desk.app.overview.query_one("#events"), desk.app.overview.children[0]
        compositor, where = screen._compositor, events.region
        events.display = False
        compositor.reflow(screen, screen.size)
        compositor.update_widgets({desk.app.overview.query_one("#orders")})
        events.display = True
        assert header.region
        screen._compositor_refresh()  # other news: the events have no size yet, and are blank
        compositor.reflow(screen, screen.size)
        assert where and is_painted(compositor, where)

    drive(s.condor(), script)


def test_when_the_last_layout_was_one_of_scrolling() -> None:
    async def script(desk: Desk) -> None:
        screen, events = desk.app.screen, desk.app.overview.query_one("#events")
        compositor, where = screen._compositor, events.region
        events.display = False
        compositor.reflow(screen, screen.size)
        events.display = True
        compositor.reflow_visible(screen, screen.size)
        compositor._dirty_regions.clear()  # as painted
        events.display = False
        compositor.reflow(screen, screen.size)
        assert where and is_painted(compositor, where)

    drive(s.condor(), script)
