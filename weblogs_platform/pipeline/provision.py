"""What must be there before the first load: schemas and tables in the warehouse, jsonpaths files in the lake.

Every warehouse goes the same way, new or old: `sql/ddl` creates what is missing, as it is today, and `sql/ddl/migrations`
brings forward what was created by an earlier version. Each statement is a transaction that records it, under a lock:
who is interrupted goes on where it stopped, and who comes second finds it done. Nothing is ever dropped.
"""

from __future__ import annotations

from pathlib import Path

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.errors import InvalidDocument, LoadConflict, StatementRefused
from weblogs_platform.core.failpoints import reach
from weblogs_platform.core.jsonpaths import verify_jsonpaths
from weblogs_platform.core.keys import jsonpaths_key
from weblogs_platform.core.migrations import (
    Applied,
    AppliedMigrations,
    ColumnThere,
    LockMigrations,
    Migration,
    RecordMigration,
    pending,
)
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import LockLoads
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import STREAMS

_BEFORE_THE_LOCK = ("02_shopware_ops_schema", "05_schema_migrations")
_ATTEMPTS = 5


def initialise(lake: Lake, warehouse: Warehouse, *, root: Path = PROJECT_ROOT) -> list[str]:
    """Uploads the jsonpaths files, runs every statement of `sql/ddl` in order, and migrates. Idempotent.

    Returns what was done, a line each. Raises InvalidDocument, before it changes any table, when a jsonpaths file
    contradicts its spec or migrations contradict what the warehouse has been through.
    """
    bodies = {spec.name: jsonpaths_body(spec, root) for spec in STREAMS}
    for name in _BEFORE_THE_LOCK:
        _create(warehouse, root / "sql" / "ddl" / f"{name}.sql")
    waiting = pending_migrations(warehouse, root=root)
    done: list[str] = []
    for stream, body in bodies.items():
        lake.put(jsonpaths_key(stream), body)
        done.append(f"jsonpaths/{stream}.json -> {lake.url(jsonpaths_key(stream))}")
    for path in sorted((root / "sql" / "ddl").glob("*.sql")):
        with warehouse.transaction() as tx:
            tx.execute(LockMigrations())
            tx.execute(path.read_text(encoding="utf-8"))
        done.append(f"{path.relative_to(root)}")
    return done + [_migrate(warehouse, migration) for migration in waiting]


def jsonpaths_body(spec: StreamSpec, root: Path = PROJECT_ROOT) -> bytes:
    """The stream's jsonpaths file. Raises InvalidDocument when it is missing or contradicts the spec."""
    path = root / "jsonpaths" / f"{spec.name}.json"
    if not path.is_file():
        raise InvalidDocument(f"jsonpaths/{spec.name}.json is missing: each stream needs one")
    body = path.read_bytes()
    verify_jsonpaths(spec, body)
    return body


def pending_migrations(warehouse: Warehouse, *, root: Path = PROJECT_ROOT) -> list[Migration]:
    """What the warehouse has not been through. Raises InvalidDocument where files and records contradict each
    other, StatementRefused where nothing was ever recorded."""
    files = sorted((root / "sql" / "ddl" / "migrations").glob("*.sql"))
    migrations = [Migration(path.stem, path.read_text(encoding="utf-8")) for path in files]
    with warehouse.transaction() as tx:
        return pending(migrations, _applied(tx))


def _applied(tx: Transaction) -> list[Applied]:
    return [Applied(*line) for line in tx.fetch_all(AppliedMigrations())]


def _migrate(warehouse: Warehouse, migration: Migration) -> str:
    """Applies and records one migration, in one transaction, while no load runs."""
    named = f"sql/ddl/migrations/{migration.name}.sql"
    try:
        with warehouse.transaction() as tx:
            tx.execute(LockMigrations())
            tx.execute(LockLoads())
            if not pending([migration], [a for a in _applied(tx) if a.number == migration.number]):
                return f"{named}: done by another process"
            there = migration.added_column and tx.fetch_all(ColumnThere(), migration.added_column)
            if not there:
                tx.execute(migration)
            reach("migrate:applied")
            tx.execute(RecordMigration(), (migration.number, migration.name, migration.checksum))
            reach("migrate:recorded")
    except StatementRefused as error:
        raise StatementRefused(f"{named}: {error}. Nothing of it was changed") from error
    reach("migrate:committed")
    return f"{named}: the column is there" if there else named


def _create(warehouse: Warehouse, path: Path) -> None:
    """Runs a CREATE ... IF NOT EXISTS that nothing guards: of two at once, Redshift refuses one."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with warehouse.transaction() as tx:
                tx.execute(path.read_text(encoding="utf-8"))
            return
        except (LoadConflict, StatementRefused):
            if attempt == _ATTEMPTS:
                raise
