"""Runs of a stream's job in this process: for the command line, and for whoever has no Dagster daemon.

The runs are those that the UI would start: the same job, events and checks. They are recorded in the instance
that is given. Deliberately absent: queueing; whoever calls this waits.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from assets.automation.runs import range_tags
from assets.keys import StreamKeys, job_name
from assets.partition_runs import FAILED_HOURS
from assets.sqlite_storage import kept_open
from assets.streams import HOURS_PER_RUN
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

QUARANTINED = "quarantined: "
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class LoadedHours:
    """What runs over one stream came to. `counts` are those of the table asset (files, records, loaded,
    rows_loaded_now, quarantined) and `duplicates`; `failed` is {partition key: why}."""

    spec: StreamSpec
    hours: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    failed: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, made: dg.AssetMaterialization) -> bool:
        """Adds one materialization; whether it completed an hour."""
        keys = StreamKeys.of(self.spec)
        numbers = {k: v.value for k, v in made.metadata.items() if isinstance(v, dg.IntMetadataValue)}
        if made.asset_key == keys.validated:
            self.counts["duplicates"] += numbers.get("duplicates") or 0
            found = {k.removeprefix(QUARANTINED): v for k, v in numbers.items() if k.startswith(QUARANTINED)}
            self.reasons.update({reason: count or 0 for reason, count in found.items()})
        if made.asset_key != keys.table:
            return False
        self.hours += 1
        for name in ("files", "records", "loaded", "rows_loaded_now", "quarantined"):
            self.counts[name] += numbers.get(name) or 0
        return True


@contextmanager
def instance_at(home: Path | None) -> Iterator[dg.DagsterInstance]:
    """The instance of that folder (one with a dagster.yaml), else one that forgets."""
    known = home is not None and (home / "dagster.yaml").is_file()
    instance = dg.DagsterInstance.from_config(str(home)) if known else dg.DagsterInstance.ephemeral()
    with kept_open(), instance:
        yield instance


def load_hours(
    definitions: dg.Definitions,
    spec: StreamSpec,
    hours: Sequence[LandingHour],
    instance: dg.DagsterInstance,
    on_hour: Callable[[], None],
) -> LoadedHours:
    """Loads contiguous hours, 24 a run; `on_hour` is called after each that is loaded. Failures are returned."""
    total = LoadedHours(spec)
    for at in range(0, len(hours), HOURS_PER_RUN):
        _run(definitions, total, hours[at : at + HOURS_PER_RUN], instance, on_hour)
    return total


def _run(
    definitions: dg.Definitions,
    total: LoadedHours,
    hours: Sequence[LandingHour],
    instance: dg.DagsterInstance,
    on_hour: Callable[[], None],
) -> None:
    done: set[str] = set()

    def take(entry: dg.EventLogEntry) -> None:
        made = entry.asset_materialization
        if made is not None and made.partition is not None and total.take(made):
            done.add(made.partition)
            on_hour()

    job = definitions.resolve_job_def(job_name(total.spec))
    result = execute(job, instance, range_tags(hours), take)
    if not result.success:
        named = _failed_hours(result)
        missing = [h.partition_key for h in hours if h.partition_key not in done]
        total.failed |= dict.fromkeys(missing, first_error(result)) | dict(named)


def execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
    take: Callable[[dg.EventLogEntry], None],
) -> dg.ExecuteInProcessResult:
    """One quiet run in this process; `take` is given its events as they happen. A failure is in the result.

    Raises KeyboardInterrupt when it was interrupted.
    """
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, take)
    result = job.execute_in_process(
        instance=instance, run_id=run_id, tags=tags, run_config=_QUIET, raise_on_error=False
    )
    if _was_interrupted(result):
        raise KeyboardInterrupt
    return result


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Dagster takes Ctrl-C for the failure of a step; the runs after it would go on."""
    errors = [event.step_failure_data.error for event in result.get_step_failure_events()]
    return any(e is not None and e.cls_name == dg.DagsterExecutionInterruptedError.__name__ for e in errors)


def _failed_hours(result: dg.ExecuteInProcessResult) -> Mapping[str, str]:
    for event in result.get_step_failure_events():
        failure = event.step_failure_data.user_failure_data
        named = failure.metadata.get(FAILED_HOURS) if failure else None
        if isinstance(named, dg.JsonMetadataValue) and isinstance(named.data, Mapping):
            return named.data
    return {}


def errors_by_step(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Why steps of a run failed, each in one line."""
    found: dict[str, str] = {}
    for event in result.get_step_failure_events():
        data = event.step_failure_data
        said = data.user_failure_data.description if data.user_failure_data else None
        error = data.error.message.strip().splitlines()[-1] if data.error else "no reason given"
        found[event.step_key or ""] = said or error
    return found


def first_error(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed, in one line."""
    return next(iter(errors_by_step(result).values()), "the run failed before it began")
