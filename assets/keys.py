"""The asset keys of a stream, and its partitions."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from weblogs_platform.core.partitions import PARTITION_FORMAT
from weblogs_platform.core.spec import StreamSpec


@dataclass(frozen=True)
class StreamKeys:
    """The five assets of a stream, in the order of the data. The last one's partitions are hours of events; those
    of the others are landing hours."""

    landing: dg.AssetKey
    validated: dg.AssetKey
    manifest: dg.AssetKey
    table: dg.AssetKey
    event_hours: dg.AssetKey

    @classmethod
    def of(cls, spec: StreamSpec) -> StreamKeys:
        return cls(
            landing=dg.AssetKey(["landing", spec.name]),
            validated=dg.AssetKey(["validated", spec.name]),
            manifest=dg.AssetKey(["manifest", spec.name]),
            table=dg.AssetKey([spec.schema, spec.table]),
            event_hours=dg.AssetKey(["event_hours", spec.name]),
        )

    @property
    def in_order(self) -> tuple[dg.AssetKey, ...]:
        return (self.landing, self.validated, self.manifest, self.table, self.event_hours)


def job_name(spec: StreamSpec) -> str:
    """The job over the assets of a stream, e.g. `load_web_logs`."""
    return f"load_{spec.name}"


def hourly_partitions(spec: StreamSpec) -> dg.HourlyPartitionsDefinition:
    """UTC hours from the spec's first one to the running one, which Firehose is still writing."""
    return dg.HourlyPartitionsDefinition(
        start_date=spec.first_hour.start, timezone="UTC", fmt=PARTITION_FORMAT, end_offset=1
    )
