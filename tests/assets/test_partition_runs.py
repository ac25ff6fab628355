"""A run over many hours through Dagster itself, with steps made by hand: what is recorded, and what fails."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from assets.checks import INVALID_SHARE, REQUIRED_FIELDS_NOT_NULL, CheckOutcome
from assets.hour_steps import Step, StepResult
from assets.partition_runs import FAILED_HOURS, PartitionRun
from assets.retry import Backoff
from weblogs_platform.core.errors import (
    AccessRefused,
    LakeUnavailable,
    LoadConflict,
    StatementRefused,
    WeblogsError,
)

UPSTREAM = dg.AssetKey(["landing", "s"])
CHECKED = dg.AssetKey(["validated", "s"])
TABLE = dg.AssetKey(["schema", "s"])
PARTITIONS = dg.HourlyPartitionsDefinition("2025-07-20-00:00", end_offset=1)
DEPENDENCIES = {UPSTREAM: (), CHECKED: (UPSTREAM,), TABLE: (CHECKED,)}


def key(hour: int) -> str:
    return f"2025-07-20-{hour:02}:00"


class Work:
    """Steps that do as they are told for an hour, and remember what they did."""

    def __init__(self) -> None:
        self.errors: dict[tuple[str, str], list[Exception]] = {}
        self.unread: dict[tuple[str, str], list[WeblogsError]] = {}
        self.done: list[tuple[str, str]] = []
        self.pauses: list[float] = []
        self.blocked: set[str] = set()

    def steps_of(self, hour):
        partition = hour.partition_key
        return {
            asset: Step(
                lambda asset=asset: self._make(asset, partition),
                lambda asset=asset: self._judge(asset, partition),
            )
            for asset in DEPENDENCIES
        }

    def _make(self, asset: dg.AssetKey, partition: str) -> StepResult:
        name = asset.path[0]
        if errors := self.errors.get((partition, name)):
            raise errors.pop(0)
        self.done.append((partition, name))
        unread = self.unread.get((partition, name), [])
        return StepResult(
            {"rows": dg.MetadataValue.int(1)},
            f"v-{partition}",
            self._judge(asset, partition),
            unread=unread.pop(0) if unread else None,
        )

    def _judge(self, asset: dg.AssetKey, partition: str) -> tuple[CheckOutcome, ...]:
        if asset != CHECKED:
            return ()
        return (
            CheckOutcome(INVALID_SHARE, partition not in self.blocked, "share"),
            CheckOutcome(REQUIRED_FIELDS_NOT_NULL, True, "nulls", {"nulls": 0}),
        )


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def run(work, instance):
    """Runs hours first to last, and returns the result."""

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(k, deps=list(deps), code_version="1", skippable=True, partitions_def=PARTITIONS)
            for k, deps in DEPENDENCIES.items()
        ],
        check_specs=[
            dg.AssetCheckSpec(d.name, asset=CHECKED, blocking=d.blocking, partitions_def=PARTITIONS)
            for d in (INVALID_SHARE, REQUIRED_FIELDS_NOT_NULL)
        ],
        backfill_policy=dg.BackfillPolicy.multi_run(24),
        can_subset=True,
    )
    def hours(context):
        backoff = Backoff((1.0, 2.0), sleep=work.pauses.append)
        codes = dict.fromkeys(DEPENDENCIES, "1")
        yield from PartitionRun(context, work.steps_of, DEPENDENCIES, codes, backoff).events()

    job = dg.define_asset_job("hours", selection=dg.AssetSelection.all())
    definitions = dg.Definitions(assets=[hours], jobs=[job])

    def execute(
        first: int,
        last: int,
        assets: list[dg.AssetKey] | None = None,
        selection: dg.AssetSelection | None = None,
    ):
        tags = {
            "dagster/asset_partition_range_start": key(first),
            "dagster/asset_partition_range_end": key(last),
        }
        job = definitions.resolve_job_def("hours")
        if selection:
            chosen = dg.define_asset_job("chosen", selection=selection)
            job = dg.Definitions(assets=[hours], jobs=[chosen]).resolve_job_def("chosen")
        return job.execute_in_process(
            instance=instance, tags=tags, asset_selection=assets, raise_on_error=False
        )

    return execute


def materialized(result, asset: dg.AssetKey) -> list[str]:
    return [
        event.materialization.partition
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == asset
    ]


def failed_hours(result) -> Any:
    """What the run says about its failed hours: {partition: why}."""
    return (
        result.get_step_failure_events()[0].step_failure_data.user_failure_data.metadata[FAILED_HOURS].value
    )


def evaluations(result) -> list[Any]:
    return [
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type_value == "ASSET_CHECK_EVALUATION"
    ]


def test_every_hour_is_recorded_once_for_every_asset(run):
    """A range result at the end would record each hour twice, or, after a crash, not at all."""
    result = run(0, 2)
    assert result.success
    for asset in DEPENDENCIES:
        assert materialized(result, asset) == [key(0), key(1), key(2)]


def test_an_hour_goes_all_the_way_before_the_next_begins(run, work):
    """What a crash in the middle leaves behind is whole hours, not whole steps."""
    run(0, 1)
    assert work.done == [(key(h), asset.path[0]) for h in (0, 1) for asset in DEPENDENCIES]


def test_one_bad_hour_fails_alone_and_is_named(run, work):
    """The others are loaded and recorded, downstream too; Dagster shows the bad one as failed."""
    work.errors[(key(1), "validated")] = [StatementRefused("no such column")]
    result = run(0, 2)
    assert not result.success
    assert materialized(result, TABLE) == [key(0), key(2)]
    assert materialized(result, UPSTREAM) == [key(0), key(1), key(2)]
    assert failed_hours(result) == {key(1): "no such column"}


def test_failed_hours_show_as_failed_partitions(run, work, instance):
    """Re-execution from failure and the partition bar ask Dagster which hours are missing."""
    work.errors[(key(1), "schema")] = [StatementRefused("no")]
    run(0, 2)
    status = instance.get_status_by_partition(TABLE, [key(h) for h in range(3)], PARTITIONS)
    assert [status[key(h)].value for h in range(3)] == ["MATERIALIZED", "FAILED", "MATERIALIZED"]


def test_a_blocking_check_keeps_its_hour_out_of_the_table(run, work):
    """The hour is validated and its check recorded; what follows does not run, for that hour only."""
    work.blocked = {key(1)}
    result = run(0, 2)
    assert (key(1), "validated") in work.done
    assert (key(1), "schema") not in work.done
    assert materialized(result, CHECKED) == [key(0), key(1), key(2)]
    assert materialized(result, TABLE) == [key(0), key(2)]
    assert INVALID_SHARE.name in failed_hours(result)[key(1)]


def test_checks_are_evaluated_for_each_partition(run, work, instance):
    """One result for a range says nothing about any hour."""
    work.blocked = {key(1)}
    found = {(e.partition, e.check_name): e for e in evaluations(run(0, 2))}
    assert len(found) == 6
    bad = found[(key(1), INVALID_SHARE.name)]
    assert (bad.passed, bad.severity.value, bad.blocking) == (False, "ERROR", True)
    assert found[(key(0), INVALID_SHARE.name)].passed


def test_an_evaluation_points_at_the_materialization_of_its_hour(run, instance):
    """Without it the UI shows the check as out of date."""
    for evaluation in evaluations(run(0, 1)):
        selected = dg.AssetRecordsFilter(asset_key=CHECKED, asset_partitions=[evaluation.partition])
        [record] = instance.fetch_materializations(selected, limit=1).records
        assert evaluation.target_materialization_data.storage_id == record.storage_id


def test_versions_tell_dagster_what_an_hour_was_made_from(run, instance):
    """A yielded event carries no versions by itself: changed rules would never show as out of date."""
    run(0, 0)
    [record] = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=TABLE, asset_partitions=[key(0)]), limit=1
    ).records
    assert record.asset_materialization is not None
    tags = record.asset_materialization.tags or {}
    assert tags["dagster/code_version"] == "1"
    assert tags["dagster/input_data_version/validated/s"] == f"v-{key(0)}"


def test_transient_errors_are_retried_with_growing_pauses(run, work):
    work.errors[(key(0), "schema")] = [LoadConflict("1023"), LoadConflict("1023")]
    assert run(0, 0).success
    assert work.pauses == [1.0, 2.0]


def test_terminal_errors_are_not_retried(run, work):
    """A retry of what cannot work only makes the failure late."""
    work.errors[(key(0), "schema")] = [StatementRefused("no")]
    assert not run(0, 0).success
    assert work.pauses == []


def test_an_outage_stops_the_run_after_two_hours(run, work):
    """24 hours of retries against a server that is down would take minutes to say so."""
    for hour in range(5):
        work.errors[(key(hour), "landing")] = [LakeUnavailable("S3 is down")] * 3
    result = run(0, 4)
    failed = failed_hours(result)
    assert [failed[key(h)] for h in (0, 1, 2)] == ["S3 is down", "S3 is down", "not attempted"]
    assert len(work.pauses) == 4


def test_an_unreadable_object_is_no_outage(run, work):
    """One object that S3 cannot give out must not stop the hours after it."""
    work.errors[(key(1), "validated")] = [LakeUnavailable("broken object")] * 3
    assert materialized(run(0, 3), TABLE) == [key(0), key(2), key(3)]


def test_what_is_unread_fails_the_hour_after_the_rest_is_loaded(run, work):
    """One object without a right keeps its neighbours out, or nobody hears of it; or it stops the hours after it."""
    for hour in (1, 2):
        work.unread[(key(hour), "validated")] = [LakeUnavailable(f"cannot read {hour}")] * 3
    work.unread[(key(3), "validated")] = [AccessRefused("cannot read 3")]
    result = run(0, 4)
    assert materialized(result, TABLE) == [key(h) for h in range(5)]
    assert failed_hours(result) == {key(h): f"cannot read {h}" for h in (1, 2, 3)}
    assert work.pauses == [1.0, 2.0] * 2


def test_what_is_read_at_another_attempt_is_forgotten(run, work):
    """An hour fails for an object that was loaded."""
    work.unread[(key(0), "validated")] = [LakeUnavailable("slow"), LakeUnavailable("slow")]
    assert run(0, 0).success
    assert work.pauses == [1.0, 2.0]


def test_an_hour_that_fails_otherwise_names_what_is_unread_too(run, work):
    """Who mends the one does not hear of the other; or an earlier attempt's object is named, which was read since."""
    work.unread[(key(0), "validated")] = [LakeUnavailable("slow")]
    work.errors[(key(0), "schema")] = [StatementRefused("no such column")]
    work.unread[(key(1), "validated")] = [AccessRefused("cannot read it")]
    work.errors[(key(1), "schema")] = [StatementRefused("no such column")]
    result = run(0, 1)
    assert materialized(result, TABLE) == []
    assert failed_hours(result) == {
        key(0): "no such column",
        key(1): "no such column; cannot read it",
    }


def test_a_bug_in_one_hour_costs_no_other(run, work):
    """Also what nobody foresaw fails alone."""
    work.errors[(key(1), "validated")] = [ZeroDivisionError("division by zero")]
    result = run(0, 2)
    assert materialized(result, TABLE) == [key(0), key(2)]
    assert "ZeroDivisionError" in failed_hours(result)[key(1)]


def test_a_single_asset_can_be_materialized_alone(run, work):
    """The UI's button on one asset runs that step only."""
    assert run(0, 0, [CHECKED]).success
    assert work.done == [(key(0), "validated")]


def test_a_check_can_be_evaluated_alone(run, work):
    """The UI's button on a check judges what is there, and makes nothing."""
    result = run(0, 1, selection=dg.AssetSelection.checks(dg.AssetCheckKey(CHECKED, INVALID_SHARE.name)))
    assert result.success
    assert work.done == []
    assert [(e.partition, e.check_name) for e in evaluations(result)] == [
        (key(0), INVALID_SHARE.name),
        (key(1), INVALID_SHARE.name),
    ]
