"""The assets against the embedded S3 and Redshift: what is in the table, in Dagster and in the ledger afterwards."""

from __future__ import annotations

import time
from dataclasses import replace

import dagster as dg
import pytest
from click.testing import CliRunner

from assets.automation import stream_automation
from assets.automation.requests import HourState
from assets.automation.runs import range_tags
from assets.automation.signals import signals_of
from assets.in_process import load_hours
from assets.keys import StreamKeys
from assets.partition_runs import FAILED_HOURS
from resources import LakeResource, RedshiftResource
from weblogs_platform.clients.lake import Lake
from weblogs_platform.commands.load import load
from weblogs_platform.core.alerts import RUN
from weblogs_platform.core.errors import AccessRefused
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.definitions import build_definitions
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.ledger import loaded_between, loaded_hour
from weblogs_platform.streams import STREAMS, WEB_LOGS

KEYS = StreamKeys.of(WEB_LOGS)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def run(platform, instance):
    """Runs the stream's job over hours first to last."""
    job = platform.definitions().resolve_job_def("load_web_logs")

    def execute(first: LandingHour, hours: int = 1, assets=None):
        tags = range_tags([first, first.plus(hours - 1)])
        return job.execute_in_process(
            instance=instance, tags=tags, asset_selection=assets, raise_on_error=False
        )

    return execute


def metadata_of(result, key: dg.AssetKey, hour: LandingHour) -> dict:
    [found] = [
        e.materialization.metadata
        for e in result.all_events
        if e.is_step_materialization
        and e.asset_key == key
        and e.materialization.partition == hour.partition_key
    ]
    return {name: value.value for name, value in found.items()}


def failed_checks(result) -> set[tuple[str, str]]:
    found = [
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return {(e.partition[-5:-3], e.check_name) for e in found if not e.passed}


def failed_hours(result) -> dict[str, str]:
    return (
        result.get_step_failure_events()[0].step_failure_data.user_failure_data.metadata[FAILED_HOURS].value
    )


def test_a_range_with_bad_records_an_empty_hour_and_a_blocked_one(platform, run, make_record, instance):
    """The whole contract in one run: good records load, bad ones are counted, an hour over the threshold stays
    out, an hour without objects is zero rows, and none of them costs another."""
    first = platform.fresh_hour()
    platform.deliver(
        first, "a", [make_record(n) for n in range(8)] + [make_record(9, user_id=None), b'{"cut": ']
    )
    platform.deliver(first.plus(1), "a", [make_record(0)] + [make_record(n, event_type="") for n in range(3)])
    platform.deliver(first.plus(3), "a", [make_record(0), make_record(0)])
    result = run(first, 4)
    assert platform.rows(first) == {"00": 8, "03": 2}
    assert list(failed_hours(result)) == [first.plus(1).partition_key]
    loaded = metadata_of(result, KEYS.table, first)
    assert (loaded["records"], loaded["loaded"], loaded["quarantined"]) == (10, 8, 2)
    assert loaded["dagster/partition_row_count"] == 8
    assert metadata_of(result, KEYS.table, first.plus(2))["dagster/partition_row_count"] == 0
    validated = metadata_of(result, KEYS.validated, first)
    assert validated["quarantined: null_required:user_id"] == 1
    assert failed_checks(result) == {
        ("00", "required_fields_not_null"),
        ("00", "no_malformed_records"),
        ("01", "required_fields_not_null"),
        ("01", "invalid_share_within_threshold"),
        ("03", "exact_duplicates"),
    }
    status = instance.get_status_by_partition(
        KEYS.table, [first.plus(n).partition_key for n in range(4)], _partitions(platform)
    )
    assert [state.value for state in status.values()] == [
        "MATERIALIZED",
        "FAILED",
        "MATERIALIZED",
        "MATERIALIZED",
    ]


def test_a_second_run_changes_nothing(platform, run, make_record):
    """A retry, a duplicate notification, an impatient person: the same rows, the same ledger."""
    hour = platform.fresh_hour()
    platform.deliver(hour, "a", [make_record(n) for n in range(5)])
    assert run(hour).success
    before = loaded_hour(platform.warehouse, WEB_LOGS, hour)
    again = run(hour)
    assert again.success
    assert platform.rows(hour) == {"00": 5}
    assert loaded_hour(platform.warehouse, WEB_LOGS, hour) == before
    assert metadata_of(again, KEYS.table, hour)["action"] == "nothing"


def test_a_late_object_appends_and_a_rewritten_one_replaces(platform, run, make_record):
    """What is in the table is what is in landing, whatever happened in between."""
    hour = platform.fresh_hour()
    platform.deliver(hour, "a", [make_record(1)])
    run(hour)
    platform.deliver(hour, "late", [make_record(2), make_record(3)])
    assert metadata_of(run(hour), KEYS.table, hour)["action"] == "append"
    assert platform.rows(hour) == {"00": 3}
    platform.deliver(hour, "a", [make_record(n) for n in range(10, 15)])
    result = run(hour)
    assert metadata_of(result, KEYS.table, hour)["action"] == "replace"
    assert failed_checks(result) == set()
    assert platform.rows(hour) == {"00": 7}


def test_the_table_alone_needs_a_validated_hour_and_respects_its_verdict(platform, run, make_record):
    """The button on one asset must not be a way around validation or the threshold."""
    hour = platform.fresh_hour()
    platform.deliver(hour, "a", [make_record(1)] + [make_record(n, session_id=None) for n in range(3)])
    result = run(hour, assets=[KEYS.table])
    assert "materialize `validated` first" in failed_hours(result)[hour.partition_key]
    assert run(hour, assets=[KEYS.validated]).success is False
    result = run(hour, assets=[KEYS.manifest, KEYS.table])
    assert "invalid_share_within_threshold" in failed_hours(result)[hour.partition_key]
    assert platform.rows(hour) == {}


def test_a_blocked_hour_loads_under_a_raised_threshold(platform, run, make_record, instance):
    """What the runbook says: the earlier verdict, or the report that it was based on, keeps the hour out for good; or
    bad records are lost when it is let in."""
    hour = platform.fresh_hour()
    platform.deliver(hour, "a", [make_record(0)] + [make_record(n, event_type="") for n in range(4)])
    assert "invalid_share_within_threshold: 4 of 5" in failed_hours(run(hour))[hour.partition_key]
    assert platform.rows(hour) == {}
    streams = [replace(s, invalid_share_threshold=0.8) if s is WEB_LOGS else s for s in STREAMS]
    job = platform.definitions(streams).resolve_job_def("load_web_logs")
    result = job.execute_in_process(instance=instance, tags=range_tags([hour]))
    assert platform.rows(hour) == {"00": 1}
    assert failed_checks(result) == {("00", "required_fields_not_null")}  # `conservation` is not among them
    loaded = metadata_of(result, KEYS.table, hour)
    assert (loaded["records"], loaded["loaded"], loaded["quarantined"]) == (5, 1, 4)
    assert metadata_of(result, KEYS.quarantine, hour)["open"] == 4


def test_the_load_command_runs_the_same_assets(platform, make_record, monkeypatch):
    """Status 0 and a summary; 1 when an hour failed, which is named while the other is loaded."""
    for name, value in platform.variables.items():
        monkeypatch.setenv(name, value)
    hour = platform.fresh_hour()
    platform.deliver(hour, "a", [make_record(1)])
    platform.deliver(hour.plus(1), "a", [b"no json"])
    day = f"{hour.start:%Y-%m-%d}"
    good = CliRunner().invoke(load, ["--stream", "web_logs", "--from", day, "--to", f"{day}T01"])
    assert (good.exit_code, platform.rows(hour)) == (0, {"00": 1})
    bad = CliRunner().invoke(load, ["--stream", "all", "--from", day, "--to", f"{day}T02"])
    assert bad.exit_code == 1
    assert f"web_logs failed: {hour.plus(1).partition_key}: invalid_share" in bad.output


def test_an_object_that_cannot_be_read_is_named_and_its_neighbours_load(
    platform, make_record, instance, monkeypatch
):
    """`weblogs load` ends with status 0, or names no object, or loads nothing of the hour; the reconcile takes the hour
    for loaded."""
    for name, value in platform.variables.items():
        monkeypatch.setenv(name, value)
    hour = platform.fresh_hour()
    for number, name in enumerate("abc"):
        platform.deliver(hour, name, [make_record(number)])
    key = f"{WEB_LOGS.landing_hour_prefix(hour)}b"
    url, stream = platform.lake.url(key), Lake.stream

    def refuse(self, source, block_bytes):
        if source.key == key:
            raise AccessRefused(f"cannot read {self.url(key)}: AccessDenied")
        return stream(self, source, block_bytes)

    day = f"{hour.start:%Y-%m-%d}"
    arguments = ["--stream", "web_logs", "--from", day, "--to", f"{day}T01"]
    with monkeypatch.context() as refused:
        refused.setattr(Lake, "stream", refuse)
        result = CliRunner().invoke(load, arguments)
        total = load_hours(platform.definitions(), WEB_LOGS, [hour], instance, lambda: None)
    assert (result.exit_code, platform.rows(hour)) == (1, {"00": 2})
    assert f"web_logs failed: {hour.partition_key}: cannot read {url}: AccessDenied" in result.output
    assert total.failed == {hour.partition_key: f"cannot read {url}: AccessDenied"}
    state = HourState(
        hour, list_hour(platform.lake, WEB_LOGS, hour), loaded_hour(platform.warehouse, WEB_LOGS, hour)
    )
    assert not state.is_loaded(WEB_LOGS)
    [record] = instance.get_run_records(limit=1)
    troubles = [s.trouble for s in signals_of(instance, record, [WEB_LOGS]) if s.kind == RUN]
    assert troubles == [f"cannot read {url}: AccessDenied"]
    assert CliRunner().invoke(load, arguments).exit_code == 0
    assert platform.rows(hour) == {"00": 3}


def test_the_sensor_requests_what_a_run_then_loads(platform, make_record, instance):
    """From an object in S3 to a confirmed cursor, over the real listing, ledger and instance: nothing is
    requested twice, more objects are, and a cursor that is lost costs nothing."""
    hour = platform.fresh_hour()
    resources = {
        "lake": LakeResource(variables=platform.variables),
        "redshift": RedshiftResource(variables=platform.variables),
    }
    sensor = stream_automation(spec=WEB_LOGS, clock=lambda: hour.plus(5).start).sensor
    job = platform.definitions().resolve_job_def("load_web_logs")

    def tick(cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
        with dg.build_sensor_context(
            instance=instance, cursor=cursor, resources=resources, definitions=platform.definitions()
        ) as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        return list(result.run_requests or []), result.cursor

    def execute(request: dg.RunRequest) -> bool:
        return job.execute_in_process(
            instance=instance, partition_key=request.partition_key, tags=request.tags, raise_on_error=False
        ).success

    platform.deliver(hour, "a", [make_record(1)])
    platform.deliver(hour.plus(1), "a", [make_record(2)])
    [request], cursor = tick(None)
    assert execute(request)
    assert platform.rows(hour) == {"00": 1, "01": 1}
    assert tick(cursor)[0] == []
    platform.deliver(hour, "b", [make_record(3)])
    [again], cursor = tick(cursor)
    assert again.partition_key == hour.partition_key
    assert again.run_key != request.run_key
    assert execute(again)
    assert platform.rows(hour) == {"00": 2, "01": 1}
    assert tick(cursor)[0] == tick(None)[0] == []


def test_fifty_hours_are_three_runs_and_every_hour_is_recorded(platform, make_record, instance):
    """A backfill in chunks, here without the daemon: each hour has its rows, its events and its ledger."""
    first = platform.fresh_hour()
    hours = list(first.until(first.plus(50)))
    for hour in hours[::10]:
        platform.deliver(hour, "a", [make_record(1), make_record(2)])
    done: list[None] = []
    total = load_hours(platform.definitions(), WEB_LOGS, hours, instance, lambda: done.append(None))
    assert (total.hours, total.counts["loaded"], len(done)) == (50, 10, 50)
    assert total.failed == {}
    assert instance.get_runs_count() == 3
    assert len(loaded_between(platform.warehouse, WEB_LOGS, first, first.plus(50))) == 5
    assert instance.get_materialized_partitions(KEYS.table) >= {hour.partition_key for hour in hours}


def test_a_run_against_servers_that_are_down_says_so_within_seconds(platform, instance):
    """One line that says what to start, not a minute of retries and a page of traceback."""
    nobody = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "REDSHIFT_PORT": "9"}
    definitions = build_definitions(variables={**platform.variables, **nobody})
    began = time.monotonic()
    hours = [platform.fresh_hour()]
    total = load_hours(definitions, WEB_LOGS, hours, instance, lambda: None)
    assert time.monotonic() - began < 20
    [why] = total.failed.values()
    assert "weblogs up" in why
    assert "\n" not in why


def _partitions(platform):
    return platform.definitions().resolve_assets_def(KEYS.table).partitions_def


def test_a_load_materializes_the_event_hours_it_changed(platform, run, make_record):
    """A late event changes a day of the past, and nothing in Dagster says so: its KPIs stay as they were."""
    hour = platform.fresh_hour()
    late = hour.plus(-30)
    at = [hour.start.timestamp() + 60, late.start.timestamp() + 60]
    platform.deliver(hour, "a", [make_record(n, timestamp=at[n % 2]) for n in range(5)])
    result = run(hour)
    assert metadata_of(result, KEYS.event_hours, hour)["rows_changed"] == 3
    assert metadata_of(result, KEYS.event_hours, late)["rows_changed"] == 2
