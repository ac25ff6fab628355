"""The one `defs` of the code location.

Loading it reads no environment and reaches no server: resources do that when a run or a tick needs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from assets.automation import (
    alert_sensor,
    condition_sensor,
    derived_jobs,
    inbox_sensor,
    lakehouse_reconcile,
    lakehouse_sensor,
    maintenance_schedule,
    reconcile_sensor,
    stream_automation,
)
from assets.derived import derived_assets
from assets.lakehouse import lakehouse_assets, lakehouse_job, maintenance_assets, maintenance_job
from assets.quarantine import replay_job
from assets.retry import Backoff
from assets.streams import stream_assets, stream_job
from resources import InboxResource, LakehouseResource, LakeResource, RedshiftResource
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.kpis import TABLES
from weblogs_platform.streams import STREAMS


def build_definitions(
    *,
    streams: Sequence[StreamSpec] = STREAMS,
    tables: Sequence[DerivedTable] = TABLES,
    variables: Mapping[str, str] | None = None,
    backoff: Backoff | None = None,
) -> dg.Definitions:
    """Everything that Dagster shows, for the declared streams and derived tables or others.

    `variables` stand in for those of the environment; `backoff` is how Transient errors are tried again.
    """
    overrides = dict(variables or {})
    retries = backoff or Backoff()
    automation = [stream_automation(spec=spec) for spec in streams]
    loads = [stream_job(spec=spec) for spec in streams]
    refreshes = derived_jobs(tables)
    copied = [spec for spec in streams if spec.lakehouse]
    copies, maintenance = [lakehouse_job(spec=spec) for spec in copied], maintenance_job(copied)
    return dg.Definitions(
        assets=[
            *(stream_assets(spec=spec, backoff=retries) for spec in streams),
            *(derived_assets(table=table, streams=streams, backoff=retries) for table in tables),
            *(lakehouse_assets(spec=spec, backoff=retries) for spec in copied),
            *(maintenance_assets(spec=spec, backoff=retries) for spec in copied),
        ],
        jobs=[
            *loads,
            *refreshes,
            *copies,
            maintenance,
            replay_job(streams=streams, backoff=retries),
        ],
        sensors=[
            *(a.sensor for a in automation),
            inbox_sensor(streams=streams, jobs=loads),
            condition_sensor(tables),
            reconcile_sensor(tables, streams, refreshes),
            lakehouse_sensor(copied),
            lakehouse_reconcile(copied, copies),
            alert_sensor(streams, overrides),
        ],
        schedules=[*(a.reconcile for a in automation), maintenance_schedule(maintenance)],
        resources={
            "inbox": InboxResource(variables=overrides),
            "lake": LakeResource(variables=overrides),
            "lakehouse": LakehouseResource(variables=overrides),
            "redshift": RedshiftResource(variables=overrides),
        },
        # A process for each step would import Dagster again each time: seconds for work of milliseconds.
        executor=dg.in_process_executor,
    )


defs = build_definitions()
