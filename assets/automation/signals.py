"""What finished runs say about their steps and checks, partition by partition, read from Dagster's event log.

A step of a run over many hours fails for those that it names, and is well for the others. An hour that a blocking check
kept out is the check's trouble, not a second one of the run. Runs that a person cancelled say nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import cast

import dagster as dg

from assets.automation.runs import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG, hours_of
from assets.keys import StreamKeys
from assets.partition_runs import FAILED_HOURS
from weblogs_platform.core.alerts import RUN, Signal, short_name, without_values
from weblogs_platform.core.spec import StreamSpec

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_WANTED = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}
_PAGE = 1000
_MAX_DAYS = 5000
BROKE_OFF = "the run broke off outside of its steps"


def finished_since(
    instance: dg.DagsterInstance, after: datetime, seen: Collection[str], limit: int
) -> list[dg.RunRecord]:
    """Runs that ended (or were touched) after a moment and are not among the seen, oldest first, at most so many."""
    records = instance.get_run_records(
        filters=dg.RunsFilter(statuses=_ENDED, updated_after=after),
        limit=limit + len(seen),
        order_by="update_timestamp",
        ascending=True,
    )
    return [record for record in records if record.dagster_run.run_id not in seen][:limit]


def signals_of(
    instance: dg.DagsterInstance, record: dg.RunRecord, streams: Sequence[StreamSpec]
) -> list[Signal]:
    """What one run says."""
    return list(_Run(instance, record, streams).signals())


class _Run:
    """One finished run with the events that say something."""

    def __init__(
        self, instance: dg.DagsterInstance, record: dg.RunRecord, streams: Sequence[StreamSpec]
    ) -> None:
        self.run = record.dagster_run
        updated = record.update_timestamp.astimezone(UTC)
        self.ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else updated
        self.partitions = partition_keys(self.run.tags)
        self.tables = {spec.name: StreamKeys.of(spec).table for spec in streams}
        self.events = list(_events(instance, self.run.run_id))

    def signals(self) -> Iterator[Signal]:
        blocked: set[str] = set()
        for at, event in self.events:
            if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                if evaluation.blocking and not evaluation.passed:
                    blocked.add(evaluation.partition or "")
                if evaluation.severity is dg.AssetCheckSeverity.ERROR:
                    yield self._of_check(at, evaluation)
        for _, event in self.events:
            if event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                yield from self._of_step(event, blocked)
        yield from self._of_run()

    def _of_check(self, at: datetime, evaluation: dg.AssetCheckEvaluation) -> Signal:
        trouble = None if evaluation.passed else without_values(evaluation.description or "it did not pass")
        asset = short_name(evaluation.asset_key.to_user_string())
        partition = short_name(evaluation.partition or "")
        return Signal(short_name(evaluation.check_name), asset, partition, at, trouble, self.run.run_id)

    def _of_step(self, event: dg.DagsterEvent, blocked: Collection[str]) -> Iterator[Signal]:
        step = str(event.step_key)
        failed = self._failed(event) if event.event_type is dg.DagsterEventType.STEP_FAILURE else {}
        for partition in self.partitions:
            why = failed.get(partition)
            if why is None and self._is_whole(step):
                yield self._signal(step, partition, None)
            elif why is not None and partition not in blocked:
                yield self._signal(step, partition, why)

    def _of_run(self) -> Iterator[Signal]:
        """The run itself, where it ended outside of its steps; and that it ended well, where it did."""
        failed_step = any(e.event_type is dg.DagsterEventType.STEP_FAILURE for _, e in self.events)
        if not failed_step:
            is_well = self.run.status is dg.DagsterRunStatus.SUCCESS
            for partition in self.partitions:
                yield self._signal(job_of(self.run), partition, None if is_well else BROKE_OFF)

    def _failed(self, event: dg.DagsterEvent) -> dict[str, str]:
        """Why, by partition: of all of the run's, unless the failure names some."""
        data = event.step_failure_data.user_failure_data
        named = data.metadata.get(FAILED_HOURS) if data is not None else None
        if named is not None and isinstance(named.value, Mapping):
            hours = cast("Mapping[str, str]", named.value)
            return {partition: without_values(why) for partition, why in hours.items()}
        return dict.fromkeys(self.partitions, reason_of(event))

    def _is_whole(self, step: str) -> bool:
        """Whether the step's success means that its partition is well: some assets of a stream without its table say
        nothing about it."""
        table, selected = self.tables.get(step), self.run.asset_selection
        return table is None or not selected or table in selected

    def _signal(self, about: str, partition: str, trouble: str | None) -> Signal:
        return Signal(RUN, short_name(about), short_name(partition), self.ended, trouble, self.run.run_id)


def partition_keys(tags: Mapping[str, str]) -> list[str]:
    """The partitions that a run with these tags is about, hours or days; [""] where it has none."""
    if hours := hours_of(tags):
        return [hour.partition_key for hour in sorted(hours)]
    first, last = tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)
    if first is None or last is None:
        return [tags.get(PARTITION_TAG, "")]
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return [f"{first} to {last}"]
    days = min(_MAX_DAYS, (end - start).days + 1)
    return [(start + timedelta(days=day)).isoformat() for day in range(days)]


def reason_of(event: dg.DagsterEvent) -> str:
    """Why a step failed, in a line without values."""
    data = event.step_failure_data
    if data.user_failure_data is not None:
        return without_values(data.user_failure_data.description or "no reason was given")
    error = data.error and (data.error.cause or data.error)
    return f"unexpected {error.cls_name}" if error and error.cls_name else "no reason was recorded"


def job_of(run: dg.DagsterRun) -> str:
    """The job's name; a run that was asked for by its assets is named by them."""
    if not run.job_name.startswith("__"):
        return run.job_name
    names = sorted(key.to_user_string() for key in run.asset_selection or ()) or [run.job_name]
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _events(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[datetime, dg.DagsterEvent]]:
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=_WANTED, limit=_PAGE)
        for record in page.records:
            event = record.event_log_entry.dagster_event
            if event is not None:
                yield datetime.fromtimestamp(record.timestamp, UTC), event
        cursor = page.cursor
        if not page.has_more:
            return
