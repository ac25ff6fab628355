"""DDL and the catalog: what a table was declared as is kept, shown and enforced; privileges."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.local.redshift.conftest import USERS, Connect, open_connection, refusal, rows
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch

_FULL = """
CREATE TABLE IF NOT EXISTS {t} (
    id        BIGINT IDENTITY(10, 5),
    name      VARCHAR(5) NOT NULL DEFAULT 'x' ENCODE zstd,
    code      CHAR(3) ENCODE lzo,
    amount    DECIMAL(12,2) ENCODE az64,
    seen      TIMESTAMP DEFAULT GETDATE() ENCODE raw,
    flag      BOOLEAN DEFAULT FALSE,
    ratio     DOUBLE PRECISION,
    body      VARCHAR(MAX),
    PRIMARY KEY (name)
)
BACKUP NO DISTSTYLE KEY DISTKEY (name) COMPOUND SORTKEY (seen, name)
"""


@pytest.fixture
def table(cursor: Any, schema: str) -> str:
    cursor.execute(_FULL.format(t=f"{schema}.full_one"))
    return f"{schema}.full_one"


def test_columns_are_shown_as_declared(cursor: Any, schema: str, table: str) -> None:
    """Lengths in bytes, precision, defaults and nullability, for the driver and for people."""
    assert rows(
        cursor,
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, "
        "column_default FROM svv_all_columns WHERE schema_name = %s ORDER BY ordinal_position",
        (schema,),
    ) == [
        ("id", "bigint", None, 64, 0, "NO", f'nextval(\'"dev"."{schema}"."{_sequence(cursor, schema)}"\')'),
        ("name", "character varying", 5, None, None, "NO", "'x'"),
        ("code", "character", 3, None, None, "YES", None),
        ("amount", "numeric", None, 12, 2, "YES", None),
        ("seen", "timestamp without time zone", None, None, None, "YES", "GETDATE()"),
        ("flag", "boolean", None, None, None, "YES", "FALSE"),
        ("ratio", "double precision", None, 53, None, "YES", None),
        ("body", "character varying", 65535, None, None, "YES", None),
    ]
    assert rows(cursor, f"SELECT distkey, sortkey, encoding FROM pg_table_def WHERE schemaname = '{schema}' "
                        "AND \"column\" = 'name'") == [(True, 2, "zstd")]  # fmt: skip
    assert rows(
        cursor, f"SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE schema = '{schema}'"
    ) == [("KEY(name)", "seen", 2)]


def _sequence(cursor: Any, schema: str) -> str:
    ((table_id,),) = rows(cursor, f"SELECT table_id FROM svv_table_info WHERE schema = '{schema}'")
    return f"__identity_{table_id}_id"


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        (
            "SELECT COUNT(*) FROM pg_catalog.svv_all_tables WHERE table_name = 'full_one' AND schema_name = '{s}'",
            1,
        ),
        ("SELECT COUNT(*) FROM svv_tables WHERE table_schema = '{s}' AND table_type = 'BASE TABLE'", 1),
        ("SELECT COUNT(*) FROM svv_columns WHERE table_schema = '{s}'", 8),
        ("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{s}'", 1),
        ("SELECT COUNT(*) FROM information_schema.columns c WHERE c.table_schema = '{s}'", 8),
        ("SELECT COUNT(*) FROM pg_tables WHERE schemaname = '{s}'", 1),
        (
            "SELECT COUNT(*) FROM svv_all_schemas WHERE schema_name IN ('{s}', 'public', 'rs_internal', 'main')",
            2,
        ),
        ("SELECT COUNT(*) FROM pg_namespace WHERE nspname = '{s}'", 1),
        ("SELECT COUNT(*) FROM pg_user WHERE usename IN ('platform', 'reader') AND usesuper", 1),
    ],
)
def test_catalog_views(cursor: Any, schema: str, table: str, sql: str, count: int) -> None:
    """Each view that clients ask finds the table, and nothing internal."""
    assert rows(cursor, sql.format(s=schema)) == [(count,)]


def test_defaults_and_identity(cursor: Any, table: str) -> None:
    """Left-out columns get their default, IDENTITY counts by its step and takes no value."""
    cursor.execute(f"INSERT INTO {table} (code) VALUES ('a'), ('b')")
    found = rows(cursor, f"SELECT id, name, code, amount, flag, seen FROM {table} ORDER BY id")
    assert [row[:5] for row in found] == [(10, "x", "a", None, False), (15, "x", "b", None, False)]
    assert all(isinstance(row[5], dt.datetime) for row in found)
    assert refusal(cursor, f"INSERT INTO {table} (id, code) VALUES (1, 'c')") == "428C9"
    assert refusal(cursor, f"UPDATE {table} SET id = 1") == "428C9"


def test_primary_key_is_informational(cursor: Any, table: str) -> None:
    """Redshift does not enforce it; NOT NULL it is."""
    cursor.execute(f"INSERT INTO {table} (name) VALUES ('same'), ('same')")
    assert refusal(cursor, f"INSERT INTO {table} (name) VALUES (NULL)") == "23502"


def test_create_if_not_exists_and_duplicates(cursor: Any, table: str) -> None:
    """A second CREATE fails unless it may not, and never touches the table."""
    cursor.execute(f"INSERT INTO {table} (code) VALUES ('a')")
    cursor.execute(_FULL.format(t=table))
    assert refusal(cursor, f"CREATE TABLE {table} (a INT)") == "42P07"
    assert rows(cursor, f"SELECT COUNT(*) FROM {table}") == [(1,)]


def test_like_copies_columns(cursor: Any, table: str) -> None:
    """Lengths and NOT NULL always, defaults only when asked; never the IDENTITY."""
    cursor.execute("CREATE TEMP TABLE plain (LIKE " + table + ")")
    cursor.execute("CREATE TEMP TABLE rich (LIKE " + table + " INCLUDING DEFAULTS)")
    assert refusal(cursor, "INSERT INTO plain (id, code) VALUES (1, 'a')") == "23502"
    cursor.execute("INSERT INTO rich (id, code) VALUES (1, 'a')")
    assert rows(cursor, "SELECT name FROM rich") == [("x",)]
    assert refusal(cursor, "INSERT INTO rich (id, name) VALUES (1, 'too long')") == "22001"


def test_temporary_tables_are_private_and_hide_others(connect: Connect, schema: str, table: str) -> None:
    """Two sessions may use the same name; they go with the session."""
    first, second = connect(autocommit=True).cursor(), connect(autocommit=True).cursor()
    for number, cursor in enumerate((first, second)):
        cursor.execute(f"SET search_path TO {schema}")
        cursor.execute("CREATE TEMP TABLE full_one (a INT)")
        cursor.execute(f"INSERT INTO full_one VALUES ({number})")
    assert rows(first, "SELECT a FROM full_one") == [(0,)]
    assert rows(second, "SELECT a FROM full_one") == [(1,)]
    third = connect(autocommit=True).cursor()
    third.execute(f"SET search_path TO {schema}")
    assert rows(third, "SELECT COUNT(code) FROM full_one") == [(0,)]


def test_temporary_table_goes_with_the_rollback(connect: Connect) -> None:
    """The staging table of a failed load must not be there for the next."""
    connection = connect()
    connection.cursor().execute("CREATE TEMP TABLE staging (a INT)")
    connection.rollback()
    connection.cursor().execute("CREATE TEMP TABLE staging (a INT)")
    connection.commit()


def test_create_table_as(cursor: Any, schema: str, table: str) -> None:
    """Types are those that Redshift tables have; SELECT INTO is the same."""
    cursor.execute(f"INSERT INTO {table} (code, amount) VALUES ('a', 1.5), ('b', 2.5)")
    cursor.execute(
        f"CREATE TABLE {schema}.made DISTKEY (total) SORTKEY (total) AS "
        f"SELECT SUM(id) AS total, SUM(amount) AS paid, COUNT(*), 'x' AS mark FROM {table}"
    )
    assert rows(cursor, f"SELECT * FROM {schema}.made") == [(25, Decimal("4.00"), 2, "x")]
    assert rows(cursor, f"SELECT column_name, data_type FROM svv_all_columns WHERE schema_name = '{schema}' "
                        "AND table_name = 'made' ORDER BY ordinal_position") == [
        ("total", "bigint"), ("paid", "numeric"), ("count", "bigint"), ("mark", "character varying"),
    ]  # fmt: skip
    cursor.execute(f"SELECT code INTO TEMP codes FROM {table}")
    assert rows(cursor, "SELECT COUNT(*) FROM codes") == [(2,)]
    cursor.execute(f"CREATE TABLE {schema}.named (x, y) AS SELECT 1, 'b'")
    assert rows(cursor, f"SELECT y, x FROM {schema}.named") == [("b", 1)]


def test_alter_table_keeps_rows_and_rules(cursor: Any, schema: str, table: str) -> None:
    """Added, dropped and renamed columns: lengths, defaults and the IDENTITY go on working."""
    cursor.execute(f"INSERT INTO {table} (code) VALUES ('a')")
    cursor.execute(f"ALTER TABLE {table} ADD COLUMN extra VARCHAR(2) NOT NULL DEFAULT 'e' ENCODE zstd")
    cursor.execute(f"ALTER TABLE {table} DROP COLUMN ratio")
    cursor.execute(f"ALTER TABLE {table} RENAME COLUMN code TO kod")
    cursor.execute(f"ALTER TABLE {table} RENAME TO renamed")
    cursor.execute(f"ALTER TABLE {schema}.renamed OWNER TO other")
    cursor.execute(f"INSERT INTO {schema}.renamed (kod) VALUES ('b')")
    assert rows(cursor, f"SELECT id, name, kod, extra FROM {schema}.renamed ORDER BY id") == [
        (10, "x", "a", "e"), (15, "x", "b", "e"),
    ]  # fmt: skip
    assert refusal(cursor, f"INSERT INTO {schema}.renamed (extra) VALUES ('abc')") == "22001"
    assert refusal(cursor, f"INSERT INTO {schema}.renamed (kod) VALUES ('abcd')") == "22001"
    assert refusal(cursor, f"SELECT * FROM {table}") == "42P01"
    assert refusal(cursor, f"ALTER TABLE {schema}.renamed DROP COLUMN seen") == "0A000"
    assert refusal(cursor, f"ALTER TABLE {schema}.renamed ADD COLUMN n INT NOT NULL") == "42601"
    assert refusal(cursor, f"ALTER TABLE {schema}.renamed RENAME COLUMN nope TO x") == "42703"
    assert rows(cursor, f"SELECT tableowner FROM pg_tables WHERE schemaname = '{schema}'") == [("other",)]


def test_views(cursor: Any, schema: str, table: str) -> None:
    """Created, replaced, read through, dropped; a table is no view."""
    cursor.execute(f"INSERT INTO {table} (amount) VALUES (7)")
    cursor.execute(f"CREATE VIEW {schema}.v AS SELECT amount / 2 AS half, LEN(name) FROM {table}")
    assert rows(cursor, f"SELECT half, len FROM {schema}.v") == [(3.5, 1)]
    cursor.execute(f"CREATE OR REPLACE VIEW {schema}.v (n) AS SELECT COUNT(*) FROM {table}")
    assert rows(cursor, f"SELECT n FROM {schema}.v") == [(1,)]
    assert refusal(cursor, f"CREATE VIEW {schema}.v AS SELECT 1") == "42P07"
    assert refusal(cursor, f"INSERT INTO {schema}.v VALUES (1)") == "42809"
    assert refusal(cursor, f"DROP TABLE {schema}.v") == "42809"
    cursor.execute(f"DROP VIEW {schema}.v")


def test_comments_are_remarks(cursor: Any, schema: str, table: str) -> None:
    """On tables and columns, without touching the declared types beside them."""
    cursor.execute(f"COMMENT ON TABLE {table} IS 'It''s full'")
    cursor.execute(f"COMMENT ON COLUMN {table}.code IS 'a code'")
    assert rows(cursor, f"SELECT remarks FROM svv_all_tables WHERE schema_name = '{schema}'") == [
        ("It's full",)
    ]
    assert rows(cursor, "SELECT remarks, character_maximum_length FROM svv_all_columns "
                        f"WHERE schema_name = '{schema}' AND column_name = 'code'") == [("a code", 3)]  # fmt: skip


def test_drop(cursor: Any, schema: str, table: str) -> None:
    """IF EXISTS, several at once, schemas with and without CASCADE."""
    assert refusal(cursor, f"DROP SCHEMA {schema}") == "2BP01"
    cursor.execute(f"CREATE TABLE {schema}.b (a INT)")
    cursor.execute(f"DROP TABLE IF EXISTS {table}, {schema}.b, {schema}.never")
    assert refusal(cursor, f"DROP TABLE {table}") == "42P01"
    cursor.execute(f"DROP SCHEMA {schema} CASCADE")
    assert refusal(cursor, f"SELECT * FROM {table}") == "3F000"


def test_declarations_survive_a_restart(tmp_path: Path) -> None:
    """Lengths, ids, grants and comments are in the file."""
    options = LaunchOptions(users=USERS)
    with launch(tmp_path, options) as first:
        connection = open_connection(first)
        cursor = connection.cursor()
        cursor.execute(_FULL.format(t="full_one"))
        cursor.execute("CREATE VIEW v AS SELECT LEN(name), name::VARCHAR(1) FROM full_one")
        cursor.execute("GRANT SELECT ON full_one TO reader")
        before = rows(cursor, "SELECT * FROM svv_all_columns") + rows(cursor, "SELECT * FROM svv_table_info")
        connection.commit()
        connection.close()
    with launch(tmp_path, options) as second:
        connection = open_connection(second)
        cursor = connection.cursor()
        after = rows(cursor, "SELECT * FROM svv_all_columns") + rows(cursor, "SELECT * FROM svv_table_info")
        assert sorted(map(str, after)) == sorted(map(str, before))
        assert rows(cursor, "SELECT * FROM v") == []
        reader = open_connection(second, "reader")
        assert rows(reader.cursor(), "SELECT COUNT(*) FROM full_one") == [(0,)]
        reader.close()
        connection.close()


def test_reader_reads_what_it_was_granted(connect: Connect, cursor: Any, schema: str, table: str) -> None:
    """Schema and table both; a revoke takes effect at once; a re-created table starts without grants."""
    reader = connect("reader", autocommit=True).cursor()
    assert refusal(reader, f"SELECT * FROM {table}") == "42501"
    cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader")
    assert refusal(reader, f"SELECT * FROM {table}") == "42501"
    cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
    assert rows(reader, f"SELECT COUNT(*) FROM {table}") == [(0,)]
    cursor.execute(f"REVOKE ALL ON TABLE {table} FROM reader")
    assert refusal(reader, f"SELECT * FROM {table} ") == "42501"
    cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO reader")
    cursor.execute(f"CREATE TABLE {schema}.later (a INT)")
    assert rows(reader, f"SELECT COUNT(*) FROM {schema}.later") == [(0,)]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} (code) VALUES ('a')",
        "UPDATE {t} SET code = 'a'",
        "DELETE FROM {t}",
        "TRUNCATE {t}",
        "DROP TABLE {t}",
        "ALTER TABLE {t} ADD COLUMN z INT",
        "COMMENT ON TABLE {t} IS 'x'",
        "CREATE TABLE {s}.mine (a INT)",
        "CREATE VIEW {s}.mine AS SELECT 1 AS a",
        "CREATE SCHEMA mine",
        "DROP SCHEMA {s} CASCADE",
        "GRANT ALL ON {t} TO reader",
        "LOCK {t}",
        "COPY {t} FROM 's3://b/k' IAM_ROLE 'arn:aws:iam::000000000000:role/r' FORMAT JSON 'auto'",
    ],
)
def test_reader_cannot_write(connect: Connect, cursor: Any, schema: str, table: str, sql: str) -> None:
    """Whatever it was granted to read."""
    cursor.execute(f"GRANT ALL ON SCHEMA {schema} TO reader")
    cursor.execute(f"GRANT ALL ON {table} TO reader")
    reader = connect("reader", autocommit=True).cursor()
    assert refusal(reader, sql.format(t=table, s=schema)) == "42501"


def test_reader_may_use_temporary_tables(connect: Connect) -> None:
    """They are its own."""
    reader = connect("reader", autocommit=True).cursor()
    reader.execute("CREATE TEMP TABLE mine (a INT)")
    reader.execute("INSERT INTO mine VALUES (1)")
    assert rows(reader, "SELECT a FROM mine") == [(1,)]


def test_platform_ddl_is_accepted(server: RunningServer, connect: Connect) -> None:
    """Every file of sql/ddl, twice: they are idempotent."""
    folder = Path(__file__).parents[3] / "sql" / "ddl"
    cursor = connect(autocommit=True).cursor()
    for _ in range(2):
        for path in sorted(folder.glob("*.sql")):
            cursor.execute(path.read_text(encoding="utf-8"))
