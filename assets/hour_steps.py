"""What each asset of a stream does for one hour: call the pipeline, then say what came of it.

The steps share one report: made by `validated` in this run, else the one that stands in the lake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from time import perf_counter

import dagster as dg

from assets.checks import (
    CheckOutcome,
    evaluate_table,
    evaluate_validated,
    invalid_share_within_threshold,
    left_out,
)
from assets.keys import StreamKeys
from assets.metadata import counted, landing_table, paths, report_table, table_lineage
from assets.quarantine import quarantine_metadata, quarantine_stats, quarantine_version
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import HourBlocked, WeblogsError
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.report import HourReport
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import CountHour
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.ledger import last_change, read_hour
from weblogs_platform.pipeline.load import LoadOutcome, load_hour
from weblogs_platform.pipeline.manifest import prepare_hour
from weblogs_platform.pipeline.validate import read_report, validate_readable

INT = dg.MetadataValue.int

MAX_EVENT_HOURS = 200
"""Event hours that one landing hour reports beside its own. What a clock gone wild scatters over years is in the
warehouse's ledger too, from which the reconcile of the derived tables works."""


@dataclass(frozen=True)
class StepResult:
    """What a step made of an hour. `data_version` changes when the content does. `others` are further partitions
    of the asset that the step made on the way, with their metadata and the same data version. `unread`: why the step left
    a part of the hour out; what follows is made of the rest, and then the hour fails."""

    metadata: Mapping[str, dg.MetadataValue]
    data_version: str
    checks: tuple[CheckOutcome, ...] = ()
    others: Mapping[str, Mapping[str, dg.MetadataValue]] = field(default_factory=dict)
    unread: WeblogsError | None = None


def _no_checks() -> tuple[CheckOutcome, ...]:
    return ()


@dataclass(frozen=True)
class Step:
    """What one asset does for one hour: make it, or only judge again what is there."""

    make: Callable[[], StepResult]
    judge: Callable[[], tuple[CheckOutcome, ...]] = _no_checks


@dataclass
class HourSteps:
    """The steps of one stream and hour, in order; each may be run without those before it."""

    spec: StreamSpec
    lake: Lake
    warehouse: Warehouse
    hour: LandingHour
    run_id: str
    _validated: HourReport | None = field(default=None, init=False)
    _loaded: LoadOutcome | None = field(default=None, init=False)

    @cached_property
    def by_asset(self) -> dict[dg.AssetKey, Step]:
        steps = (
            Step(_timed(self.landing)),
            Step(_timed(self.validated), self.judge_validated),
            Step(_timed(self.manifest)),
            Step(_timed(self.table), self.judge_table),
            Step(_timed(self.event_hours)),
            Step(_timed(self.quarantine)),
        )
        return dict(zip(StreamKeys.of(self.spec).in_order, steps, strict=True))

    def landing(self) -> StepResult:
        objects = list_hour(self.lake, self.spec, self.hour)
        metadata = {
            "files": INT(len(objects)),
            "bytes": INT(sum(o.size_bytes for o in objects)),
            "prefix": dg.MetadataValue.path(self.lake.url(self.spec.landing_hour_prefix(self.hour))),
            "objects": landing_table(self.lake, objects),
        }
        return StepResult(metadata, _digest(part for o in objects for part in o.identity))

    def validated(self) -> StepResult:
        validation = validate_readable(self.lake, self.spec, self.hour)
        report = self._validated = validation.report
        metadata = {
            "files": INT(len(report.files)),
            "files_unread": INT(len(validation.errors)),
            "bytes": INT(report.source_bytes),
            "data_bytes": INT(report.data_bytes),
            "records": INT(report.records),
            "good": INT(report.good),
            "quarantined": INT(report.bad),
            **counted("quarantined", report.reasons),
            "conformed": INT(report.conformed),
            "duplicates": INT(report.duplicates),
            "objects": report_table(self.lake, report),
        }
        version = _digest([report.to_bytes().decode()])
        return StepResult(metadata, version, evaluate_validated(self.spec, report), unread=validation.unread)

    def manifest(self) -> StepResult:
        report = self._refuse_blocked()
        prepared = prepare_hour(self.lake, self.warehouse, self.spec, self.hour, report=report)
        metadata = {
            "action": dg.MetadataValue.text(prepared.plan.action),
            "files": INT(sum(len(m.urls) for m in prepared.manifests)),
            "rows": INT(prepared.plan.rows),
            "manifests": paths(self.lake, (m.key for m in prepared.manifests)),
        }
        return StepResult(metadata, _digest(m.key for m in prepared.manifests))

    def table(self) -> StepResult:
        report = self._refuse_blocked()
        outcome = load_hour(
            self.lake, self.warehouse, self.spec, self.hour, run_id=self.run_id, report=report
        )
        self._loaded = outcome
        metadata = {
            "dagster/partition_row_count": INT(outcome.table_rows),
            "dagster/column_lineage": table_lineage(self.spec, StreamKeys.of(self.spec)),
            "action": dg.MetadataValue.text(outcome.action),
            "files": INT(len(outcome.ledger)),
            "records": INT(sum(line.records for line in outcome.ledger)),
            "loaded": INT(sum(line.loaded for line in outcome.ledger)),
            "quarantined": INT(sum(line.quarantined for line in outcome.ledger)),
            "duplicates_dropped": INT(sum(line.duplicates for line in outcome.ledger)),
            "objects_rewritten_now": INT(len(outcome.plan.rewritten)),
            "rewritten_left_out": INT(len(left_out(outcome.ledger))),
            "rows_loaded_now": INT(outcome.rows_loaded),
            "rows_deleted_now": INT(outcome.rows_deleted),
            "manifests": paths(self.lake, outcome.manifest_keys),
        }
        checks = evaluate_table(self.spec, report, outcome.ledger, outcome.table_rows)
        version = _digest(part for line in outcome.ledger for part in (line.key, line.etag))
        return StepResult(metadata, version, checks)

    def event_hours(self) -> StepResult:
        """The hour itself, as the ledger has it, and every other event hour that this run's load changed."""
        changed = self._loaded.changed_hours if self._loaded else {}
        shown = sorted(h for h in changed if h != self.hour and self._is_partition(h))[:MAX_EVENT_HOURS]
        metadata = {
            "rows_changed": INT(changed.get(self.hour, 0)),
            "event_hours_changed": INT(len(changed)),
            "event_hours_outside_partitions": INT(sum(not self._is_partition(h) for h in changed)),
        }
        others = {h.partition_key: {"rows_changed": INT(changed[h])} for h in shown}
        version = str(last_change(self.warehouse, self.spec, self.hour))
        return StepResult(metadata, version, others=others)

    def quarantine(self) -> StepResult:
        stats = quarantine_stats(self.lake, self.warehouse, self.spec, self.hour)
        return StepResult(quarantine_metadata(stats), quarantine_version(stats))

    def _is_partition(self, hour: LandingHour) -> bool:
        return self.spec.first_hour <= hour <= LandingHour.containing(datetime.now(UTC))

    def judge_validated(self) -> tuple[CheckOutcome, ...]:
        return evaluate_validated(self.spec, read_report(self.lake, self.spec, self.hour))

    def judge_table(self) -> tuple[CheckOutcome, ...]:
        report = read_report(self.lake, self.spec, self.hour)
        with self.warehouse.transaction() as tx:
            [(table_rows,)] = tx.fetch_all(CountHour(self.spec), (self.hour.sql,))
            return evaluate_table(self.spec, report, read_hour(tx, self.spec, self.hour), int(table_rows))

    def _refuse_blocked(self) -> HourReport:
        report = self._validated or read_report(self.lake, self.spec, self.hour)
        verdict = invalid_share_within_threshold(self.spec, report)
        if verdict.blocks:
            raise HourBlocked(f"{verdict.declaration.name}: {verdict.summary}")
        return report


def _timed(make: Callable[[], StepResult]) -> Callable[[], StepResult]:
    def timed() -> StepResult:
        started = perf_counter()
        result = make()
        seconds = dg.MetadataValue.float(round(perf_counter() - started, 3))
        return replace(result, metadata={**result.metadata, "seconds": seconds})

    return timed


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
