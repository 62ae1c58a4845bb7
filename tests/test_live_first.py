"""The first LIVE start: what is asked, what is kept, and that no flag stands for a typed word at a real broker's address."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.terminal import Terminal
from config.schema import Mode
from paper.sandbox.sandbox import SandboxThread
from state.acknowledged import NAME
from tests.test_kill import DISARMED, DONE
from tests.test_live import CHILDREN, PATIENCE_S, Live, Program, equal
from tests.test_lost_terminal import CLEAR, Shown
from tui.compliance import LINES, WORD

ASKS_LIVE, ASKS_RULES = "Type LIVE to go on", f"Type {WORD} to go on"
USAGE = 2


class Asked(Program):
    """The program without a dashboard in a pseudo terminal, where somebody can be asked."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.terminals: list[Terminal] = []
        self.seen = ""

    def begin(self, config: Path, *options: str) -> None:
        self.seen = ""
        command = self.command("run", "--headless", "--live", "--config", str(config), *options)
        self.terminals.append(Terminal(command, self.directory))
        self.process = self.terminals[-1].process

    @property
    def lines(self) -> list[str]:
        return self.seen.splitlines()

    def wait(self, what: str, found: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        def read() -> bool:
            self.seen += self.terminals[-1].read(0.02).decode(errors="replace")
            return found()

        super().wait(what, read, patience_s)

    def answer(self, question: str, word: str) -> None:
        """Type a word when it is asked for."""
        self.wait(question, lambda: question in self.seen)
        self.terminals[-1].send(f"{word}\r".encode())

    def runs(self) -> None:
        self.wait("armed", lambda: any(line.rstrip().endswith(" armed") for line in self.lines))

    def code(self) -> int:
        """What it ended with, of itself."""
        assert self.process is not None
        self.wait("the end", lambda: self.process is not None and self.process.poll() is not None)
        return self.process.wait()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    thread = SandboxThread(equal())
    with thread:
        made = Live(thread, tmp_path)
        yield made
        made.program.kill()


@pytest.fixture
def asked(live: Live) -> Iterator[Asked]:
    made = Asked(live.directory)
    yield made
    made.kill()
    for terminal in made.terminals:
        terminal.close()


def data(live: Live) -> Path:
    return live.directory / "state" / "data"


def nothing_was_started(live: Live) -> bool:
    """No state, no order, and nothing acknowledged."""
    return not data(live).exists() and all(live.orders(child) == [] for child in CHILDREN)


def test_rules_are_shown_and_asked_once_and_never_again(live: Live, asked: Asked) -> None:
    asked.begin(live.config)
    asked.answer(ASKS_LIVE, "LIVE")
    asked.answer(ASKS_RULES, WORD)
    assert all(line.strip() in asked.seen for line in LINES)
    asked.runs()
    assert asked.stop() == DONE
    assert (data(live) / NAME).exists()
    asked.begin(live.config)
    asked.answer(ASKS_LIVE, "LIVE")
    asked.runs()
    assert WORD not in asked.seen
    assert asked.stop() == DONE


@pytest.mark.parametrize("word", ["understood", "LIVE", ""])
def test_start_ends_where_the_rules_are_not_acknowledged_and_they_are_asked_again(
    live: Live, asked: Asked, word: str
) -> None:
    for _ in range(2):
        asked.begin(live.config)
        asked.answer(ASKS_LIVE, "LIVE")
        asked.answer(ASKS_RULES, word)
        assert asked.code() == DISARMED
        assert nothing_was_started(live)


@pytest.mark.parametrize("word", ["live", WORD, ""])
def test_start_ends_where_live_is_not_typed_and_nothing_more_is_asked(live: Live, asked: Asked, word: str) -> None:
    asked.begin(live.config)
    asked.answer(ASKS_LIVE, word)
    assert asked.code() == DISARMED
    assert ASKS_RULES not in asked.seen
    assert nothing_was_started(live)


def without_terminal(live: Live, *options: str) -> subprocess.CompletedProcess[str]:
    command = Program.command("run", "--headless", "--live", "--config", str(live.config), *options)
    return subprocess.run(
        command,
        check=False,
        cwd=live.directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize("options", [(), ("--typed", "live"), ("--typed", ""), ("--typed", WORD)], ids=str)
def test_without_a_terminal_a_sandbox_wants_the_flag_word_for_word(live: Live, options: tuple[str, ...]) -> None:
    done = without_terminal(live, *options)
    assert done.returncode == DISARMED
    assert nothing_was_started(live)


def test_flag_counts_at_a_sandbox_and_acknowledges_nothing(live: Live) -> None:
    live.start()
    live.armed()
    assert live.stop() == DONE
    assert data(live).exists() and not (data(live) / NAME).exists()


def at(live: Live, root_url: str, ticker_url: str) -> None:
    """Write other addresses into the configuration, or none: the broker's own."""
    head = live.config.read_text().split("brokers:\n", 1)[0]
    urls = f'brokers:\n  zerodha: {{root_url: "{root_url}", ticker_url: "{ticker_url}"}}\n' if root_url else ""
    live.config.write_text(head + urls)


REAL = [
    pytest.param("", "", id="the broker's own"),
    pytest.param("https://192.0.2.7", "wss://192.0.2.7", id="another machine"),
    pytest.param("https://127.0.0.1.example.com", "wss://127.0.0.1.example.com", id="a name that looks near"),
    pytest.param("http://localhost:{port}", "ws://localhost:{port}/ws", id="a name for this machine"),
]


@pytest.mark.parametrize(("root_url", "ticker_url"), REAL)
def test_flag_is_refused_at_a_real_brokers_address_without_a_terminal(
    live: Live, root_url: str, ticker_url: str
) -> None:
    port = live.sandbox.port
    at(live, root_url.format(port=port), ticker_url.format(port=port))
    done = without_terminal(live, "--typed", "LIVE")
    assert (done.returncode, done.stdout) == (DISARMED, "")
    assert "--typed LIVE counts at a sandbox on this machine only" in done.stderr
    assert nothing_was_started(live)


def test_flag_is_no_answer_at_a_real_brokers_address_in_a_terminal(live: Live, asked: Asked) -> None:
    at(live, "", "")
    asked.begin(live.config, "--typed", "LIVE")
    asked.answer(ASKS_LIVE, "no")
    assert asked.code() == DISARMED
    assert nothing_was_started(live)


@pytest.mark.parametrize("part", ["root", "ticker"])
def test_flag_is_refused_where_one_address_is_a_sandboxs_and_the_other_is_not(live: Live, part: str) -> None:
    root = live.sandbox.root_url if part == "root" else "https://192.0.2.7"
    ticker = live.sandbox.ticker_url if part == "ticker" else "wss://192.0.2.7"
    at(live, root, ticker)
    done = without_terminal(live, "--typed", "LIVE")
    assert done.returncode == USAGE
    assert "cannot be mixed" in done.stderr
    assert nothing_was_started(live)


def test_switch_in_the_dashboard_asks_for_the_rules_once_and_a_no_stays_on_paper(live: Live) -> None:
    shown = Shown(live.directory)
    live.program = shown

    def switch(time: int) -> None:
        dialogs, questions = b"SWITCH TO LIVE", ASKS_RULES.encode()
        before = shown.seen.count(dialogs)
        shown.press(b"m", what="the dialog", found=lambda: shown.seen.count(dialogs) > before)
        shown.press(b"LIVE\r", CLEAR, what="the rules", found=lambda: shown.seen.count(questions) == time)

    def sessions(mode: str) -> int:
        return sum(f"started in {mode}" in line for line in shown.lines)

    try:
        live.start(mode=Mode.PAPER)
        live.armed()
        switch(1)
        shown.terminal.send(b"no\r")
        live.wait("a session on paper again", lambda: sessions("PAPER") == 2)
        assert not (data(live) / NAME).exists()
        live.armed()
        switch(2)
        shown.terminal.send(f"{WORD}\r".encode())
        live.wait("a live session", lambda: sessions("LIVE") == 1)
        assert (data(live) / NAME).exists()
        assert live.stop() == DONE
    finally:
        shown.kill()
        shown.hang_up()
