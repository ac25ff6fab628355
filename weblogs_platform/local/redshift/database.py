"""The DuckDB database: one file, opened by this process alone, attached beside an in-memory one that holds macros and
system views. Every session has a cursor of its own; its transactions write to the file only.

External access, extension loading and Python's replacement scans are off: a client's SQL reaches tables, not files.
"""

from __future__ import annotations

import importlib.resources
import itertools
import threading
from contextlib import suppress
from pathlib import Path

import duckdb

from weblogs_platform.local.redshift.dialect.translate import quoted, string_literal

INTERNAL_SCHEMA = "rs_internal"
_FIRST_TABLE_ID = 100_000


class Database:
    """Owns the DuckDB instance. Thread-safe where it says so; a cursor belongs to one thread at a time."""

    def __init__(self, path: Path, name: str, *, memory_limit: str = "512MB", threads: int = 2) -> None:
        self.name = name
        self.path = path
        self._root = _open(path, name, memory_limit, threads)
        self._epoch = 0
        self._mutex = threading.Lock()
        self._prepare()
        self._table_ids = itertools.count(self._next_table_id())

    def _prepare(self) -> None:
        self._run_script("system.sql")
        self._root.execute(f"USE {quoted(self.name)}.public")
        self._run_script("internal.sql")
        self._root.execute("USE memory.main")
        self._run_script("macros.sql")
        self._root.execute(f"CREATE OR REPLACE MACRO rs_database() AS {string_literal(self.name)}")
        self._run_script("system_views.sql")

    def _run_script(self, file_name: str) -> None:
        script = (
            importlib.resources.files("weblogs_platform.local.redshift")
            .joinpath(file_name)
            .read_text(encoding="utf-8")
        )
        for statement in self._root.extract_statements(script.replace("{database}", quoted(self.name))):
            self._root.execute(statement)

    def _next_table_id(self) -> int:
        used = self._root.execute(
            "SELECT max(TRY_CAST(comment ->> '$.id' AS BIGINT)) FROM duckdb_tables() WHERE comment IS NOT NULL"
        ).fetchone()
        loaded = self._root.execute(
            f"SELECT max(tbl) FROM {quoted(self.name)}.{INTERNAL_SCHEMA}.load_errors"
        ).fetchone()
        external = self._root.execute(
            f"SELECT max(id) FROM (SELECT id FROM {quoted(self.name)}.{INTERNAL_SCHEMA}.external_tables "
            f"UNION ALL SELECT id FROM {quoted(self.name)}.{INTERNAL_SCHEMA}.external_schemas)"
        ).fetchone()
        return max(_FIRST_TABLE_ID, *((row[0] or 0) + 1 for row in (used, loaded, external) if row))

    def new_table_id(self) -> int:
        """A number that no table has had since the server started."""
        return next(self._table_ids)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new connection to the same database, to be closed by the caller. Thread-safe."""
        with self._mutex:
            return self._root.cursor()

    @property
    def epoch(self) -> int:
        """Changes whenever a committed transaction may have changed the catalog."""
        return self._epoch

    def catalog_changed(self) -> None:
        """Tells every session that names may mean something else now."""
        with self._mutex:
            self._epoch += 1

    def close(self) -> None:
        """Checkpoints and closes; what was committed is durable without it."""
        with self._mutex:
            # It fails while a transaction is open; the write-ahead log holds what was committed.
            with suppress(duckdb.Error):
                self._root.execute(f"CHECKPOINT {quoted(self.name)}")
            self._root.close()


def _open(path: Path, name: str, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    path.parent.mkdir(parents=True, exist_ok=True)
    spill = path.with_name(path.name + ".spill")
    connection = duckdb.connect(
        ":memory:",
        config={
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": str(spill),
            "preserve_insertion_order": True,
        },
    )
    connection.execute(f"ATTACH {string_literal(str(path))} AS {quoted(name)}")
    for setting in (
        "integer_division = true",
        "TimeZone = 'UTC'",
        "enable_external_access = false",
    ):
        connection.execute(f"SET GLOBAL {setting}")
    return connection
