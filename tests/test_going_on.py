"""Which market the next process trades in: the one that a kill or a take-over interrupted, or a new one; and who may run."""

import json
import shutil
import signal
import subprocess
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from config.schema import Mode
from engine.events import KillSwitched, OrderUpdated
from engine.model import BookStatus, OrderReport, OrderType, split_leg
from paper.recorded import load_day
from paper.venues import SETTLE_NS, last_ns
from state.lock import InstanceLock
from state.schema import connect_read_only
from state.session import Session
from state.store import JOURNAL_NAME, lock_path
from tests.recorded_day import write_day
from tests.test_kill import DISARMED, DONE, LOCKED, TIMEOUT_S, WRONG, replay
from tests.test_runner import Engine, command, demo_config, engine, run, written

GOES_ON = "the market goes on where it stopped"
ANEW = "the market begins anew"
INSTANCES = 20


def clock(line: str) -> str:
    """The market time of a line."""
    return line[:12]


def killed_demo(directory: Path, config: str) -> Engine:
    """A demo that was killed with a leg open."""
    with engine(directory, "--config", config) as demo:
        demo.wait_for("entry BUY")
        demo.process.kill()
        demo.ended()
    return demo


def status(directory: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(run(directory, "status", "--json").stdout)
    return found


# The demo


def test_killed_demo_goes_on_disarmed_with_what_it_held(tmp_path: Path) -> None:
    config = demo_config(tmp_path, 5)
    killed_demo(tmp_path, config)
    before = status(tmp_path)
    with engine(tmp_path, "--config", config) as demo:
        assert clock(demo.wait_for(GOES_ON))[:8] == before["at"]
        demo.wait_for("master BUY")
        after = status(tmp_path)
        assert demo.signalled(signal.SIGTERM) == DISARMED
    assert not any(line.rstrip().endswith("armed") for line in demo.seen)
    assert (before["strategy"], after["strategy"], after["armed"]) == ("ACTIVE", "ACTIVE", False)
    assert after["children"] != {"C1": {}}


def test_question_that_nobody_answered_is_asked_again_after_an_orderly_end(tmp_path: Path) -> None:
    config = demo_config(tmp_path, 5)
    killed_demo(tmp_path, config)
    for _ in range(2):
        with engine(tmp_path, "--config", config) as demo:
            demo.wait_for(GOES_ON)
            assert f"run --take-over --config {config}" in demo.wait_for("nobody can answer here")
            assert demo.signalled(signal.SIGTERM) == DISARMED
        assert status(tmp_path)["unclean"]


def ended_demo(directory: Path, *arguments: str) -> Engine:
    """A demo that ended in an orderly way after its strategy had started."""
    with engine(directory, *arguments) as demo:
        demo.wait_for("strategy started")
        assert demo.signalled(signal.SIGTERM) == DONE
    return demo


def strategies(directory: Path) -> list[tuple[str, str]]:
    """What a journal, in its place or kept, has of strategies."""
    with closing(connect_read_only(directory / JOURNAL_NAME)) as connection:
        return connection.execute("SELECT source, substr(started_ist, 1, 10) FROM v_strategies").fetchall()


def test_session_that_ended_in_an_orderly_way_is_kept_and_said_where(tmp_path: Path) -> None:
    config, root = demo_config(tmp_path, 20), tmp_path / "state/data/demo"
    for name in ("", ".2"):
        before = ended_demo(tmp_path, "--config", config)
        day = str(status(tmp_path)["day"])
        with engine(tmp_path, "--config", config) as after:
            kept = f"past/{day}{name}"
            assert f"; the session before is kept in state/data/demo/{kept}" in after.wait_for(ANEW)
            after.wait_for("armed")
            assert after.signalled(signal.SIGTERM) == DONE
        assert clock(after.seen[0]) == "10:00:00.000"
        assert not any(GOES_ON in line for line in after.seen)
        assert ("PAPER", day) in strategies(root / kept), "the strategies of past days can be asked for"
        assert not any(ANEW in line for line in before.seen) or name
        shutil.rmtree(root / "paper")  # what the second one left


def test_kept_session_is_removed_after_so_many_days_and_not_without_a_word(tmp_path: Path) -> None:
    text = (tmp_path / demo_config(tmp_path, 20)).read_text(encoding="utf-8")
    config = written(tmp_path, "kept.yaml", f"{text}\nstate: {{keep_days: 1}}\n")
    ended_demo(tmp_path, "--config", config)
    today = date.fromisoformat(str(status(tmp_path)["day"]))
    past = tmp_path / "state/data/demo/past"
    for days in (1, 2, 2000):
        (past / (today - timedelta(days=days)).isoformat()).mkdir(parents=True)
    with engine(tmp_path, "--config", config) as demo:
        assert "; kept sessions older than 1 days were removed: 2" in demo.wait_for(ANEW)
        assert demo.signalled(signal.SIGTERM) == DONE
    yesterday = today - timedelta(days=1)
    assert sorted(path.name for path in past.iterdir()) == [yesterday.isoformat(), today.isoformat()]


def test_demo_of_the_program_itself_is_not_kept_and_says_so(tmp_path: Path) -> None:
    ended_demo(tmp_path, "--demo")
    with engine(tmp_path, "--config", demo_config(tmp_path, 20)) as second:
        assert "; the state of the session before was removed: it was a demo or a replay" in second.wait_for(ANEW)
        second.wait_for("armed")
        assert second.signalled(signal.SIGTERM) == DONE
    assert not (tmp_path / "state/data/demo/past").exists()


def test_session_that_is_kept_is_kept_by_the_start_of_a_demo_too(tmp_path: Path) -> None:
    ended_demo(tmp_path, "--config", demo_config(tmp_path, 20))
    with engine(tmp_path, "--demo") as second:
        assert "; the session before is kept in " in second.wait_for(ANEW)
        assert second.signalled(signal.SIGTERM) == DONE


def test_first_start_says_nothing_of_a_market_before(tmp_path: Path) -> None:
    first = ended_demo(tmp_path, "--config", demo_config(tmp_path, 20))
    assert not any("anew" in line or GOES_ON in line for line in first.seen)


def test_kept_session_and_new_one_are_never_mixed_by_a_kill_between_the_steps(tmp_path: Path) -> None:
    """The old state has been put away, and what the new market is made of has not been written."""
    config, root = demo_config(tmp_path, 20), tmp_path / "state/data/demo"
    killed_demo(tmp_path, config)
    kept = root / "past" / "2026-11-02"
    kept.parent.mkdir()
    (root / "paper").rename(kept)
    had = strategies(kept)
    with engine(tmp_path, "--config", config) as demo:
        demo.wait_for("armed")
        assert demo.signalled(signal.SIGTERM) == DONE
    assert not any(GOES_ON in line for line in demo.seen)
    assert strategies(kept) == had != []
    assert sorted(path.name for path in (root / "past").iterdir()) == ["2026-11-02"]


def test_killed_demo_of_other_accounts_begins_anew_and_says_why(tmp_path: Path) -> None:
    config = demo_config(tmp_path, 20)
    killed_demo(tmp_path, config)
    text = (tmp_path / config).read_text(encoding="utf-8").replace("1050000", "1060000")
    with engine(tmp_path, "--config", written(tmp_path, "other.yaml", text)) as demo:
        line = demo.wait_for(ANEW)
        assert "accounts" in line
        assert "the session before is kept in" in line
        demo.wait_for("armed")
        assert demo.signalled(signal.SIGTERM) == DONE
    assert clock(demo.seen[0]) == "10:00:00.000"


def test_killed_demo_goes_on_with_another_speed(tmp_path: Path) -> None:
    killed_demo(tmp_path, demo_config(tmp_path, 20))
    with engine(tmp_path, "--config", demo_config(tmp_path, 10)) as demo:
        demo.wait_for(GOES_ON)
        demo.signalled(signal.SIGTERM)


def test_damaged_journal_of_a_demo_begins_anew_and_says_why(tmp_path: Path) -> None:
    config = demo_config(tmp_path, 20)
    killed_demo(tmp_path, config)
    (tmp_path / "state/data/demo/paper/journal.sqlite3").write_bytes(b"damaged" * 1000)
    with engine(tmp_path, "--config", config) as demo:
        assert "cannot be read" in demo.wait_for(ANEW)
        assert demo.signalled(signal.SIGTERM) == DONE


@pytest.mark.parametrize("left", ["an empty file", "nothing"])
def test_lost_journal_of_a_demo_begins_anew_and_says_why(left: str, tmp_path: Path) -> None:
    config = demo_config(tmp_path, 20)
    killed_demo(tmp_path, config)
    journal = tmp_path / "state/data/demo/paper/journal.sqlite3"
    for path in journal.parent.glob("journal.sqlite3*"):
        path.unlink()
    if left == "an empty file":
        journal.touch()
    with engine(tmp_path, "--config", config) as demo:
        assert "missing or empty" in demo.wait_for(ANEW)
        assert demo.signalled(signal.SIGTERM) == DONE


@pytest.mark.parametrize("left", ["paper.old", "paper"])
def test_emptying_that_was_interrupted_is_finished(left: str, tmp_path: Path) -> None:
    config = demo_config(tmp_path, 20)
    directory = tmp_path / "state" / "data" / "demo"
    (directory / left).mkdir(parents=True)
    (directory / left / "journal.sqlite3-wal").write_bytes(b"rest")
    with engine(tmp_path, "--config", config) as demo:
        demo.wait_for("armed")
        assert demo.signalled(signal.SIGTERM) == DONE
    found = sorted(path.name for path in directory.iterdir())
    assert [name for name in found if name != "past"] == ["lockstep.lock", "paper", "world.json"]
    assert ("past" in found) == (left == "paper"), "what was on its way out goes, what was in its place is kept"


# A recorded day


def killed_replay(directory: Path, text: str, *arguments: str) -> None:
    """A replay that was killed when it said something."""
    process = subprocess.Popen(
        replay(directory, *arguments), cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if text in line:
            break
    process.kill()
    process.stderr.close()
    assert process.wait(TIMEOUT_S) == -signal.SIGKILL, seen


def replayed(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        replay(directory, *arguments), cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def test_killed_replay_resumes_by_itself_and_says_so(tmp_path: Path) -> None:
    write_day(tmp_path)
    killed_replay(tmp_path, "entry SELL")
    result = replayed(tmp_path)
    assert result.returncode == DONE
    lines = result.stderr.splitlines()
    assert any(GOES_ON in line for line in lines)
    assert any("resumes by itself" in line for line in lines)
    assert any("resumed after an unclean stop" in line for line in lines)
    assert "strategy started" not in "".join(lines[:10])


def test_replay_that_ended_begins_anew(tmp_path: Path) -> None:
    write_day(tmp_path)
    first, second = replayed(tmp_path), replayed(tmp_path)
    assert (second.returncode, second.stdout) == (DONE, first.stdout)
    assert GOES_ON not in second.stderr
    assert ANEW not in first.stderr
    assert f"{ANEW}; the state of the session before was removed: it was a demo or a replay" in second.stderr
    assert not (tmp_path / "state/data/replay/past").exists()


@pytest.mark.parametrize(
    ("arguments", "named"), [(("--from", "09:31"), "times"), ((), "recording")], ids=["options", "files"]
)
def test_killed_replay_of_another_recording_begins_anew(arguments: tuple[str, ...], named: str, tmp_path: Path) -> None:
    day = tmp_path / write_day(tmp_path)
    killed_replay(tmp_path, "entry SELL")
    if not arguments:
        with (day / "quotes.csv").open("a", encoding="utf-8") as file:
            file.write("09:50:00,NIFTY26NOV25000CE,30.00,29.95,6500,30.05,6500,1,1\n")
    result = replayed(tmp_path, *arguments)
    assert result.returncode == DONE
    (line,) = [line for line in result.stderr.splitlines() if ANEW in line]
    assert named in line
    assert "resumes by itself" not in result.stderr


def test_replay_that_broke_an_invariant_says_so_and_fails(tmp_path: Path) -> None:
    """A broker's word for a fill that nobody ordered, as the last thing in the journal of a replay that was killed."""
    day = tmp_path / write_day(tmp_path)
    until = ("--to", "09:33")
    killed_replay(tmp_path, "entry SELL", *until)
    end_ns = last_ns(load_day(day, to_time="09:33")) + SETTLE_NS
    session = Session(tmp_path / "state" / "data" / "replay", Mode.PAPER)
    order = next(order for order in session.replicator.state.orders.values() if order.entry and order.filled)
    exchange, symbol, product = split_leg(order.leg)
    report = OrderReport(
        order_id=order.order_id,
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=order.side,
        order_type=OrderType.MARKET,
        quantity=order.units,
        filled=order.units * 100,
        average_price_inr=Decimal(100),
        status=BookStatus.COMPLETE,
        tag=order.tag,
        placed_ns=order.sent_ns,
        updated_ns=order.sent_ns,
    )
    session.start("2026-11-02", end_ns, "test")
    session.append(KillSwitched(at_ns=end_ns, level=2), ())  # or the excess would be on its way out
    session.append(OrderUpdated(at_ns=end_ns, account=order.account, report=report), ())
    session.commit()
    session.crash()
    result = replayed(tmp_path, *until)
    assert result.returncode == WRONG, result.stderr[-2000:]
    assert any(line.startswith("violation: ") for line in result.stderr.splitlines())
    document = json.loads(result.stdout)
    assert document["violations"]


# Who may run


def test_of_twenty_instances_at_once_one_runs_and_the_others_name_it(tmp_path: Path) -> None:
    config = demo_config(tmp_path, 1)
    arguments = command("run", "--headless", "--config", config)
    processes = [
        subprocess.Popen(
            arguments,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(INSTANCES)
    ]
    try:
        refused: list[subprocess.Popen[str]] = []
        while len(refused) < INSTANCES - 1:
            for process in [p for p in processes if p not in refused]:
                try:
                    process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
                refused.append(process)
        (runs,) = [process for process in processes if process not in refused]
        for process in refused:
            out, err = process.communicate(timeout=TIMEOUT_S)
            assert (process.returncode, out) == (LOCKED, "")
            assert f"process {runs.pid}" in err
            assert "--take-over" in err
        assert runs.stdout is not None
        assert any("armed" in line for line in runs.stdout)
        runs.send_signal(signal.SIGTERM)
        runs.communicate(timeout=TIMEOUT_S)
        assert runs.returncode == DONE
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_second_replay_is_told_what_it_can_do(tmp_path: Path) -> None:
    """`replay` has no dashboard to go to when it is headless, and no --take-over."""
    write_day(tmp_path)
    lock = InstanceLock(lock_path(tmp_path / "state" / "data" / "replay"))
    with lock:
        refused = replayed(tmp_path)
    assert refused.returncode == LOCKED
    assert "--take-over" not in refused.stderr
    assert "wait for its end, or stop it" in refused.stderr


def test_take_over_carries_on_in_the_same_market_armed(tmp_path: Path) -> None:
    config = demo_config(tmp_path, 20)
    with engine(tmp_path, "--config", config) as first:
        first.wait_for("entry BUY")
        with engine(tmp_path, "--config", config, "--take-over") as second:
            line = second.wait_for(GOES_ON)
            assert first.ended() == DONE
            assert clock(line) >= clock(first.seen[-1])
            second.wait_for("armed")
            second.wait_for("strategy ended: everybody is flat")
            assert second.signalled(signal.SIGTERM) == DONE
    started = [line for line in [*first.seen, *second.seen] if "strategy started" in line]
    assert len([line for line in started if clock(line) < "10:03"]) == 1


@pytest.mark.slow
def test_take_over_takes_two_seconds_at_most(tmp_path: Path) -> None:
    """From the new process's own start; measured, so only where nothing else runs."""
    config = demo_config(tmp_path, 1)
    with engine(tmp_path, "--config", config) as first:
        first.wait_for("entry BUY")
        with engine(tmp_path, "--config", config, "--take-over") as second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.process.wait(2.0)
            log = next((tmp_path / "logs").iterdir()).read_text(encoding="utf-8")
            assert GOES_ON in log
            assert "armed" in log[log.index(GOES_ON) :]
            second.signalled(signal.SIGTERM)
