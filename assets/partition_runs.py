"""One run over many hours: each on its own, all the way, recorded as it happens.

An hour that fails is named at the end and costs no other hour anything: the others are committed, recorded and
checked, and re-executing the run does again only what is missing. An object that cannot be read fails its hour after
the rest of the hour was loaded. After two hours in a row that could not reach S3 or Redshift the run stops, because the
next ones could not either.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import dagster as dg

from assets.checks import CheckOutcome
from assets.events import PartitionEvents
from assets.hour_steps import Step, StepResult
from assets.retry import Backoff
from weblogs_platform.core import failpoints
from weblogs_platform.core.errors import (
    HourBlocked,
    LakeUnavailable,
    Transient,
    WarehouseUnavailable,
    WeblogsError,
    one_line,
)
from weblogs_platform.core.partitions import LandingHour

OUTAGE_HOURS = 2
"""Hours in a row without S3 or Redshift, after which a run gives up."""

MAX_FRAMES = 8
"""Places that an unexpected error is told with."""

FAILED_HOURS = "failed_hours"
"""The metadata of the failure: {partition key: why}."""

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation


@dataclass
class PartitionRun:
    """Runs `steps_of(hour)`, an ordered mapping from asset to step, for each partition of the context."""

    context: dg.AssetExecutionContext
    steps_of: Callable[[LandingHour], Mapping[dg.AssetKey, Step]]
    dependencies: Mapping[dg.AssetKey, tuple[dg.AssetKey, ...]]
    code_versions: Mapping[dg.AssetKey, str | None]
    backoff: Backoff
    _failed: dict[str, str] = field(default_factory=dict, init=False)
    _unread: dict[str, str] = field(default_factory=dict, init=False)
    _outage: int = field(default=0, init=False)

    def events(self) -> Iterator[Event]:
        """The events of every hour, as they happen. Raises dg.Failure naming the hours that failed."""
        partitions = self.context.partition_keys
        for position, partition in enumerate(partitions):
            yield from self._guarded(partition)
            if self._outage == OUTAGE_HOURS:
                self._failed |= dict.fromkeys(partitions[position + 1 :], "not attempted")
                break
        if self._failed:
            raise self._failure(len(partitions))

    def _guarded(self, partition: str) -> Iterator[Event]:
        try:
            yield from self._hour(partition)
            self._outage = 0
            if partition in self._unread:
                self._fail(partition)
        except WeblogsError as error:
            self._outage = (
                self._outage + 1 if isinstance(error, (LakeUnavailable, WarehouseUnavailable)) else 0
            )
            self._fail(partition, str(error))
        except Exception as error:  # noqa: BLE001 - a bug that one hour brings to light must not cost the others theirs
            self._outage = 0
            self._fail(partition, surprise(error))

    def _hour(self, partition: str) -> Iterator[Event]:
        events = PartitionEvents(self.context.instance, partition, self.dependencies, self.code_versions)
        for key, step in self.steps_of(LandingHour.from_partition_key(partition)).items():
            on_retry = partial(self._warn, partition, key)
            if key in self.context.selected_asset_keys:
                failpoints.reach(f"{key.to_user_string()}:begins")
                result = self._made(step, on_retry)
                if result.unread:
                    self._unread[partition] = str(result.unread)
                failpoints.reach(f"{key.to_user_string()}:made")
                yield events.materialization(key, result.metadata, result.data_version)
                for other, metadata in result.others.items():
                    yield events.elsewhere(key, other, metadata, result.data_version)
                failpoints.reach(f"{key.to_user_string()}:recorded")
                yield from self._evaluations(events, key, result.checks)
            elif self._selected_checks(key):
                yield from self._evaluations(events, key, self.backoff.call(step.judge, on_retry))

    def _made(self, step: Step, on_retry: Callable[[Transient, float], None]) -> StepResult:
        """What the step made. It is tried again while something is unread that may be read at another attempt."""
        latest: StepResult | None = None

        def attempt() -> StepResult:
            nonlocal latest
            latest = None
            latest = step.make()
            if isinstance(latest.unread, Transient):
                raise latest.unread
            return latest

        try:
            return self.backoff.call(attempt, on_retry)
        except Transient:
            if latest is None:
                raise
            return latest

    def _evaluations(
        self, events: PartitionEvents, key: dg.AssetKey, outcomes: Sequence[CheckOutcome]
    ) -> Iterator[Event]:
        selected = self._selected_checks(key)
        yield from (events.evaluation(key, c) for c in outcomes if c.declaration.name in selected)
        for outcome in outcomes:
            if outcome.blocks:
                raise HourBlocked(f"{outcome.declaration.name}: {outcome.summary}")

    def _selected_checks(self, key: dg.AssetKey) -> set[str]:
        return {c.name for c in self.context.selected_asset_check_keys if c.asset_key == key}

    def _warn(self, partition: str, key: dg.AssetKey, error: Transient, delay_secs: float) -> None:
        message = f"{partition}: {key.to_user_string()}: {one_line(str(error))}; again in {delay_secs:g} s"
        self.context.log.warning(message)

    def _fail(self, partition: str, why: str = "") -> None:
        reasons = (why, self._unread.get(partition, ""))
        why = self._failed[partition] = one_line("; ".join(filter(None, reasons)))
        message = f"{partition} failed: {why}"
        self.context.log.error(message)

    def _failure(self, total: int) -> dg.Failure:
        return dg.Failure(
            describe_failures(self._failed, total),
            metadata={FAILED_HOURS: dg.MetadataValue.json(self._failed)},
            allow_retries=False,
        )


def surprise(error: BaseException) -> str:
    """An error that nobody foresaw: its type and the places it came through, innermost last. Never its text, which may
    quote a value of a record."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)
    return f"unexpected {type(error).__name__} at {places}"


def describe_failures(failed: Mapping[str, str], total: int) -> str:
    """One line that names the hours and why, grouped by reason; an outage comes as its reason alone."""
    hours = "hour" if total == 1 else "hours"
    reasons: dict[str, list[str]] = {}
    for partition, why in failed.items():
        reasons.setdefault(why, []).append(partition)
    listed = "; ".join(f"{_span(partitions)}: {why}" for why, partitions in reasons.items())
    return f"{len(failed)} of {total} {hours} failed. {listed}"


def _span(partitions: Sequence[str]) -> str:
    few = ", ".join(partitions[:3])
    return few if len(partitions) <= 3 else f"{few} and {len(partitions) - 3} more"
