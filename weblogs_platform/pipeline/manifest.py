"""What COPY shall read: the plan of an hour as manifests in S3, immutable and content-addressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core import failpoints
from weblogs_platform.core.keys import DerivedKey, Zone
from weblogs_platform.core.manifest import manifests_for
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadPlan, plan_load
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.ledger import loaded_hour
from weblogs_platform.pipeline.validate import read_report


@dataclass(frozen=True)
class ManifestRef:
    """A manifest in S3: `rows` is what COPY has to load from the objects at `urls`."""

    key: str
    compression: str
    rows: int
    urls: tuple[str, ...]


@dataclass(frozen=True)
class PreparedLoad:
    """The plan of an hour as things stand now, and the manifests it needs."""

    plan: LoadPlan
    manifests: tuple[ManifestRef, ...]


def prepare_hour(
    lake: Lake,
    warehouse: Warehouse,
    spec: StreamSpec,
    hour: LandingHour,
    *,
    report: HourReport | None = None,
) -> PreparedLoad:
    """Plans the hour, from `report` or the one in the lake, and writes its manifests. The load plans again under its lock
    and decides.

    Raises HourNotValidated, HourNotReplaceable and the clients' errors.
    """
    plan = plan_load(
        listed=list_hour(lake, spec, hour),
        report=report or read_report(lake, spec, hour),
        loaded=loaded_hour(warehouse, spec, hour),
        on_vanished=spec.on_vanished,
        on_rewritten=spec.on_rewritten,
    )
    failpoints.reach("manifest:planned")
    return PreparedLoad(plan, write_manifests(lake, spec, hour, plan.files))


def write_manifests(
    lake: Lake, spec: StreamSpec, hour: LandingHour, files: Sequence[FileReport]
) -> tuple[ManifestRef, ...]:
    """Writes the manifests of these files unless they are there; the same files give the same manifests."""
    written: list[ManifestRef] = []
    for manifest in manifests_for(lake.bucket, files, each=spec.duplicates == "drop"):
        body = manifest.to_bytes()
        key = str(DerivedKey.of_content(Zone.MANIFESTS, spec.name, hour, manifest.compression, body))
        if not lake.exists(key):
            failpoints.reach("manifest:made")
            lake.put(key, body)
            failpoints.reach("manifest:written")
        written.append(
            ManifestRef(key, manifest.compression, manifest.rows, tuple(e.url for e in manifest.entries))
        )
    return tuple(written)
