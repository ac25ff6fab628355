"""The factory of the derived tables' assets: one op each, a partition for each hour or day of events.

A table is made again for whole periods, in one transaction for a whole range. What it is computed from, its columns
and its team come from its declaration; what is not derived from that is deliberately outside of this module.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of an op's parameters as they are.

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from assets.check_specs import check_specs
from assets.derived_checks import DERIVED_CHECKS
from assets.derived_run import DerivedRun
from assets.keys import StreamKeys, derived_key, derived_partitions, refresh_step
from assets.retry import Backoff
from assets.sqlite_storage import kept_open
from assets.streams import WAREHOUSE_POOL
from resources import RedshiftResource
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.refresh import statement_of

FRESH_WITHIN = timedelta(hours=26)
"""A table of days is late when none was made for so long: a day, and the hours that a day's last files take."""


def refresh_on_change() -> dg.AutomationCondition[Any]:
    """A period is made again when something it is computed from was: any period, however old.

    Dagster's `eager` looks at the latest period only, and waits for ever for one that never gets data.
    """
    return (
        dg.AutomationCondition.any_deps_updated().since_last_handled()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    ).with_label("refresh_on_change")


def derived_assets(
    *, table: DerivedTable, streams: Sequence[StreamSpec], backoff: Backoff
) -> dg.AssetsDefinition:
    """The asset of one derived table, and its checks."""
    spec = asset_spec(table=table, streams=streams)
    partitions = derived_partitions(table.grain, streams)

    @dg.multi_asset(
        name=refresh_step(table.name),
        specs=[spec],
        check_specs=check_specs([(spec.key, d) for d in DERIVED_CHECKS], partitions),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
        pool=WAREHOUSE_POOL,
        description=table.description,
    )
    def refresh_periods(
        context: dg.AssetExecutionContext, redshift: RedshiftResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckEvaluation]:
        try:
            warehouse = redshift.warehouse()
        except WeblogsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        with kept_open():
            yield from DerivedRun(context, warehouse, table, backoff).events()

    return refresh_periods


def asset_spec(*, table: DerivedTable, streams: Sequence[StreamSpec]) -> dg.AssetSpec:
    """The declaration: its group is the team that looks at it."""
    return dg.AssetSpec(
        derived_key(table),
        deps=[_dependency(source, streams) for source in table.sources],
        description=_described(table),
        group_name=table.team,
        owners=[f"team:{table.team}"],
        kinds={"redshift", "table", "sql"},
        code_version=hashlib.sha256(statement_of(table).encode()).hexdigest()[:12],
        automation_condition=refresh_on_change(),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_WITHIN),
        metadata={
            "dagster/table_name": table.qualified,
            "dagster/column_schema": _schema(table),
            "dagster/column_lineage": _lineage(table, streams),
            "statement": dg.MetadataValue.path(f"sql/kpis/{table.name}.sql"),
        },
    )


def _dependency(source: str, streams: Sequence[StreamSpec]) -> dg.AssetDep:
    """What a table is computed from, by event time: a stream's event hours, or another derived table."""
    stream = next((s for s in streams if s.qualified_table == source), None)
    key = StreamKeys.of(stream).event_hours if stream else dg.AssetKey(source.split("."))
    return dg.AssetDep(key, partition_mapping=dg.TimeWindowPartitionMapping())


def _described(table: DerivedTable) -> str:
    columns = "\n".join(f"- `{c.name}`: {c.description}" for c in table.columns)
    return f"{table.description}\n\n{columns}\n\nOne row for each {', '.join(table.key)}. Times are UTC."


def _schema(table: DerivedTable) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                c.name,
                c.type,
                description=c.description,
                constraints=dg.TableColumnConstraints(
                    nullable=c.nullable, unique=table.key == (c.name,), other=[]
                ),
                tags={"personal": ""} if c.personal else {},
            )
            for c in table.columns
        ]
    )


def _lineage(table: DerivedTable, streams: Sequence[StreamSpec]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {c.name: [_column(one, streams) for one in c.lineage] for c in table.columns if c.lineage}
    )


def _column(lineage: str, streams: Sequence[StreamSpec]) -> dg.TableColumnDep:
    source, _, column = lineage.rpartition(".")
    stream = next((s for s in streams if s.qualified_table == source), None)
    key = StreamKeys.of(stream).table if stream else dg.AssetKey(source.split("."))
    return dg.TableColumnDep(key, column)
