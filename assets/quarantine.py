"""Quarantine in Dagster: what the asset `quarantine/<stream>` shows of an hour, and the job `replay`.

The asset only looks: each load makes it, and its hours can be materialized alone to see reasons and age over time. The
job takes its parameters in the launchpad; it records the event hours that it changed, so that the derived tables follow, and the
hours of the quarantine. Edited exports and discards are a person's: `weblogs quarantine`.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of an op's parameters as they are.

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import dagster as dg
from pydantic import Field

from assets.events import PartitionEvents
from assets.keys import StreamKeys
from assets.metadata import counted
from assets.retry import Backoff
from resources import LakeResource, RedshiftResource
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import InvalidName, Transient, WeblogsError
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import Selection
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.ledger import last_change
from weblogs_platform.pipeline.quarantine import HourStats, quarantined_files, stats_of
from weblogs_platform.pipeline.replay import Decision, Replay, ReplayOutcome, replay_hour
from weblogs_platform.repairs import REPAIRS, repair_named

REPLAY_JOB = "replay"

_INT = dg.MetadataValue.int
T = TypeVar("T")


class ReplayConfig(dg.Config):
    """What the launchpad asks for."""

    stream: str = Field(description="The stream, such as web_logs.")
    first: str = Field(description="First landing hour, UTC: 2025-07-20T10.")
    end: str = Field(description="The landing hour after the last one: 2025-07-20T11.")
    reasons: list[str] = Field(
        default=[],
        description="Only records bad for one of these: null_required:user_id, or null_required. Without any, all.",
    )
    repair: str = Field(
        default="",
        description="Repair them first: "
        + ", ".join(f"{r.name} ({'; '.join(r.streams)})" for r in REPAIRS)
        + ". Empty: as they are, for the rules have changed.",
    )
    who: str = Field(default="", description="Who wants it; receipts keep it.")
    dry_run: bool = Field(default=False, description="Only say what would come of it.")


def replay_job(*, streams: Sequence[StreamSpec], backoff: Backoff) -> dg.JobDefinition:
    """Repairs and replays quarantined records of one stream."""

    @dg.op(
        name="replay_records", description="Judges quarantined records again, and loads the good ones once."
    )
    def replay_records(
        context: dg.OpExecutionContext, config: ReplayConfig, lake: LakeResource, redshift: RedshiftResource
    ) -> None:
        s3, warehouse = lake.lake(), redshift.warehouse()
        try:
            spec, hours, how = _asked(config, streams)
            files = quarantined_files(warehouse, spec, hours[0], hours[1])
        except WeblogsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        total = ReplayOutcome()
        for hour in sorted({file.hour for file in files if file.open}):
            total.add(_replayed(context, backoff, s3, warehouse, spec, hour, how))
        context.add_output_metadata(_metadata(total, dry_run=how.dry_run))

    @dg.job(name=REPLAY_JOB, description=_JOB)
    def replay() -> None:
        replay_records()

    return replay


def _asked(
    config: ReplayConfig, streams: Sequence[StreamSpec]
) -> tuple[StreamSpec, tuple[LandingHour, LandingHour], Replay]:
    named = {spec.name: spec for spec in streams}
    if config.stream not in named:
        raise InvalidName(f"no stream {config.stream!r}; there are: {', '.join(named)}")
    spec = named[config.stream]
    first, end = LandingHour.from_argument(config.first), LandingHour.from_argument(config.end)
    if end <= first:
        raise InvalidName(f"end, {end.partition_key}, is not after first, {first.partition_key}")
    how = Replay(
        selection=Selection(frozenset(config.reasons)),
        repair=repair_named(config.repair, spec) if config.repair else None,
        decision=Decision(who=config.who or None),
        dry_run=config.dry_run,
    )
    return spec, (first, end), how


def _replayed(
    context: dg.OpExecutionContext,
    backoff: Backoff,
    lake: Lake,
    warehouse: Warehouse,
    spec: StreamSpec,
    hour: LandingHour,
    how: Replay,
) -> ReplayOutcome:
    """One hour, and its events. What was loaded before an error is loaded; the next run does the rest."""
    run_id = context.run_id
    outcome = _retried(context, backoff, lambda: replay_hour(lake, warehouse, spec, hour, how, run_id=run_id))
    if how.dry_run:
        return outcome
    # After a retry the outcome may not tell what an earlier attempt changed; the reconcile of the derived tables does.
    key, last = StreamKeys.of(spec).event_hours, LandingHour.containing(datetime.now(UTC))
    for changed, rows in sorted(outcome.changed_hours.items()):
        if spec.first_hour <= changed <= last:
            events = PartitionEvents(context.instance, changed.partition_key, {}, {})
            version = str(last_change(warehouse, spec, changed))
            context.log_event(events.materialization(key, {"rows_changed": _INT(rows)}, version))
    stats = _retried(context, backoff, lambda: quarantine_stats(lake, warehouse, spec, hour))
    context.log_event(_shown(context.instance, spec, hour, stats))
    return outcome


def quarantine_stats(lake: Lake, warehouse: Warehouse, spec: StreamSpec, hour: LandingHour) -> HourStats:
    """What is in quarantine of one landing hour now."""
    return stats_of(lake, quarantined_files(warehouse, spec, hour, hour.plus(1)))


def quarantine_metadata(stats: HourStats) -> dict[str, dg.MetadataValue]:
    """The numbers of one hour, those of reasons each to plot, and since when the oldest waits."""
    metadata: dict[str, dg.MetadataValue] = {
        "open": _INT(stats.open),
        "replayed": _INT(stats.replayed),
        "discarded": _INT(stats.discarded),
        **counted("open", stats.reasons),
    }
    if stats.oldest is not None:
        oldest = stats.oldest.replace(tzinfo=UTC)
        hours = (datetime.now(UTC) - oldest).total_seconds() / 3600
        metadata["oldest_age_hours"] = dg.MetadataValue.float(round(hours, 2))
        metadata["oldest_first_seen"] = dg.MetadataValue.timestamp(oldest)
    return metadata


def quarantine_version(stats: HourStats) -> str:
    """Changes when records come, are replayed or discarded."""
    return f"{stats.open}/{stats.replayed}/{stats.discarded}"


def _shown(
    instance: dg.DagsterInstance, spec: StreamSpec, hour: LandingHour, stats: HourStats
) -> dg.AssetMaterialization:
    key = StreamKeys.of(spec).quarantine
    events = PartitionEvents(instance, hour.partition_key, {}, {key: spec.rules_digest})
    return events.materialization(key, quarantine_metadata(stats), quarantine_version(stats))


def _metadata(total: ReplayOutcome, *, dry_run: bool) -> Mapping[str, dg.MetadataValue]:
    places = [
        dg.TableRecord({"offset": place.offset, "reasons": ", ".join(reasons), "object": place.key})
        for place, reasons in total.places
    ]
    return {
        "dry_run": dg.MetadataValue.bool(dry_run),
        "replayed": _INT(total.replayed),
        "still_bad": _INT(total.still_bad),
        "done_by_others": _INT(total.already),
        "event_hours_changed": _INT(len(total.changed_hours)),
        **counted("still bad", Counter(total.reasons)),
        **({"places": dg.MetadataValue.table(places)} if places else {}),
    }


def _retried(context: dg.OpExecutionContext, backoff: Backoff, work: Callable[[], T]) -> T:
    def warn(error: Transient, delay: float) -> None:
        context.log.warning("%s; again in %s s", error, delay)

    try:
        return backoff.call(work, warn)
    except WeblogsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


_JOB = """Judges quarantined records again, as a repair makes them or as they are, and loads the good ones, once, with a
receipt for each. What is still bad stays, with its new reasons told by place. The derived tables follow."""
