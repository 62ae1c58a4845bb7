"""The journal's SQLite file: its tables, the views for people, and how it is opened so that a commit is on the disk.

It must not know what an entry means beyond its columns.

Write-ahead log with synchronous=FULL: every commit syncs the log before it returns (SQLite syncs the directory when it
creates the log), and readers in other processes never make the writer wait. In rollback mode (DELETE, EXTRA) a reader
that holds its lock for long would make a commit fail, and a failed commit stops all trading.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import get_args

from engine.commands import Notify, RecordFill, RecordStrategy, Write
from engine.errors import StateRefused
from engine.events import Operator, RequestAnswered
from state.files import sync_directory
from state.io_points import IoPoint, Watch

JOURNAL_SCHEMA_VERSION = 2
BUSY_TIMEOUT_S = 5.0
STEPS = 20_000
"""SQLite's virtual machine asks after so many of its steps whether a read is to stop."""
_LOG_BYTES_MAX = 64 << 20

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE sessions (id INTEGER PRIMARY KEY, started_ns INTEGER NOT NULL, mode TEXT NOT NULL,"
    " day TEXT NOT NULL, program_version TEXT NOT NULL, ended_ns INTEGER)",
    "CREATE TABLE entries (seq INTEGER PRIMARY KEY, session INTEGER REFERENCES sessions (id), at_ns INTEGER NOT NULL,"
    " event_kind TEXT NOT NULL, event TEXT NOT NULL, crc32 INTEGER NOT NULL)",
    "CREATE INDEX entries_by_kind ON entries (event_kind)",
    "CREATE TABLE commands (seq INTEGER NOT NULL REFERENCES entries (seq), position INTEGER NOT NULL,"
    " kind TEXT NOT NULL, account TEXT, tag TEXT, body TEXT NOT NULL, PRIMARY KEY (seq, position)) WITHOUT ROWID",
    "CREATE INDEX commands_by_tag ON commands (tag) WHERE tag IS NOT NULL",
)


def connect(path: Path, *, sync: bool, watch: Watch | None = None) -> sqlite3.Connection:
    """The writer's connection to the journal, which is created when it is missing.

    Raises:
        sqlite3.Error: The file cannot be opened, created or written, or is no SQLite file.
        OSError: Its name cannot be made durable.
        StateRefused: It is not a journal of this version, or the file system cannot hold one.
    """
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StateRefused(
                f"{path} lies on a file system without shared memory (a network drive?), where a commit is not safe."
                " Move the state directory to a local disk."
            )
        connection.execute(f"PRAGMA synchronous = {'FULL' if sync else 'OFF'}")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: through the drive's own cache
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")
        _prepare(connection, path)
        # What an earlier process left in the log may be in the page cache only, if its last sync failed. Copying it
        # writes and syncs it once more, so that what is read back from here on is what the disk holds.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if sync:
            sync_directory(path.parent)
        if watch is not None:
            watch(IoPoint.JOURNAL_OPENED, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def stoppable(path: Path, stopped: Callable[[], bool]) -> Iterator[sqlite3.Connection]:
    """A connection for reading until the end of the block, whose reads end soon once `stopped` says so.

    Raises as `connect_read_only`.
    """
    connection = connect_read_only(path)
    connection.set_progress_handler(stopped, STEPS)
    try:
        yield connection
    finally:
        connection.close()


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that can read while another process writes, and can change nothing.

    Raises:
        sqlite3.Error: There is no such file or it is no SQLite file.
        StateRefused: It is not a journal of this version.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing has been created in the file yet."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def remove_oldest(connection: sqlite3.Connection, *, through_seq: int, before_session: int, entries_max: int) -> int:
    """Remove the oldest entries with their commands and the sessions that end up empty, inside a transaction.

    Args:
        connection: The writer's, in a transaction.
        through_seq: Nothing after this entry is removed.
        before_session: Nothing of this session and later ones is removed.
        entries_max: How many entries at most.

    Returns:
        How many entries were removed.
    """
    query = "SELECT seq, session FROM entries WHERE seq <= ? ORDER BY seq LIMIT ?"
    rows = connection.execute(query, (through_seq, entries_max)).fetchall()
    old = [seq for seq, _ in takewhile(lambda row: row[1] is not None and row[1] < before_session, rows)]
    if not old:
        return 0
    connection.execute("DELETE FROM commands WHERE seq <= ?", (old[-1],))
    connection.execute("DELETE FROM entries WHERE seq <= ?", (old[-1],))
    connection.execute("DELETE FROM sessions WHERE id < (SELECT session FROM entries ORDER BY seq LIMIT 1)")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('removed_seq', ?)", (str(old[-1]),))
    return len(old)


def removed_seq(connection: sqlite3.Connection) -> int:
    """Number of the last entry that was removed because of its age, 0 for none."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'removed_seq'").fetchone()
    return 0 if row is None else int(row[0])


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if is_empty(connection):
        for table in _TABLES:
            connection.execute(table)
        connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (str(JOURNAL_SCHEMA_VERSION),))
    _check(connection, path)
    _refresh_views(connection)
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if is_empty(connection):
        return
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
        raise StateRefused(f"{path} is not a journal of this program. Move it aside, or choose another directory.")
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    if row is None or row[0] != str(JOURNAL_SCHEMA_VERSION):
        raise StateRefused(
            f"{path} was written by another version of the program (journal schema {row[0] if row else 'unknown'},"
            f" this program reads {JOURNAL_SCHEMA_VERSION}). Start the version that wrote it; change versions only when"
            f" every account is flat, with {path.parent} moved aside."
        )


def _refresh_views(connection: sqlite3.Connection) -> None:
    known = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))
    for name, select in _VIEWS.items():
        statement = f"CREATE VIEW {name} AS {select}"
        if known.get(name) != statement:
            connection.execute(f"DROP VIEW IF EXISTS {name}")
            connection.execute(statement)


def _time(column: str) -> str:
    return f"{column} AS at_ns, strftime('%Y-%m-%d %H:%M:%f', {column} / 1e9, 'unixepoch', '+330 minutes') AS at_ist"


def _fields(column: str, *names: str) -> str:
    return ", ".join(f"json_extract({column}, '$.{name}') AS {name}" for name in names)


def _kinds(union: object) -> str:
    return ", ".join(f"'{kind.__name__}'" for kind in get_args(union))


_ORDER = ("exchange", "symbol", "product", "side", "quantity", "order_type", "price_inr", "trigger_price_inr")
_FILL = ("exchange", "symbol", "product", "side", "units", "price_inr", "order_id", "order_tag", "opens", "scope",
         "strategy", "started_ns", "source", "copy", "master_price_inr")  # fmt: skip
_AVERAGE = "CASE WHEN count(price_inr) = count(*) THEN sum(units * price_inr) / sum(units) END AS average_inr"
_SLIPPAGE = "CASE o.side WHEN 'BUY' THEN 1 ELSE -1 END * (o.average_inr - coalesce(his.average_inr, o.measure_inr))"
_STARTED = "json_extract(c.body, '$.started_ns')"
# The constants below are class and field names of this program; nothing from outside reaches this text.
_WRITES = "FROM commands c JOIN entries e USING (seq) WHERE c.tag IS NOT NULL"
_VIEWS = {
    "v_intents": f"SELECT e.seq, e.session, {_time('e.at_ns')}, c.kind, c.account, c.tag,"
    f" {_fields('c.body', 'order_id', *_ORDER)} {_WRITES} AND c.kind IN ({_kinds(Write)})",
    "v_orders": f"SELECT e.seq, e.session, {_time('e.at_ns')}, c.account, c.tag,"
    f" {_fields('c.body', *_ORDER)} {_WRITES} AND c.kind = 'PlaceOrder'",
    "v_answers": f"SELECT seq, session, {_time('at_ns')},"  # noqa: S608
    f" {_fields('event', 'account', 'request', 'tag', 'outcome', 'order_id', 'reason')}"
    f" FROM entries WHERE event_kind = '{RequestAnswered.__name__}'",
    "v_fills": f"SELECT c.seq, e.session, {_time('e.at_ns')}, c.account,"  # noqa: S608
    f" {_fields('c.body', *_FILL)} FROM commands c JOIN entries e USING (seq) WHERE c.kind = '{RecordFill.__name__}'",
    "v_strategies": f"SELECT {_fields('c.body', 'scope', 'strategy', 'source')},"  # noqa: S608
    f" strftime('%Y-%m-%d %H:%M:%f', {_STARTED} / 1e9, 'unixepoch', '+330 minutes') AS started_ist,"
    " CASE json_extract(c.body, '$.state') WHEN 'FLAT' THEN"
    " strftime('%Y-%m-%d %H:%M:%f', e.at_ns / 1e9, 'unixepoch', '+330 minutes') END AS ended_ist,"
    f" {_fields('c.body', 'state', 'name', 'baseline_inr', 'ratios')}, {_STARTED} AS started_ns, max(c.seq) AS seq"
    f" FROM commands c JOIN entries e USING (seq) WHERE c.kind = '{RecordStrategy.__name__}'"
    f" GROUP BY json_extract(c.body, '$.scope'), json_extract(c.body, '$.strategy'), {_STARTED}",
    "v_legs": "SELECT scope, strategy, started_ns, source, account, exchange, symbol, product,"
    " sum(CASE side WHEN 'BUY' THEN units ELSE 0 END) AS bought,"
    " sum(CASE side WHEN 'SELL' THEN units ELSE 0 END) AS sold,"
    " CASE WHEN count(price_inr) = count(*) THEN"
    " round(sum(CASE side WHEN 'SELL' THEN units ELSE -units END * price_inr), 2) END AS cash_inr,"
    " min(at_ist) AS first_ist, max(at_ist) AS last_ist"
    " FROM v_fills GROUP BY scope, strategy, started_ns, source, account, exchange, symbol, product",
    # What rested may be filled before the master's order, and his fill is its measure all the same.
    # A bare column beside one max() is that of its row, the newest fill.
    "v_copies": "SELECT o.copy, o.at_ist, o.account, o.exchange, o.symbol, o.product, o.side, o.opens, o.units,"  # noqa: S608
    " round(o.average_inr, 4) AS average_inr, round(coalesce(his.average_inr, o.measure_inr), 4) AS master_price_inr,"
    f" round({_SLIPPAGE}, 4) AS slippage_inr, round({_SLIPPAGE} * o.units, 2) AS slippage_all_inr,"
    " o.scope, o.strategy, o.started_ns, o.source, o.seq"
    " FROM (SELECT copy, account, exchange, symbol, product, side, opens, scope, strategy, started_ns, source, at_ist,"
    " CAST(master_price_inr AS REAL) AS measure_inr, max(seq) AS seq, sum(units) AS units,"
    f" {_AVERAGE}"
    " FROM v_fills WHERE copy IS NOT NULL AND order_tag <> ''"
    " GROUP BY copy, account, exchange, symbol, product, side) o"
    f" LEFT JOIN (SELECT copy, {_AVERAGE}"
    " FROM v_fills WHERE copy IS NOT NULL AND order_tag = '' GROUP BY copy) his ON his.copy = o.copy",
    "v_notices": f"SELECT c.seq, e.session, {_time('e.at_ns')},"  # noqa: S608
    f" {_fields('c.body', 'severity', 'account', 'symbol', 'text')}"
    f" FROM commands c JOIN entries e USING (seq) WHERE c.kind = '{Notify.__name__}'",
    "v_operator": f"SELECT seq, session, {_time('at_ns')}, event_kind AS command, event"  # noqa: S608
    f" FROM entries WHERE event_kind IN ({_kinds(Operator)})",
}
