"""The keys and partitions of assets: those of a stream, and those of derived tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from weblogs_platform.core.derived import DerivedTable, Grain
from weblogs_platform.core.partitions import PARTITION_FORMAT
from weblogs_platform.core.spec import StreamSpec

PERIOD_FORMATS: dict[Grain, str] = {"hour": PARTITION_FORMAT, "day": "%Y-%m-%d"}
"""Dagster's default formats of partition keys."""


@dataclass(frozen=True)
class StreamKeys:
    """The six assets of a stream, in the order of the data. The partitions of `event_hours` are hours of events;
    those of the others are landing hours."""

    landing: dg.AssetKey
    validated: dg.AssetKey
    manifest: dg.AssetKey
    table: dg.AssetKey
    event_hours: dg.AssetKey
    quarantine: dg.AssetKey

    @classmethod
    def of(cls, spec: StreamSpec) -> StreamKeys:
        return cls(
            landing=dg.AssetKey(["landing", spec.name]),
            validated=dg.AssetKey(["validated", spec.name]),
            manifest=dg.AssetKey(["manifest", spec.name]),
            table=dg.AssetKey([spec.schema, spec.table]),
            event_hours=dg.AssetKey(["event_hours", spec.name]),
            quarantine=dg.AssetKey(["quarantine", spec.name]),
        )

    @property
    def in_order(self) -> tuple[dg.AssetKey, ...]:
        return (self.landing, self.validated, self.manifest, self.table, self.event_hours, self.quarantine)


def job_name(spec: StreamSpec) -> str:
    """The job over the assets of a stream, e.g. `load_web_logs`."""
    return f"load_{spec.name}"


def hourly_partitions(spec: StreamSpec) -> dg.HourlyPartitionsDefinition:
    """UTC hours from the spec's first one to the running one, which is still being delivered."""
    return dg.HourlyPartitionsDefinition(
        start_date=spec.first_hour.start, timezone="UTC", fmt=PARTITION_FORMAT, end_offset=1
    )


def lakehouse_key(spec: StreamSpec) -> dg.AssetKey:
    """The copy of the stream table, hour by hour."""
    return dg.AssetKey(["lakehouse", spec.name])


def maintenance_key(spec: StreamSpec) -> dg.AssetKey:
    """The care for the copy as a whole."""
    return dg.AssetKey(["lakehouse_maintenance", spec.name])


def lakehouse_job_name(spec: StreamSpec) -> str:
    """The job over the copy of a stream, e.g. `lakehouse_web_logs`."""
    return f"lakehouse_{spec.name}"


def derived_key(table: DerivedTable) -> dg.AssetKey:
    """A derived table's asset is named as the table is."""
    return dg.AssetKey([table.schema, table.name])


def refresh_step(table_name: str) -> str:
    """The op that makes a derived table."""
    return f"refresh_{table_name}"


def refresh_job_name(grain: Grain) -> str:
    """The job over all derived tables of a grain, e.g. `refresh_days`."""
    return f"refresh_{grain}s"


def derived_partitions(grain: Grain, streams: Sequence[StreamSpec]) -> dg.TimeWindowPartitionsDefinition:
    """UTC hours or days of events, from the first partition of the streams to the running one."""
    kind = dg.HourlyPartitionsDefinition if grain == "hour" else dg.DailyPartitionsDefinition
    return kind(
        start_date=min(s.first_hour for s in streams).start,
        timezone="UTC",
        fmt=PERIOD_FORMATS[grain],
        end_offset=1,
    )
