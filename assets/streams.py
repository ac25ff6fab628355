"""The factory of a stream's assets: landing, validated, manifest, the table and its event hours and quarantine, in one op.

One op, because an hour then goes all the way before the next one begins: a bad hour in a range run starves no
other, and a crash keeps every hour that was committed. Each asset can still be materialized alone. What is not
derived from the spec is deliberately outside of this module.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of an op's parameters as they are.

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from assets.check_specs import check_specs
from assets.checks import TABLE_CHECKS, VALIDATED_CHECKS
from assets.hour_steps import HourSteps, Step
from assets.keys import StreamKeys, hourly_partitions, job_name
from assets.metadata import record_lineage, record_schema, table_lineage, table_schema
from assets.partition_runs import Event, PartitionRun
from assets.retry import Backoff
from assets.sqlite_storage import kept_open
from resources import LakeResource, RedshiftResource
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

HOURS_PER_RUN = 24
"""A backfill becomes one run for so many hours: the best part of the speed, and a bounded loss."""

WAREHOUSE_POOL = "redshift"
"""Runs that use the warehouse at the same time are limited by this pool (dagster.yaml)."""


def stream_assets(*, spec: StreamSpec, backoff: Backoff) -> dg.AssetsDefinition:
    """The six assets of a stream and their checks, hourly in UTC."""
    keys = StreamKeys.of(spec)
    specs = asset_specs(spec=spec)
    dependencies = {s.key: tuple(d.asset_key for d in s.deps) for s in specs}
    code_versions = {s.key: s.code_version for s in specs}
    checks = [*((keys.validated, d) for d in VALIDATED_CHECKS), *((keys.table, d) for d in TABLE_CHECKS)]

    @dg.multi_asset(
        name=spec.name,
        specs=specs,
        check_specs=check_specs(checks, hourly_partitions(spec)),
        partitions_def=hourly_partitions(spec),
        backfill_policy=dg.BackfillPolicy.multi_run(HOURS_PER_RUN),
        can_subset=True,
        pool=WAREHOUSE_POOL,
        description=spec.description,
    )
    def load_hours(
        context: dg.AssetExecutionContext, lake: LakeResource, redshift: RedshiftResource
    ) -> Iterator[Event]:
        open_hour = _opened(spec, lake, redshift, context.run.run_id)
        run = PartitionRun(context, open_hour, dependencies, code_versions, backoff)
        with kept_open():
            yield from run.events()

    return load_hours


def stream_job(*, spec: StreamSpec):
    """The job that sensors, schedules and the command line run: all assets of a stream."""
    return dg.define_asset_job(
        job_name(spec),
        selection=dg.AssetSelection.assets(*StreamKeys.of(spec).in_order),
        description=f"Loads hours of {spec.name}: landing, validation, manifest, {spec.qualified_table}.",
    )


def asset_specs(*, spec: StreamSpec) -> list[dg.AssetSpec]:
    """The declarations of the assets, in the order of the data.

    Dagster's graph shows the last part of a key only, the stream's name three times: a kind names the step.
    """
    keys = StreamKeys.of(spec)
    shared: dict[str, Any] = {
        "group_name": spec.name,
        "owners": [spec.owner],
        "code_version": spec.rules_digest,
        # Without this, Dagster would expect one result for all partitions; each hour's event is yielded instead.
        "skippable": True,
    }
    return [
        dg.AssetSpec(
            keys.landing,
            description=_LANDING.format(spec=spec, example=spec.layout.example(spec.landing_prefix)),
            kinds={"s3", "landing"},
            metadata={
                "dagster/column_schema": record_schema(spec.source_fields),
                "prefix": f"{spec.landing_prefix}/",
            },
            **shared,
        ),
        dg.AssetSpec(
            keys.validated,
            deps=[keys.landing],
            description=_VALIDATED.format(
                spec=spec,
                required=", ".join(f.column for f in spec.required_fields),
                copies=_STAMPED_COPIES if spec.stamped else _SPLIT_COPIES,
            ),
            kinds={"s3", "validated"},
            metadata={
                "dagster/column_schema": record_schema(spec.fields),
                "dagster/column_lineage": record_lineage(spec, keys),
                "invalid_share_threshold": spec.invalid_share_threshold,
            },
            **shared,
        ),
        dg.AssetSpec(
            keys.manifest,
            deps=[keys.validated],
            description=_MANIFEST.format(spec=spec),
            kinds={"s3", "manifest"},
            **shared,
        ),
        dg.AssetSpec(
            keys.table,
            deps=[keys.manifest],
            description=_TABLE.format(spec=spec),
            kinds={"redshift", "table"},
            metadata={
                "dagster/table_name": spec.qualified_table,
                "dagster/column_schema": table_schema(spec),
                "dagster/column_lineage": table_lineage(spec, keys),
            },
            freshness_policy=dg.FreshnessPolicy.time_window(
                fail_window=timedelta(hours=spec.freshness_hours)
            ),
            **shared,
        ),
        dg.AssetSpec(
            keys.event_hours,
            deps=[keys.table],
            description=_EVENT_HOURS.format(spec=spec),
            kinds={"events"},
            **shared,
        ),
        dg.AssetSpec(
            keys.quarantine,
            deps=[keys.table],
            description=_QUARANTINE.format(spec=spec),
            kinds={"quarantine"},
            **shared,
        ),
    ]


def _opened(
    spec: StreamSpec, lake: LakeResource, redshift: RedshiftResource, run_id: str
) -> Callable[[LandingHour], Mapping[dg.AssetKey, Step]]:
    try:
        clients = lake.lake(), redshift.warehouse()
    except WeblogsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    return lambda hour: HourSteps(spec, *clients, hour, run_id).by_asset


_LANDING = """Objects as they were delivered: `{example}` (the time of delivery in UTC). {spec.description}

A materialization lists the hour's objects: keys, sizes, ETags. Nothing is read, moved or deleted."""

_VALIDATED = """Every record of the hour, judged once: readable, required fields ({required}) present, types that Redshift takes.

{copies} go to `validated/{spec.name}/`, bad ones to `invalid/{spec.name}/` with their raw bytes, place and reasons.
Unchanged objects are not read again."""

_SPLIT_COPIES = """An object without a bad record is loaded as it landed. One with bad records is split: the good ones,
byte for byte,"""

_STAMPED_COPIES = """Good records, each with the time of its delivery and its number in the file,"""

_MANIFEST = """What COPY has to read for the hour: immutable manifests named by their content, with mandatory entries only.

Objects that the ledger `shopware_ops.load_history` already knows are left out; an hour with nothing new has none."""

_TABLE = """{spec.description}

One transaction for each hour: the ledger is read, new objects are copied through a staging table, or the hour is
replaced when an object was rewritten, and every object is recorded in `shopware_ops.load_history`. Loading an hour
twice changes nothing."""

_EVENT_HOURS = """Hours of events of `{spec.qualified_table}`: here a partition is the hour in which things *happened*, UTC.

A load materializes every event hour whose rows came or went, late ones too. What is computed by event time depends on
this asset, and is refreshed for exactly those hours and days. The warehouse keeps the same in
`shopware_ops.changed_hours`."""

_QUARANTINE = """Records of {spec.name} that are in quarantine, by the landing hour: how many are open, for which
reasons, and since when; how many were replayed and discarded. Counted in the quarantine objects themselves, less the
receipts in `shopware_ops.quarantine_receipts`. Bring them back with the job `replay` or `weblogs quarantine`."""
