"""The sensor and the reconcile against a lake and a ledger in memory that refuse what they do not expect."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets.automation import stream_automation
from assets.keys import StreamKeys
from resources import LakeResource, RedshiftResource
from weblogs_platform.clients.lake import Lake
from weblogs_platform.core.errors import LakeUnavailable
from weblogs_platform.core.finding_statements import (
    ForgetFindings,
    ForgetLook,
    KnownFindings,
    RecordFindings,
    RecordLook,
)
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.statements import LoadedBetween
from weblogs_platform.definitions import build_definitions
from weblogs_platform.streams import WEB_LOGS

NOW = datetime(2025, 7, 20, 12, 20, tzinfo=UTC)
FIRST = LandingHour.from_argument("2025-07-20T10")
TABLE = StreamKeys.of(WEB_LOGS).table


class MemoryLake(Lake):
    """Lists what it was given; reading or writing an object is an error, because nothing here may do so."""

    objects: dict[str, LandingObject]
    listed: list[str]
    down: bool

    def __init__(self) -> None:
        super().__init__(client=None, bucket="lake")
        self.__dict__.update(objects={}, listed=[], down=False)

    def deliver(self, hour: LandingHour, name: str = "a", etag: str = "e1", at: datetime = NOW) -> None:
        self.deliver_key(f"{WEB_LOGS.landing_hour_prefix(hour)}{name}", etag, at)

    def deliver_key(self, key: str, etag: str = "e1", at: datetime = NOW) -> None:
        self.objects[key] = LandingObject(key, etag, 10, at)

    def list_prefix(self, prefix: str) -> list[LandingObject]:
        if self.down:
            raise LakeUnavailable("cannot list: S3 is down (`weblogs up`)")
        self.listed.append(prefix)
        return sorted((o for k, o in self.objects.items() if k.startswith(prefix)), key=lambda o: o.key)

    def list_names(self, prefix: str) -> list[str]:
        below = (k.removeprefix(prefix).partition("/") for k in self.objects if k.startswith(prefix))
        return sorted({f"{prefix}{name}{slash}" for name, slash, _ in below})


@dataclass
class MemoryLedger:
    """A warehouse that answers the query about the ledger, keeps what is found, and refuses every other statement."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    found: list[Any] = field(default_factory=list)
    queries: int = 0

    @contextmanager
    def transaction(self):
        yield self

    def fetch_all(self, statement, parameters):
        if isinstance(statement, KnownFindings):
            return []
        assert isinstance(statement, LoadedBetween), statement
        stream, first, end = parameters
        self.queries += 1
        parsed = [datetime.fromisoformat(text) for text in (first, end)]
        return [r[1:] for r in self.rows if r[0] == stream and parsed[0] <= r[1] < parsed[1]]

    def execute(self, statement, parameters) -> None:
        assert isinstance(statement, (ForgetFindings, ForgetLook, RecordLook)), statement
        del parameters

    def insert_lines(self, statement, rows) -> None:
        assert statement is RecordFindings, statement
        self.found = list(rows)

    def record(self, objects) -> None:
        """What a load of these objects leaves in the ledger."""
        keys = {o.key for o in objects}
        self.rows = [row for row in self.rows if row[2] not in keys]
        for o in objects:
            hour = LandingHour.from_path(o.key.removeprefix(WEB_LOGS.landing_prefix + "/")[:13])
            row = (
                WEB_LOGS.name,
                hour.start.replace(tzinfo=None),
                o.key,
                o.etag,
                "rules",
                1,
                1,
                0,
                0,
                0,
                0,
                None,
            )
            self.rows.append(row)


class Given:
    """A resource that hands out what it was given."""

    def __init__(self, lake, ledger) -> None:
        self.lake = lambda: lake
        self.warehouse = lambda: ledger


@dataclass
class World:
    lake: MemoryLake
    ledger: MemoryLedger
    instance: dg.DagsterInstance
    now: datetime = NOW
    cursor: str | None = None
    skipped: str = ""
    requested: list[dg.RunRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.definitions = build_definitions(streams=[WEB_LOGS])
        self.automation = stream_automation(spec=WEB_LOGS, clock=lambda: self.now)

    def tick(self) -> list[list[str]]:
        """One evaluation of the sensor; the hours of the runs it requests."""
        given = Given(self.lake, self.ledger)
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            definitions=self.definitions,
            resources={"lake": given, "redshift": given},
        )
        result = self.automation.sensor(context)
        if isinstance(result, dg.SkipReason):
            self.skipped = result.skip_message or ""
            return []
        assert isinstance(result, dg.SensorResult)
        self.skipped = (result.skip_reason.skip_message if result.skip_reason else None) or ""
        self.cursor = result.cursor
        return self._note(result.run_requests or [])

    def reconcile(self) -> list[list[str]]:
        """One evaluation of the schedule; the hours of the runs it requests."""
        given = Given(self.lake, self.ledger)
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=self.now,
            resources={"lake": given, "redshift": given},
        )
        result = self.automation.reconcile(context)
        if isinstance(result, dg.SkipReason):
            self.skipped = result.skip_message or ""
            return []
        assert isinstance(result, list)
        return self._note(result)

    def _note(self, requests) -> list[list[str]]:
        self.requested += requests
        return [_hours(request) for request in requests]

    def add_run(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        """What Dagster's instance knows once the daemon has taken the request."""
        tags = dict(request.tags)
        if request.partition_key:
            tags["dagster/partition"] = request.partition_key
        return self.instance.create_run_for_job(
            self.definitions.resolve_job_def("load_web_logs"), tags=tags, status=status
        )

    def load(self) -> None:
        self.ledger.record(self.lake.objects.values())


def _hours(request: dg.RunRequest) -> list[str]:
    if request.partition_key:
        return [request.partition_key[-5:-3]]
    keys = (
        request.tags["dagster/asset_partition_range_start"],
        request.tags["dagster/asset_partition_range_end"],
    )
    first, last = map(LandingHour.from_partition_key, keys)
    return [hour.partition_key[-5:-3] for hour in first.until(last.plus(1))]


@pytest.fixture
def world():
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(MemoryLake(), MemoryLedger(), instance)


@pytest.fixture
def world_on_disk(tmp_path):
    """A schedule reaches its instance by reference only."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield World(MemoryLake(), MemoryLedger(), instance)


def test_new_objects_request_just_their_hours(world):
    """Many objects of one hour are one run, and contiguous hours are one run."""
    for name in ("a", "b", "c"):
        world.lake.deliver(FIRST, name)
    world.lake.deliver(FIRST.plus(1))
    world.lake.deliver(FIRST.plus(-3))
    assert world.tick() == [["07"], ["10", "11"]]


def test_a_quiet_tick_asks_nobody(world):
    """Every half minute, for years: only listings."""
    world.lake.deliver(FIRST)
    world.load()
    world.tick()
    asked = world.ledger.queries
    assert world.tick() == []
    assert world.ledger.queries == asked
    assert world.skipped == "every landed hour is loaded"


def test_the_sensor_lists_three_days_and_no_more(world):
    """The cost of a tick must not grow with the history."""
    world.tick()
    assert world.lake.listed == [f"{WEB_LOGS.landing_prefix}/2025/07/{day}/" for day in (18, 19, 20)]


def test_an_hour_that_gets_more_objects_is_requested_again(world):
    world.lake.deliver(FIRST)
    world.load()
    assert world.tick() == []
    world.lake.deliver(FIRST, "later")
    assert world.tick() == [["10"]]


def test_a_rewritten_object_is_requested_again(world):
    """Same key, same number of objects, same second: only the ETag tells."""
    world.lake.deliver(FIRST)
    world.load()
    world.tick()
    world.lake.deliver(FIRST, etag="e2")
    assert world.tick() == [["10"]]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_nothing_is_requested_twice_while_a_run_is_under_way(world, status):
    world.lake.deliver(FIRST)
    world.tick()
    world.add_run(world.requested[0], status)
    assert world.tick() == []
    assert "queued or in progress" in world.skipped


def test_a_backfill_from_the_ui_counts_as_under_way(world):
    """Its runs carry no tag of ours; the assets and the range say what they are."""
    world.lake.deliver(FIRST)
    world.lake.deliver(FIRST.plus(1))
    job = world.definitions.resolve_implicit_global_asset_job_def()
    tags = {
        "dagster/asset_partition_range_start": FIRST.plus(-5).partition_key,
        "dagster/asset_partition_range_end": FIRST.partition_key,
    }
    world.instance.create_run_for_job(
        job, tags=tags, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset([TABLE])
    )
    assert world.tick() == [["11"]]


def test_weblogs_load_counts_as_under_way(world):
    """It runs the whole job with an empty selection of assets, which was taken for one without the table."""
    world.lake.deliver(FIRST)
    job = world.definitions.resolve_job_def("load_web_logs")
    tags = {"dagster/partition": FIRST.partition_key}
    world.instance.create_run_for_job(
        job, tags=tags, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset()
    )
    assert world.tick() == []
    assert "queued or in progress" in world.skipped


def test_a_failed_run_is_requested_again_after_a_pause(world):
    """With a cursor that moves on at the request, a failed run loses its hour."""
    world.now = datetime.now(UTC)  # the instance stamps runs with the real time
    world.lake.deliver(LandingHour.containing(world.now))
    world.tick()
    world.add_run(world.requested[0], dg.DagsterRunStatus.FAILURE)
    assert world.tick() == []
    assert "failed 1 times" in world.skipped
    world.now += timedelta(seconds=40)
    assert len(world.tick()) == 1
    assert world.requested[-1].run_key.endswith("|2")


@pytest.mark.parametrize("cursor", [None, "", "not json", "[1]", '{"2025-07-20-10:00": "old"}'])
def test_a_lost_cursor_requests_only_what_the_ledger_lacks(world, cursor):
    """A reset cursor must not load three days again, nor forget an hour."""
    world.lake.deliver(FIRST)
    world.lake.deliver(FIRST.plus(1))
    world.load()
    world.lake.deliver(FIRST.plus(2))
    world.cursor = cursor
    assert world.tick() == [["12"]]
    assert len(json.loads(world.cursor)) == 2


def test_the_running_hour_is_requested_and_the_next_is_not(world):
    """An hour beyond the partitions would make the whole tick fail, every time."""
    world.lake.deliver(FIRST.plus(2))
    world.lake.deliver(FIRST.plus(3))
    assert world.tick() == [["12"]]
    world.load()
    assert world.tick() == []
    assert "outside the stream's partitions" in world.skipped


def test_garbage_in_a_day_is_left_alone_and_said(world):
    world.lake.deliver_key(f"{WEB_LOGS.landing_prefix}/2025/07/20/99/a")
    world.lake.deliver_key(f"{WEB_LOGS.landing_prefix}/2025/07/20/readme.txt")
    assert world.tick() == []
    assert "2 outside the stream's partitions" in world.skipped


def test_an_outage_is_a_skipped_tick_with_its_reason(world):
    """An exception every half minute fills the log and says less."""
    world.lake.deliver(FIRST)
    world.tick()
    before = world.cursor
    world.lake.__dict__["down"] = True
    assert world.tick() == []
    assert "S3 is down" in world.skipped
    assert world.cursor == before


def test_without_a_stack_the_tick_says_what_to_start(tmp_path):
    """The definitions load without settings; what needs them says so in one line."""
    nowhere = {"WEBLOGS_HOME": str(tmp_path)}
    resources = {"lake": LakeResource(variables=nowhere), "redshift": RedshiftResource(variables=nowhere)}
    with dg.build_sensor_context(resources=resources) as context:
        skipped = stream_automation(spec=WEB_LOGS).sensor(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "weblogs up" in (skipped.skip_message or "")


def test_the_reconcile_finds_late_objects_in_old_hours(world_on_disk):
    """Ten years back, far outside the sensor's look-back, and without any cursor."""
    world = world_on_disk
    old = LandingHour.from_argument("2015-05-17T10")
    world.lake.deliver(old)
    world.lake.deliver(FIRST)
    assert world.tick() == [["10"]]
    assert world.reconcile() == [["10"], ["10"]]
    assert world.requested[-2].partition_key == old.partition_key
    assert [(row[1], row[6]) for row in world.ledger.found] == [(old.sql, "new"), (FIRST.sql, "new")]
    world.load()
    assert world.reconcile() == []
    assert world.ledger.found == []


def test_the_reconcile_pages_through_a_long_history_once_a_day(world):
    """A tick has a minute; three thousand days do not fit."""
    days = [datetime(2016, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(2600)]
    for day in days:
        world.lake.deliver(LandingHour(day))
    world.load()
    seen: set[str] = set()
    for hour in range(24):
        world.now = datetime(2025, 7, 20, hour, 7, tzinfo=UTC)
        world.lake.listed.clear()
        world.reconcile()
        assert len(world.lake.listed) < 130
        seen.update(world.lake.listed)
    assert seen >= {f"{WEB_LOGS.landing_prefix}/{day:%Y/%m/%d}/" for day in days}


def test_the_reconcile_names_folders_that_are_no_hours(world):
    """A wrong prefix in Firehose delivers for weeks before someone misses the data."""
    world.lake.deliver_key(f"{WEB_LOGS.landing_prefix}/processing-failed/2025/07/20/10/a")
    world.lake.deliver_key(f"{WEB_LOGS.landing_prefix}/0025/07/20/10/a")
    world.lake.deliver_key(f"{WEB_LOGS.landing_prefix}/2025/7/20/10/a")
    world.lake.deliver_key(f"{WEB_LOGS.landing_prefix}/2025/02/31/10/a")
    world.lake.deliver_key(f"{WEB_LOGS.landing_prefix}/a")
    world.lake.deliver_key(stray := f"{WEB_LOGS.landing_prefix}/2025/07/20/1/a")
    assert world.reconcile() == []
    assert "6 outside the stream's partitions" in world.skipped
    names = ["2025/02/31/", "2025/7/", "0025/", "a", "processing-failed/"]
    outside = {(f"{WEB_LOGS.landing_prefix}/{name}", "outside") for name in names}
    assert {(row[2], row[6]) for row in world.ledger.found} == {(stray, "stray"), *outside}


def test_strays_are_told_when_there_are_runs_too(world_on_disk):
    """What nothing loads is passed over as long as there is something to load."""
    world = world_on_disk
    world.lake.deliver_key(stray := f"{WEB_LOGS.landing_prefix}/2025/07/20/1/a")
    world.lake.deliver(FIRST)
    assert world.reconcile() == [["10"]]
    assert (stray, "stray") in {(row[2], row[6]) for row in world.ledger.found}
