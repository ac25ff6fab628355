"""The factories of a stream's lakehouse assets: the copy of its table, hour by hour, and the care for it as a whole.

The copy is an op of its own beside the stream's: a lakehouse that cannot be written keeps no record out of the
warehouse. A run that was asked for both skips the copy, because the stream's op leaves its results to events; the
automation makes it right afterwards, and a backfill runs them one after the other, since their policies differ.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of an op's parameters as they are.

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.check_specs import check_specs
from assets.checks import CheckDeclaration, CheckOutcome
from assets.derived import refresh_on_change
from assets.hour_steps import Step, StepResult
from assets.keys import (
    StreamKeys,
    hourly_partitions,
    lakehouse_job_name,
    lakehouse_key,
    maintenance_key,
)
from assets.partition_runs import Event, PartitionRun
from assets.retry import Backoff
from assets.sqlite_storage import kept_open
from assets.streams import WAREHOUSE_POOL
from resources import LakehouseResource, RedshiftResource
from weblogs_platform.clients.lakehouse import RETENTION_HOURS, Lakehouse, arrow_schema
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.lakehouse import PARTITIONED_BY, PREFIX
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.lakehouse import Agreement, compare_hour, copy_hour

HOURS_PER_COPY_RUN = 12
"""Not the number of the stream's runs: Dagster puts assets of equal policies into one run, which skips the copy."""

MAINTENANCE_JOB = "maintain_lakehouse"

GROUP = "lakehouse"
"""One for all copies: Dagster's graph of a stream stays as wide as a window."""

EQUALS_TABLE = CheckDeclaration(
    "lakehouse_equals_table",
    "ERROR",
    "The copy has the rows that the stream table has of the hour, compared by their hashes, of the table's present "
    "state.",
)

_INT = dg.MetadataValue.int


def lakehouse_assets(*, spec: StreamSpec, backoff: Backoff) -> dg.AssetsDefinition:
    """The copy of one stream, hourly in UTC, and its check."""
    key, asset = lakehouse_key(spec), copy_spec(spec=spec)

    @dg.multi_asset(
        name=f"copy_{spec.name}",
        specs=[asset],
        check_specs=check_specs([(key, EQUALS_TABLE)], hourly_partitions(spec)),
        partitions_def=hourly_partitions(spec),
        backfill_policy=dg.BackfillPolicy.multi_run(HOURS_PER_COPY_RUN),
        can_subset=True,
        pool=WAREHOUSE_POOL,
        description=asset.description,
    )
    def copy_hours(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource, redshift: RedshiftResource
    ) -> Iterator[Event]:
        try:
            clients = lakehouse.lakehouse(), redshift.warehouse()
        except WeblogsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        run = PartitionRun(
            context,
            _opened(spec, *clients, context.run.run_id),
            {key: (StreamKeys.of(spec).table,)},
            {key: asset.code_version},
            backoff,
        )
        with kept_open():
            yield from run.events()

    return copy_hours


def copy_spec(*, spec: StreamSpec) -> dg.AssetSpec:
    """The declaration of a stream's copy."""
    keys = StreamKeys.of(spec)
    return dg.AssetSpec(
        lakehouse_key(spec),
        deps=[keys.table],
        description=_COPY.format(spec=spec, prefix=PREFIX),
        group_name=GROUP,
        owners=[spec.owner],
        kinds={"delta", "s3", "parquet"},
        code_version=spec.rules_digest,
        automation_condition=refresh_on_change(),
        # As for the stream's assets: each hour's event is yielded.
        skippable=True,
        metadata={
            "dagster/column_schema": _schema(spec),
            "dagster/column_lineage": dg.TableColumnLineage(
                {f.column: [dg.TableColumnDep(keys.table, f.column)] for f in spec.fields}
            ),
            "prefix": f"{PREFIX}/{spec.name}/",
        },
    )


def maintenance_assets(*, spec: StreamSpec, backoff: Backoff) -> dg.AssetsDefinition:
    """The care for one stream's copy as a whole: compaction, manifests, vacuum."""
    key = maintenance_key(spec)
    asset = dg.AssetSpec(
        key,
        deps=[lakehouse_key(spec)],
        description=_MAINTENANCE.format(spec=spec, hours=RETENTION_HOURS),
        group_name=GROUP,
        owners=[spec.owner],
        kinds={"delta", "s3"},
    )

    @dg.multi_asset(name=f"maintain_lakehouse_{spec.name}", specs=[asset], description=asset.description)
    def maintain(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource
    ) -> dg.MaterializeResult[Any]:
        def again(error: WeblogsError, delay_secs: float) -> None:
            message = f"{spec.name}: {error}; again in {delay_secs:g} s"
            context.log.warning(message)

        try:
            client = lakehouse.lakehouse()
            done = backoff.call(lambda: client.open(spec).maintain(), again)
        except WeblogsError as error:
            raise dg.Failure(f"{spec.name}: {error}", allow_retries=False) from None
        return dg.MaterializeResult(
            asset_key=key,
            metadata={
                "files": _INT(done.files),
                "files_put_together": _INT(done.files_put_together),
                "files_made": _INT(done.files_made),
                "files_removed": _INT(done.files_removed),
                "delta_version": _INT(done.version),
            },
        )

    return maintain


def lakehouse_job(*, spec: StreamSpec):
    """The job over the copy of a stream, for the sensor that reconciles."""
    return dg.define_asset_job(
        lakehouse_job_name(spec),
        selection=dg.AssetSelection.assets(lakehouse_key(spec)),
        description=f"Brings hours of {PREFIX}/{spec.name}/ to what {spec.qualified_table} holds.",
    )


def maintenance_job(streams: Sequence[StreamSpec]):
    """The job over all copies that the schedule runs."""
    return dg.define_asset_job(
        MAINTENANCE_JOB,
        selection=dg.AssetSelection.assets(*(maintenance_key(spec) for spec in streams)),
        description="Compacts the lakehouse, brings its manifests up to date, and removes what readers no longer need.",
    )


@dataclass(frozen=True)
class _HourCopy:
    spec: StreamSpec
    lakehouse: Lakehouse
    warehouse: Warehouse
    run_id: str
    hour: LandingHour

    def make(self) -> StepResult:
        outcome = copy_hour(self.lakehouse, self.warehouse, self.spec, self.hour, run_id=self.run_id)
        side = outcome.agreement.copy
        metadata = {
            "dagster/partition_row_count": _INT(side.rows),
            "written": dg.MetadataValue.bool(outcome.action == "written"),
            "state": _INT(side.state),
            "delta_version": _INT(outcome.version),
            "seconds": dg.MetadataValue.float(round(outcome.seconds, 3)),
        }
        return StepResult(metadata, f"state {side.state}", (equals_table(outcome.agreement),))

    def judge(self) -> tuple[CheckOutcome, ...]:
        return (equals_table(compare_hour(self.lakehouse, self.warehouse, self.spec, self.hour)),)


def equals_table(agreement: Agreement) -> CheckOutcome:
    """The judgement of the check."""
    table, copy = agreement.table, agreement.copy
    summary = "; ".join(agreement.differences) or f"both have the same {table.rows} rows"
    numbers = {
        "table_rows": table.rows,
        "copy_rows": copy.rows,
        "table_state": table.state,
        "copy_state": copy.state,
    }
    return CheckOutcome(EQUALS_TABLE, not agreement.differences, summary, numbers)


def _opened(
    spec: StreamSpec, lakehouse: Lakehouse, warehouse: Warehouse, run_id: str
) -> Callable[[LandingHour], Mapping[dg.AssetKey, Step]]:
    def steps(hour: LandingHour) -> Mapping[dg.AssetKey, Step]:
        copy = _HourCopy(spec, lakehouse, warehouse, run_id, hour)
        return {lakehouse_key(spec): Step(copy.make, copy.judge)}

    return steps


def _schema(spec: StreamSpec) -> dg.TableSchema:
    described = {f.column: f for f in spec.fields}
    columns: list[dg.TableColumn] = []
    for f in arrow_schema(spec):
        declared = described.get(f.name)
        columns.append(
            dg.TableColumn(
                f.name,
                str(f.type),
                description=declared.description if declared else _OWN_COLUMNS[f.name],
                constraints=dg.TableColumnConstraints(nullable=not (declared is None or declared.required)),
                tags={"personal": ""} if declared and declared.personal else {},
            )
        )
    return dg.TableSchema(columns)


_OWN_COLUMNS = {
    "landing_hour": "The UTC hour in which the record was delivered.",
    "event_at": "When the event happened, UTC.",
    PARTITIONED_BY[0]: "Partition: the day of the landing hour, UTC.",
    PARTITIONED_BY[1]: "Partition: its hour of the day, 00 to 23, UTC.",
}

_COPY = """`{spec.qualified_table}` as a Delta table in the lake: `{prefix}/{spec.name}/`, Parquet with Zstandard, typed,
partitioned by the day and hour of landing.

One commit replaces the hour's partition and says which state of the hour it holds: writing the same state again does
nothing, and an older one never replaces a newer one. An hour is written again when its table changed: late objects,
rewritten ones, replayed records. Spectrum reads it through the manifests in `_symlink_format_manifest/`."""

_MAINTENANCE = """Small files of a partition are put together, manifests brought up to date, and files that left the
table of {spec.name} more than {hours} hours ago removed, so that whoever reads an older version can finish. Daily."""
