"""The lakehouse as Dagster has it: runs over the embedded stack, its check, and what keeps it up to date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from assets.automation.lakehouse import lakehouse_reconcile
from assets.automation.runs import RANGE_END_TAG, RANGE_START_TAG, range_tags
from assets.keys import StreamKeys, job_name, lakehouse_job_name, lakehouse_key, maintenance_key
from assets.lakehouse import MAINTENANCE_JOB
from resources import LakehouseResource, RedshiftResource
from tests.assets.conftest import make_record, platform
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.definitions import build_definitions
from weblogs_platform.streams import STREAMS, WEB_LOGS

__all__ = ["make_record", "platform"]

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
KEY = lakehouse_key(WEB_LOGS)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def _run(platform, instance, job: str, tags: dict[str, str] | None = None, keys=None):
    resolved = platform.definitions().resolve_job_def(job)
    if keys:
        resolved = resolved.get_subset(asset_selection=set(keys))
    return resolved.execute_in_process(
        instance=instance, tags=tags or {}, run_config=QUIET, raise_on_error=False
    )


def _loaded(platform, instance, make_record, hours: int = 1) -> LandingHour:
    first = platform.fresh_hour()
    for n in range(hours):
        records = [make_record(i, session_id=f"lake {n} {i}") for i in range(3 + n)]
        platform.deliver(first.plus(n), "a", records)
    assert _run(
        platform, instance, job_name(WEB_LOGS), range_tags([first.plus(n) for n in range(hours)])
    ).success
    return first


def _checks(result) -> dict[str, bool]:
    return {
        str(e.partition): e.passed
        for e in (
            x.event_specific_data for x in result.all_events if x.event_type_value == "ASSET_CHECK_EVALUATION"
        )
        if e.asset_key == KEY
    }


def _rows(result) -> dict[str, int]:
    made = result.asset_materializations_for_node("copy_web_logs")
    return {m.partition: m.metadata["dagster/partition_row_count"].value for m in made}


def test_a_range_of_hours_is_copied_hour_by_hour(platform, instance, make_record):
    """One event stands for all hours, or an empty hour fails the run."""
    first = _loaded(platform, instance, make_record, hours=2)
    hours = [first.plus(n) for n in range(3)]
    result = _run(platform, instance, lakehouse_job_name(WEB_LOGS), range_tags(hours))
    assert result.success
    keys = [hour.partition_key for hour in hours]
    assert _rows(result) == dict(zip(keys, (3, 4, 0), strict=True))
    assert _checks(result) == dict.fromkeys(keys, True)


def test_the_check_alone_sees_an_hour_that_was_not_copied_again(platform, instance, make_record):
    """The check compares the copy with itself."""
    first = _loaded(platform, instance, make_record)
    tags = range_tags([first])
    assert _run(platform, instance, lakehouse_job_name(WEB_LOGS), tags).success
    platform.deliver(first, "b", [make_record(9)])
    assert _run(platform, instance, job_name(WEB_LOGS), tags).success
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    alone = job.get_subset(
        asset_selection=set(), asset_check_selection={dg.AssetCheckKey(KEY, "lakehouse_equals_table")}
    )
    result = alone.execute_in_process(instance=instance, tags=tags, run_config=QUIET, raise_on_error=False)
    assert _checks(result) == {first.partition_key: False}


def test_a_load_asks_for_its_hour_of_the_copy(platform, instance):
    """Loads that come late, or replace an old hour, never reach the lakehouse."""

    def evaluated(cursor=None):
        return dg.evaluate_automation_conditions(
            defs=platform.definitions(),
            instance=instance,
            cursor=cursor,
            asset_selection=dg.AssetSelection.assets(KEY),
        )

    first = evaluated()
    assert first.total_requested == 0
    hour = LandingHour.from_argument("2019-02-03T04")
    instance.report_runless_asset_event(
        dg.AssetMaterialization(StreamKeys.of(WEB_LOGS).table, partition=hour.partition_key)
    )
    second = evaluated(first.cursor)
    assert second.get_requested_partitions(KEY) == {hour.partition_key}
    assert evaluated(second.cursor).total_requested == 0


def test_the_reconcile_requests_what_no_event_told(platform, instance, make_record):
    """A run is killed between its commit and its events; or an hour was loaded before there was a lakehouse."""
    first = _loaded(platform, instance, make_record, hours=2)
    second = first.plus(1)

    def requested() -> set[tuple[str, str]]:
        definitions = platform.definitions()
        jobs = [definitions.resolve_job_def(lakehouse_job_name(spec)) for spec in STREAMS]
        sensor = lakehouse_reconcile(STREAMS, jobs, lambda: first.start + timedelta(days=2))
        context = dg.build_sensor_context(
            instance=instance, resources={"redshift": RedshiftResource(variables=platform.variables)}
        )
        found = getattr(sensor(context), "run_requests", None) or []
        return {(r.tags[RANGE_START_TAG], r.tags[RANGE_END_TAG]) for r in found if KEY in r.asset_selection}

    assert (first.partition_key, second.partition_key) in requested()
    assert _run(platform, instance, lakehouse_job_name(WEB_LOGS), range_tags([first])).success
    assert (second.partition_key, second.partition_key) in requested()
    assert _run(platform, instance, lakehouse_job_name(WEB_LOGS), range_tags([second])).success
    assert second.partition_key not in {key for pair in requested() for key in pair}


def test_maintenance_runs_for_every_copy(platform, instance, make_record):
    first = _loaded(platform, instance, make_record)
    assert _run(platform, instance, lakehouse_job_name(WEB_LOGS), range_tags([first])).success
    result = _run(platform, instance, MAINTENANCE_JOB)
    assert result.success
    for spec in STREAMS:
        [made] = result.asset_materializations_for_node(f"maintain_lakehouse_{spec.name}")
        assert made.asset_key == maintenance_key(spec)
        assert made.metadata["files_removed"].value == 0


def test_a_stream_may_do_without(platform):
    """A source that must not leave the warehouse is copied all the same."""
    from dataclasses import replace

    definitions = build_definitions(
        streams=[replace(s, lakehouse=s is WEB_LOGS) for s in STREAMS], variables=platform.variables
    )
    keys = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    assert {key for key in keys if key.startswith("lakehouse")} == {
        "lakehouse/web_logs",
        "lakehouse_maintenance/web_logs",
    }


def test_s3_that_is_down_is_a_line_that_says_so(platform, instance, make_record, monkeypatch):
    """A run fails with a traceback of Rust."""
    first = _loaded(platform, instance, make_record)
    whole = LakehouseResource.lakehouse

    def refused(self):
        from dataclasses import replace

        client = whole(self)
        options = {**client.storage(), "aws_endpoint_url": "http://127.0.0.1:9", "max_retries": "0"}
        return replace(client, storage=lambda: options)

    monkeypatch.setattr(LakehouseResource, "lakehouse", refused)
    result = _run(platform, instance, lakehouse_job_name(WEB_LOGS), range_tags([first]))
    [failure] = result.get_step_failure_events()
    said = failure.step_failure_data.user_failure_data.description
    assert "1 of 1 hour failed" in said
    assert "lakehouse/web_logs could not be read or written" in said
