"""The lakehouse in the warehouse: the external schema and tables of `sql/ddl/spectrum`, and their partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path

from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.errors import InvalidDocument, StatementRefused
from weblogs_platform.core.lake_statements import (
    LAKE_SCHEMA,
    MOST_PARTITIONS,
    AddLakeColumn,
    AddLakePartitions,
    CopiedHours,
    DropLakePartition,
    LakeColumns,
    LakeDdl,
    LakePartition,
    LakeTables,
    catalog_type,
    manifests_url,
    show_anew,
)
from weblogs_platform.core.lakehouse import copied_columns, copy_name
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.settings import PROJECT_ROOT


def create_lake_tables(warehouse: Warehouse, lakehouse_url: str, *, root: Path = PROJECT_ROOT) -> list[str]:
    """Runs every statement of `sql/ddl/spectrum` in order, but for tables that are there: CREATE EXTERNAL TABLE has
    no IF NOT EXISTS. Returns what was done, a line each."""
    done: list[str] = []
    with warehouse.outside_transactions() as statements:
        there = _tables(statements)
        for path in sorted((root / "sql" / "ddl" / "spectrum").glob("*.sql")):
            if path.stem.partition("_")[2] not in there:
                text = path.read_text(encoding="utf-8")
                statements.execute(LakeDdl(text, lakehouse_url, warehouse.copy_role_arn))
                done.append(f"{path.relative_to(root)}")
    return done


def add_lake_columns(warehouse: Warehouse, spec: StreamSpec) -> list[str]:
    """Gives the stream's external table, where there is one, the columns that the stream has gained since; null in hours
    of before. Returns what was done, a line each. Safe beside another one.

    Raises InvalidDocument when the stream lost a column, or has one of another type, and the warehouse's errors.
    """
    done: list[str] = []
    with warehouse.outside_transactions() as statements:
        found = _columns(statements, spec)
        if found:
            _refuse_other_columns(spec, found)
        gained = [c for c in copied_columns(spec) if found and c.name not in found]
        for column in gained:
            try:
                statements.execute(AddLakeColumn(spec, column))
                done.append(f"{LAKE_SCHEMA}.{spec.table}: added {column.name}")
            except StatementRefused:
                if column.name not in _columns(statements, spec):  # nobody else added it first
                    raise
    return done


def _columns(statements: Transaction, spec: StreamSpec) -> dict[str, str]:
    """Type by name, as the data catalog has them; nothing without the table."""
    rows = statements.fetch_all(LakeColumns(), (LAKE_SCHEMA, spec.table))
    return {name: kind.lower().replace(" ", "") for name, kind in rows}


def _refuse_other_columns(spec: StreamSpec, found: Mapping[str, str]) -> None:
    declared = {column.name: catalog_type(column) for column in copied_columns(spec)}
    lost = [f"{name} is in it and not in the stream" for name in found if name not in declared]
    changed = [
        f"{name} is {found[name]} in it and {kind} in the stream"
        for name, kind in declared.items()
        if found.get(name, kind) != kind
    ]
    if lost or changed:
        raise InvalidDocument(
            f"{LAKE_SCHEMA}.{spec.table} has other columns than the stream {spec.name}: {', '.join(lost + changed)}. "
            f"To make it anew, {show_anew(spec)}"
        )


def show_hours(
    warehouse: Warehouse, spec: StreamSpec, lakehouse_url: str, hours: Sequence[LandingHour]
) -> None:
    """Makes hours of the stream's copy, whose manifests have to be there, readable by its external table. Nothing where
    there is none, because nobody asked for it (`weblogs init --lake`). Idempotent."""
    with warehouse.outside_transactions() as statements:
        if spec.table not in _tables(statements):
            return
        for start in range(0, len(hours), MOST_PARTITIONS):
            batch = hours[start : start + MOST_PARTITIONS]
            statements.execute(AddLakePartitions(spec, lakehouse_url, batch))


def hide_hour(warehouse: Warehouse, spec: StreamSpec, lakehouse_url: str, hour: LandingHour) -> None:
    """Takes an hour without rows out of the external table. Idempotent. Its manifest names no file, and Redshift would
    refuse every query over the hour: "Empty Delta Lake manifests are not valid"."""
    known = (LAKE_SCHEMA, spec.table, manifests_url(spec, lakehouse_url, hour))
    with warehouse.outside_transactions() as statements:
        if statements.fetch_all(LakePartition(), known):
            statements.execute(DropLakePartition(spec, hour))


def show_copied_hours(warehouse: Warehouse, spec: StreamSpec, lakehouse_url: str) -> int:
    """Shows every hour that has rows in the lakehouse, which may be older than the table; how many they are."""
    with warehouse.transaction() as tx:
        starts = tx.fetch_all(CopiedHours(), (copy_name(spec),))
    hours = [LandingHour(start.replace(tzinfo=UTC)) for (start,) in starts]
    show_hours(warehouse, spec, lakehouse_url, hours)
    return len(hours)


def _tables(statements: Transaction) -> set[str]:
    return {name for (name,) in statements.fetch_all(LakeTables(), (LAKE_SCHEMA,))}
