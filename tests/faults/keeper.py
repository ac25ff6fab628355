"""The sensor and the reconcile schedule of a stream, and the runs that they request, as Dagster's daemon has them: in this
process, against the real S3 and Redshift. The clocks are given: the keeper's own, and S3's, by which objects were modified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import datetime, timedelta

import dagster as dg

from assets.automation import stream_automation
from assets.automation.runs import range_tags
from assets.in_process import execute
from assets.keys import job_name
from assets.retry import Backoff
from resources import LakeResource, RedshiftResource
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.definitions import build_definitions

MAX_TICKS = 4
"""So many evaluations of the sensor bring home what it can."""


class _SkewedLake(Lake):
    """S3 whose clock differs from the keeper's."""

    skew: timedelta

    def list_prefix(self, prefix: str) -> list[LandingObject]:
        return [changed(o, modified=o.modified + self.skew) for o in super().list_prefix(prefix)]


class _Resource:
    """What a tick is given as lake or redshift."""

    def __init__(self, lake: Lake, warehouse: Warehouse) -> None:
        self.lake, self.warehouse = (lambda: lake), (lambda: warehouse)


@dataclass
class Keeper:
    """Keeps one stream loaded. `now` is its clock (UTC); `cursor` what the sensor's last evaluation left; `keys` the run
    keys of the sensor's requests: the daemon runs none of them twice."""

    spec: StreamSpec
    variables: Mapping[str, str]
    instance: dg.DagsterInstance
    now: datetime
    s3_ahead: timedelta = timedelta()
    cursor: str | None = None
    skipped: str = ""
    keys: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        variables = dict(self.variables)
        self._lake = LakeResource(variables=variables).lake()
        self._warehouse = RedshiftResource(variables=variables).warehouse()
        at_once = Backoff((0.0,), sleep=lambda _: None)
        self._definitions = build_definitions(
            streams=[self.spec], tables=[], variables=variables, backoff=at_once
        )
        self._automation = stream_automation(spec=self.spec, clock=lambda: self.now)
        self._job = self._definitions.resolve_job_def(job_name(self.spec))

    def look(self) -> list[dg.RunRequest]:
        """One evaluation of the sensor: what it requests. Its cursor is kept."""
        given = self._given()
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            definitions=self._definitions,
            resources={"lake": given, "redshift": given},
        ) as context:
            result = self._automation.sensor(context)
        if isinstance(result, dg.SkipReason):
            self.skipped = result.skip_message or ""
            return []
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        self.skipped = (result.skip_reason.skip_message if result.skip_reason else None) or ""
        return list(result.run_requests or [])

    def reconcile(self) -> int:
        """One evaluation of the schedule, and its runs: how many."""
        given = self._given()
        with dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=self.now,
            resources={"lake": given, "redshift": given},
        ) as context:
            result = self._automation.reconcile(context)
        if isinstance(result, dg.SkipReason):
            self.skipped = result.skip_message or ""
            return 0
        assert isinstance(result, list)
        return sum(self.run(request) for request in result)

    def tick(self) -> int:
        """One evaluation of the sensor, and its runs: how many."""
        requests = [request for request in self.look() if request.run_key not in self.keys]
        self.keys.update(str(request.run_key) for request in requests)
        return sum(self.run(request) for request in requests)

    def run(self, request: dg.RunRequest) -> bool:
        """Runs what was requested, to its end."""
        tags = dict(request.tags)
        if request.partition_key:
            tags |= range_tags([LandingHour.from_partition_key(request.partition_key)])
        execute(self._job, self.instance, tags, lambda _: None)
        return True

    def _given(self) -> _Resource:
        # Made once: a client takes longer to make than a tick to evaluate.
        lake = _SkewedLake(self._lake.client, self._lake.bucket)
        lake.__dict__["skew"] = self.s3_ahead
        return _Resource(lake, self._warehouse)

    def settle(self) -> None:
        """Ticks until the sensor has nothing to request, then the reconcile; some minutes pass between them."""
        for _ in range(MAX_TICKS):
            if not self.tick():
                break
            self.now += timedelta(minutes=2)
        self.reconcile()
