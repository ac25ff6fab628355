"""The load of an hour: one transaction that looks at the ledger, copies, counts and records.

Everything that makes the load exactly-once is in `load_hour`, in this order: take the lock, read what is
loaded, plan, COPY into staging, compare the counts, insert, record every object, commit. Whoever comes second
waits for the lock and then finds nothing to do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.errors import CountMismatch
from weblogs_platform.core.keys import jsonpaths_key
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile, LoadPlan, plan_load
from weblogs_platform.core.report import FileReport
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import (
    Copy,
    CountHour,
    CreateStaging,
    DeleteHour,
    DropStaging,
    InsertFromStaging,
    LockLoads,
    RecordLoads,
    SupersedeHour,
    flattened,
)
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.ledger import read_hour
from weblogs_platform.pipeline.manifest import ManifestRef, write_manifests
from weblogs_platform.pipeline.validate import read_report

_LEDGER_BATCH = 200


@dataclass(frozen=True)
class LoadOutcome:
    """What one load did. `ledger` and `table_rows` are the hour's state that was committed."""

    action: str
    rows_loaded: int
    rows_deleted: int
    plan: LoadPlan
    manifest_keys: tuple[str, ...]
    ledger: tuple[LoadedFile, ...]
    table_rows: int
    seconds: float


def load_hour(
    lake: Lake, warehouse: Warehouse, spec: StreamSpec, hour: LandingHour, *, run_id: str
) -> LoadOutcome:
    """Brings the stream table and the ledger to what the hour's report says; does nothing when they are there.

    Raises HourNotValidated, HourNotReplaceable, CountMismatch (all rolled back) and the clients' errors.
    """
    began = time.monotonic()
    report = read_report(lake, spec, hour)
    with warehouse.transaction() as tx:
        tx.execute(LockLoads())
        before = read_hour(tx, spec, hour)
        plan = plan_load(
            listed=list_hour(lake, spec, hour), report=report, loaded=before, on_vanished=spec.on_vanished
        )
        manifests = write_manifests(lake, spec, hour, plan.files)
        deleted = _delete_hour(tx, spec, hour) if plan.action == "replace" else 0
        loaded = sum(_load_manifest(tx, warehouse, lake, spec, hour, manifest) for manifest in manifests)
        _record(tx, spec, hour, plan.files, manifests, run_id)
        after = read_hour(tx, spec, hour)
        table_rows = _count(tx, spec, hour)
        _compare(spec, hour, "rows in the table", table_rows, sum(f.loaded for f in after))
    return LoadOutcome(
        action=plan.action,
        rows_loaded=loaded,
        rows_deleted=deleted,
        plan=plan,
        manifest_keys=tuple(m.key for m in manifests),
        ledger=after,
        table_rows=table_rows,
        seconds=time.monotonic() - began,
    )


def _delete_hour(tx: Transaction, spec: StreamSpec, hour: LandingHour) -> int:
    rows = _count(tx, spec, hour)
    tx.execute(DeleteHour(spec), (hour.sql,))
    tx.execute(SupersedeHour(), (spec.name, hour.sql))
    return rows


def _load_manifest(
    tx: Transaction,
    warehouse: Warehouse,
    lake: Lake,
    spec: StreamSpec,
    hour: LandingHour,
    manifest: ManifestRef,
) -> int:
    copy = Copy(
        spec=spec,
        manifest_url=lake.url(manifest.key),
        jsonpaths_url=lake.url(jsonpaths_key(spec.name)),
        role_arn=warehouse.copy_role_arn,
        region=warehouse.region,
        compression=manifest.compression,
    )
    tx.execute(CreateStaging(spec))
    tx.execute(copy)
    [(rows,)] = tx.fetch_all("SELECT pg_last_copy_count()")
    _compare(spec, hour, f"rows loaded by COPY from {lake.url(manifest.key)}", int(rows), manifest.rows)
    tx.execute(InsertFromStaging(spec), (hour.sql,))
    tx.execute(DropStaging())
    return int(rows)


def _record(
    tx: Transaction,
    spec: StreamSpec,
    hour: LandingHour,
    files: tuple[FileReport, ...],
    manifests: tuple[ManifestRef, ...],
    run_id: str,
) -> None:
    keys = {m.compression: m.key for m in manifests}
    rows = [
        _ledger_row(spec, hour, f, keys.get(f.load_compression) if f.load_key else None, run_id)
        for f in files
    ]
    for at in range(0, len(rows), _LEDGER_BATCH):
        batch = rows[at : at + _LEDGER_BATCH]
        tx.execute(RecordLoads(len(batch)), flattened(batch))


def _ledger_row(
    spec: StreamSpec, hour: LandingHour, f: FileReport, manifest_key: str | None, run_id: str
) -> tuple[object, ...]:
    return (
        spec.name, hour.sql, f.source.key, f.source.etag, f.source.size_bytes, f.records, f.good, f.bad, 0,
        sum(f.truncated.values()), f.rules, f.load_key, f.invalid_key, manifest_key, run_id,
    )  # fmt: skip


def _count(tx: Transaction, spec: StreamSpec, hour: LandingHour) -> int:
    [(rows,)] = tx.fetch_all(CountHour(spec), (hour.sql,))
    return int(rows)


def _compare(spec: StreamSpec, hour: LandingHour, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise CountMismatch(
            f"{spec.name} {hour.partition_key}: {found} {what}, expected {expected}; nothing was committed"
        )
