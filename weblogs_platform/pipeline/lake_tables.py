"""The lakehouse in the warehouse: the external schema and tables of `sql/ddl/spectrum`, and their partitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.lake_statements import (
    LAKE_SCHEMA,
    MOST_PARTITIONS,
    AddLakePartitions,
    LakeDdl,
    LakeTables,
)
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.settings import PROJECT_ROOT


def create_lake_tables(warehouse: Warehouse, lakehouse_url: str, *, root: Path = PROJECT_ROOT) -> list[str]:
    """Runs every statement of `sql/ddl/spectrum` in order, but for tables that are there: CREATE EXTERNAL TABLE has
    no IF NOT EXISTS. Returns what was done, a line each."""
    done: list[str] = []
    with warehouse.outside_transactions() as statements:
        there = {name for (name,) in statements.fetch_all(LakeTables(), (LAKE_SCHEMA,))}
        for path in sorted((root / "sql" / "ddl" / "spectrum").glob("*.sql")):
            if path.stem.partition("_")[2] not in there:
                text = path.read_text(encoding="utf-8")
                statements.execute(LakeDdl(text, lakehouse_url, warehouse.copy_role_arn))
                done.append(f"{path.relative_to(root)}")
    return done


def add_lake_partitions(
    warehouse: Warehouse, spec: StreamSpec, lakehouse_url: str, hours: Sequence[LandingHour]
) -> None:
    """Makes hours of the stream's Delta table readable, whose manifests have to be there. Idempotent."""
    with warehouse.outside_transactions() as statements:
        for start in range(0, len(hours), MOST_PARTITIONS):
            batch = hours[start : start + MOST_PARTITIONS]
            statements.execute(AddLakePartitions(spec, lakehouse_url, batch))
