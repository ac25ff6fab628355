"""`weblogs init` on warehouses of every age: what is there stays, what is missing comes, once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.pipeline.records import Content, record
from tests.provision.conftest import Bare
from weblogs_platform.clients.warehouse import Transaction
from weblogs_platform.core.errors import InvalidDocument, StatementRefused
from weblogs_platform.core.migrations import Applied, Migration, pending
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.kpis import TABLES
from weblogs_platform.pipeline.load import load_hour
from weblogs_platform.pipeline.provision import initialise, pending_migrations
from weblogs_platform.pipeline.refresh import refresh, stale_periods
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import WEB_LOGS

BEFORE = Path(__file__).parent / "ddl_before_event_times"
"""The DDL of the first version that loaded anything."""
MIGRATIONS = PROJECT_ROOT / "sql" / "ddl" / "migrations"
NAMES = [path.stem for path in sorted(MIGRATIONS.glob("*.sql"))]
OLD_HOUR = LandingHour.from_argument("2025-07-20T10")
COLUMNS = (
    "SELECT schema_name, table_name, ordinal_position, column_name, data_type, character_maximum_length, "
)
COLUMNS += (
    "numeric_precision, numeric_scale, is_nullable FROM svv_all_columns WHERE schema_name LIKE 'shopware%' "
)
COLUMNS += "ORDER BY 1, 2, 3"
OLD_WEB_LOGS = (
    # By the event's own time; by that of ingestion, where it is no time; by the hour, where nothing is known.
    ("View", "Firefox", "Mobile", "cart", "u1", "s1", "2025-07-20 10:05:00", 1753005960, OLD_HOUR.sql),
    ("View", "Firefox", "Mobile", "cart", "u2", "s2", "2025-07-20 09:59:00", 0, OLD_HOUR.sql),
    ("View", "Firefox", "Mobile", "cart", "u3", "s3", None, None, OLD_HOUR.sql),
)
OLD_INTERACTIONS = (
    (7, "Feedback", "App", 4, "fine", "2025-07-20 08:30:00", "2025-07-20 10:01:00", OLD_HOUR.sql),
    (8, "Feedback", "App", 4, "fine", None, "2025-07-20 10:02:00", OLD_HOUR.sql),
)
OLD_LOAD = (
    "INSERT INTO shopware_ops.load_history (stream, landing_hour, object_key, etag, size_bytes, records, loaded, "
    "quarantined, duplicates_dropped, truncated_values, rules) VALUES "
    "('web_logs', '2025-07-20 10:00:00', 'firehose/web_redshift/2025/07/20/10/old', 'e', 1, 3, 3, 0, 0, 0, 'r')"
)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 7, 20, hour, minute)  # noqa: DTZ001 - as Redshift's TIMESTAMPs come, UTC without a zone


@pytest.fixture
def old(bare: Bare) -> Bare:
    """A warehouse of the first version, with rows in it."""
    bare.run_statements(BEFORE)
    with bare.warehouse.transaction() as tx:
        _insert(tx, "shopware_stream.web_logs_stream", OLD_WEB_LOGS)
        _insert(tx, "shopware_stream.customer_interaction_stream", OLD_INTERACTIONS)
        tx.execute(OLD_LOAD)
    return bare


def _insert(tx: Transaction, table: str, rows: tuple[tuple[object, ...], ...]) -> None:
    tx.execute_many(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)


def recorded(bare: Bare) -> list[object]:
    return [name for (name,) in bare.ask("SELECT name FROM shopware_ops.schema_migrations ORDER BY number")]


def web_rows(bare: Bare) -> list[tuple[object, ...]]:
    return bare.ask("SELECT user_id, event_at FROM shopware_stream.web_logs_stream ORDER BY user_id")


def test_an_old_warehouse_keeps_its_rows_and_gets_event_times(old: Bare) -> None:
    """Tables of an earlier version lack a column, and every load fails; or they are made anew, without their rows."""
    done = initialise(old.lake, old.warehouse)
    migrated = [line.partition(":")[0] for line in done[-len(NAMES) :]]
    assert migrated == [f"sql/ddl/migrations/{name}.sql" for name in NAMES]
    assert web_rows(old) == [
        ("u1", at(10, 6)),
        ("u2", at(9, 59)),
        ("u3", at(10, 0)),
    ]
    assert old.ask(
        "SELECT customer_id, event_at FROM shopware_stream.customer_interaction_stream ORDER BY 1"
    ) == [
        (7, at(8, 30)),
        (8, at(10, 2)),
    ]
    assert old.ask("SELECT object_key FROM shopware_ops.load_history") == [
        ("firehose/web_redshift/2025/07/20/10/old",)
    ]
    assert recorded(old) == NAMES


def test_a_migrated_warehouse_has_the_columns_of_a_new_one(old: Bare) -> None:
    """A column was added to sql/ddl and no migration adds it; or at another place, or of another type."""
    initialise(old.lake, old.warehouse)
    migrated = old.ask(COLUMNS)
    with old.warehouse.transaction() as tx:
        for schema, table in sorted({(schema, table) for schema, table, *_ in migrated}):
            tx.execute(f"DROP TABLE {schema}.{table}")
    initialise(old.lake, old.warehouse)
    assert old.ask(COLUMNS) == migrated


def test_a_migrated_warehouse_loads_and_computes(old: Bare, fresh_bucket) -> None:
    """New rows do not load beside the old ones, or KPIs never see what was loaded before changes were recorded."""
    initialise(old.lake, old.warehouse)
    hour = OLD_HOUR.plus(1)
    content = Content(WEB_LOGS)
    for n in range(5):
        content.good(record(WEB_LOGS, n))
    fresh_bucket.s3("delivery").put_object(
        Bucket=fresh_bucket.bucket, Key=WEB_LOGS.landing_hour_prefix(hour) + "new", Body=content.stored
    )
    validate_hour(old.lake, WEB_LOGS, hour)
    assert load_hour(old.lake, old.warehouse, WEB_LOGS, hour, run_id="test").table_rows == 5
    assert old.ask("SELECT COUNT(*) FROM shopware_stream.web_logs_stream") == [(8,)]
    first, end = datetime(2025, 7, 20, tzinfo=UTC), datetime(2025, 7, 21, tzinfo=UTC)
    [traffic] = [table for table in TABLES if table.name == "web_traffic_hourly"]
    stale = stale_periods(old.warehouse, traffic, first=first, end=end)
    assert [start.hour for start in stale] == [9, 10]
    for start in stale:
        refresh(old.warehouse, traffic, start, start + timedelta(hours=1), run_id="test")
    assert old.ask("SELECT SUM(events) FROM shopware_kpis.web_traffic_hourly") == [(3,)]


def test_a_new_warehouse_goes_the_same_way(bare: Bare) -> None:
    """A migration is left to be applied to a table that has its column already."""
    done = initialise(bare.lake, bare.warehouse)
    assert f"sql/ddl/migrations/{NAMES[0]}.sql: the column is there" in done
    assert recorded(bare) == NAMES
    assert pending_migrations(bare.warehouse) == []
    applied_at = bare.ask("SELECT number, applied_at FROM shopware_ops.schema_migrations ORDER BY 1")
    assert not any("migrations/" in line for line in initialise(bare.lake, bare.warehouse))
    assert bare.ask("SELECT number, applied_at FROM shopware_ops.schema_migrations ORDER BY 1") == applied_at


def test_a_warehouse_of_the_version_before_migrations_changes_nothing(bare: Bare) -> None:
    """One with event times and recorded changes gets its event hours a second time."""
    initialise(bare.lake, bare.warehouse)
    with bare.warehouse.transaction() as tx:
        tx.execute("DROP TABLE shopware_ops.schema_migrations")
        tx.execute(
            "INSERT INTO shopware_stream.web_logs_stream (user_id, landing_hour, event_at) "
            "VALUES ('u', '2025-07-20 10:00:00', '2025-07-20 09:30:00')"
        )
        tx.execute(
            "INSERT INTO shopware_ops.changed_hours (source_table, event_hour, change_no, changed_rows) "
            "VALUES ('shopware_stream.web_logs_stream', '2025-07-20 09:00:00', 4, 1)"
        )
    initialise(bare.lake, bare.warehouse)
    assert recorded(bare) == NAMES
    assert web_rows(bare) == [("u", at(9, 30))]
    assert bare.ask("SELECT change_no FROM shopware_ops.changed_hours") == [(4,)]


WRONG_CLOCKS = {
    "shopware_stream.web_logs_stream": (
        "user_id, session_id, ingestion_timestamp, landing_hour, event_at",
        [
            ("reset", "s1", "2025-07-20 09:58:00", "1970-01-01 00:00:07", at(9, 58)),
            ("its session", "s1", "2025-07-20 10:00:00", "2025-07-20 08:30:00", at(8, 30)),
            ("ahead", "s2", None, "2999-01-01 00:00:00", at(10)),
            ("both", "s3", "1971-01-01 00:00:00", "1971-01-01 00:00:00", at(10)),
            ("well", "s4", "2025-07-20 09:59:00", "2025-07-20 07:00:00", at(7)),
        ],
        {at(8): 0, at(9): 1, at(10): 2},
    ),
    "shopware_stream.customer_interaction_stream": (
        "message_excerpt, channel, ingestion_timestamp, landing_hour, event_at",
        [("reset", "App", "2025-07-20 09:58:00", "1970-01-01 00:00:07", at(9, 58))],
        {at(9): 1},
    ),
    "shopware_processed.pos_records": (
        "transaction_id, store_id, delivered_at, landing_hour, event_at",
        [
            ("t1", 1, "2025-07-20 10:30:00", "1970-01-01 00:00:07", at(10)),
            ("t1", 2, "2025-07-20 10:40:00", "2025-07-19 22:00:00", datetime(2025, 7, 19, 22)),  # noqa: DTZ001
        ],
        {at(10): 1, datetime(2025, 7, 19, 22): 0},  # noqa: DTZ001
    ),
    "shopware_processed.inventory_records": (
        "inventory_id, product_id, delivered_at, landing_hour, event_at",
        [("i1", 1, "2025-07-20 10:30:00", "2999-01-01 00:00:00", at(10))],
        {at(10): 1},
    ),
}
"""Columns; rows as an earlier version dated them, with the time that counts now; the event hours to compute anew."""


@pytest.mark.parametrize("table", WRONG_CLOCKS)
def test_rows_of_wrong_clocks_are_dated_by_the_rule_of_today(bare: Bare, table: str) -> None:
    """An event of 1971 or 2999 stays there, in no partition, or the hour that it counts in now is never computed anew."""
    columns, lines, hours = WRONG_CLOCKS[table]
    bare.run_statements(PROJECT_ROOT / "sql" / "ddl")
    with bare.warehouse.transaction() as tx:
        tx.execute_many(
            f"INSERT INTO {table} ({columns}) VALUES (%s, %s, %s, %s, %s)",
            [(name, other, came, OLD_HOUR.sql, dated) for name, other, came, dated, _ in lines],
        )
    initialise(bare.lake, bare.warehouse)
    first, second, *_ = columns.split(", ")
    found = bare.ask(f"SELECT {first}, {second}, event_at FROM {table}")
    assert {(name, other, moment) for name, other, moment in found} == {
        (line[0], line[1], line[4]) for line in lines
    }
    changes = bare.ask(
        "SELECT run_id, change_no, event_hour, changed_rows FROM shopware_ops.changed_hours "
        f"WHERE source_table = '{table}' AND run_id LIKE 'migration %' ORDER BY change_no"
    )
    by_change = {run: {hour: rows for name, _, hour, rows in changes if name == run} for run, *_ in changes}
    assert list(by_change.values()) == [hours, hours]


def test_verdicts_from_before_numbers_keep_their_order(bare: Bare) -> None:
    """The last verdict is another one after the upgrade, or one counts again that a load had made void."""
    bare.run_statements(PROJECT_ROOT / "sql" / "ddl")
    with bare.warehouse.transaction() as tx:
        tx.execute("ALTER TABLE shopware_ops.quarantine_verdicts DROP COLUMN verdict_no")
        tx.execute(
            OLD_LOAD.replace(", rules)", ", rules, loaded_at)").replace("'r')", "'r', '2025-07-20 12:00:00')")
        )
        for judged, reason in (
            (at(14), "third"),
            (at(11), "before the load"),
            (at(13), "second"),
            (at(14), "beside"),
        ):
            tx.execute(
                "INSERT INTO shopware_ops.quarantine_verdicts "
                "(stream, landing_hour, object_key, etag, byte_offset, reason, rules, judged_at) "
                "SELECT stream, landing_hour, object_key, etag, 0, %s, 'r', CAST(%s AS TIMESTAMP) "
                "FROM shopware_ops.load_history",
                (reason, judged.isoformat(sep=" ")),
            )
    initialise(bare.lake, bare.warehouse)
    assert bare.ask("SELECT verdict_no, reason FROM shopware_ops.quarantine_verdicts ORDER BY 1, 2") == [
        (1, "second"),
        (2, "beside"),
        (2, "third"),
    ]


@pytest.mark.parametrize(
    ("place", "kept"),
    [("migrate:recorded", 0), ("migrate:applied*3", 2), ("migrate:committed*5", 5)],
)
def test_an_interrupted_one_goes_on(old: Bare, place: str, kept: int) -> None:
    """Half a migration stays, or what was done is done again; then init fails for ever."""
    status, printed = old.init(WEBLOGS_FAILPOINT=place)
    assert status == -9, printed
    assert recorded(old) == NAMES[:kept]
    status, printed = old.init()
    assert status == 0, printed
    assert recorded(old) == NAMES
    assert [user for user, _ in web_rows(old)] == ["u1", "u2", "u3"]
    assert old.ask("SELECT event_hour, changed_rows FROM shopware_ops.changed_hours WHERE source_table LIKE '%web%' "
                   "ORDER BY 1") == [
        (at(9), 1), (at(10), 2),
    ]  # fmt: skip


def test_two_at_once_take_turns(old: Bare) -> None:
    """Both add the column, or both record the changes."""
    started = [old.start_init() for _ in range(2)]
    printed = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], printed
    assert recorded(old) == NAMES
    assert old.ask("SELECT SUM(changed_rows) FROM shopware_ops.changed_hours") == [(5,)]


def test_a_changed_file_is_refused_before_anything_is_done(bare: Bare, tmp_path: Path) -> None:
    """Two warehouses that have been through the same numbers differ."""
    initialise(bare.lake, bare.warehouse)
    root = _copy_of_project(tmp_path)
    changed = root / "sql" / "ddl" / "migrations" / f"{NAMES[2]}.sql"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n-- changed", encoding="utf-8")
    (root / "sql" / "ddl" / "99_new.sql").write_text("CREATE TABLE new_one (n INT)", encoding="utf-8")
    with pytest.raises(InvalidDocument, match=f"{NAMES[2]}.sql was changed .*put the file back"):
        initialise(bare.lake, bare.warehouse, root=root)
    assert bare.ask("SELECT 1 FROM svv_all_tables WHERE table_name = 'new_one'") == []


def test_a_migration_that_fails_is_named_and_leaves_nothing(bare: Bare, tmp_path: Path) -> None:
    """Half of it stays; or it counts as applied."""
    root = _copy_of_project(tmp_path)
    wrong = root / "sql" / "ddl" / "migrations" / "9001_wrong.sql"
    wrong.write_text("ALTER TABLE shopware_ops.no_such_table ADD COLUMN n INT", encoding="utf-8")
    with pytest.raises(StatementRefused, match=r"sql/ddl/migrations/9001_wrong\.sql: .*no_such_table"):
        initialise(bare.lake, bare.warehouse, root=root)
    assert recorded(bare) == NAMES


def _copy_of_project(folder: Path) -> Path:
    root = folder / "project"
    for name in ("sql", "jsonpaths"):
        shutil.copytree(PROJECT_ROOT / name, root / name)
    return root


ONE = Migration("0001_one", "SELECT 1")


@pytest.mark.parametrize(
    ("migrations", "applied", "complaint"),
    [
        ([ONE, Migration("0001_two", "SELECT 2")], [], "a number twice"),
        ([ONE], [Applied(2, "0002_two", "x")], "0002_two, which this version does not have"),
        ([ONE], [Applied(1, "0001_one", "x")], "was changed after"),
    ],
)
def test_contradictions_are_refused(migrations, applied, complaint: str) -> None:
    with pytest.raises(InvalidDocument, match=complaint):
        pending(migrations, applied)


def test_a_file_that_git_gave_other_line_ends_is_the_same(tmp_path: Path) -> None:
    """A checkout on another system looks like a changed migration."""
    (tmp_path / "a").write_bytes(b"SELECT 1\r\n")
    (tmp_path / "b").write_bytes(b"SELECT 1\n")
    texts = [(tmp_path / name).read_text(encoding="utf-8") for name in ("a", "b")]
    assert Migration("0001_one", texts[0]).checksum == Migration("0001_one", texts[1]).checksum


@pytest.mark.parametrize("name", ["1_one", "0001-one", "0001_One", "one"])
def test_a_name_without_a_number_is_refused(name: str) -> None:
    with pytest.raises(InvalidDocument, match="must be like 0001_what_it_does"):
        Migration(name, "SELECT 1")
