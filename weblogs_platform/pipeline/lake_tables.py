"""The lakehouse in the warehouse: the external schema and tables of `sql/ddl/spectrum`, and their partitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.lake_statements import (
    LAKE_SCHEMA,
    MOST_PARTITIONS,
    AddLakePartitions,
    CopiedHours,
    DropLakePartition,
    LakeDdl,
    LakePartition,
    LakeTables,
    manifests_url,
)
from weblogs_platform.core.lakehouse import copy_name
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
