"""The load of an hour: one transaction that looks at the ledger, copies, counts and records.

Everything that makes the load exactly-once is in `load_hour`, in this order: take the lock, read what is
loaded, plan, COPY into staging, compare the counts, insert, record every object and the event hours that changed,
list the objects again, commit. Whoever comes second waits for the lock and then finds nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core import failpoints
from weblogs_platform.core.duplicate_statements import (
    FRESH,
    GATHERED,
    CountFresh,
    CreateNumbered,
    DropNumbered,
    Gather,
    KeepFresh,
    StageFresh,
)
from weblogs_platform.core.errors import CountMismatch, ObjectChanged, StatementRefused, one_line
from weblogs_platform.core.keys import LandingObject, jsonpaths_key
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile, LoadPlan, notes_to_write, plan_load
from weblogs_platform.core.replay_statements import DeleteVerdicts, SupersedeReceipts
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import (
    ChangedHours,
    Copy,
    CountHour,
    CreateStaging,
    DeleteHour,
    DeleteReasons,
    DropStaging,
    ForgetRewritten,
    InsertFromStaging,
    LockLoads,
    NextChange,
    NoteRewritten,
    RecordDeletedHours,
    RecordLoads,
    RecordReasons,
    RecordStagedHours,
    SupersedeHour,
)
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.ledger import read_hour
from weblogs_platform.pipeline.manifest import ManifestRef, write_manifests
from weblogs_platform.pipeline.validate import read_report


@dataclass(frozen=True)
class LoadOutcome:
    """What one load did. `ledger` and `table_rows` are the hour's state that was committed.

    changed_hours: event hours whose rows, or the rows of whose entities, came or went, with how many rows did.
    """

    action: str
    rows_loaded: int
    rows_deleted: int
    plan: LoadPlan
    manifest_keys: tuple[str, ...]
    ledger: tuple[LoadedFile, ...]
    table_rows: int
    changed_hours: Mapping[LandingHour, int]
    seconds: float


@dataclass(frozen=True)
class HourLoad:
    """One load, or replay, inside its transaction. `change_no` numbers what it changes in the table."""

    lake: Lake
    warehouse: Warehouse
    tx: Transaction
    spec: StreamSpec
    hour: LandingHour
    run_id: str
    change_no: int

    def delete_hour(self) -> int:
        """Removes the hour's rows, replayed ones too, and takes them out of the ledger; how many they were."""
        rows = _count(self.tx, self.spec, self.hour)
        hours = (self.hour.sql,) * (2 if self.spec.entity else 1)
        self.tx.execute(RecordDeletedHours(self.spec), (self.change_no, self.run_id, *hours))
        failpoints.reach("load:deleted_hours_recorded")
        self.tx.execute(DeleteHour(self.spec), (self.hour.sql,))
        failpoints.reach("load:deleted")
        self.tx.execute(SupersedeHour(), (self.spec.name, self.hour.sql))
        failpoints.reach("load:superseded")
        self.tx.execute(DeleteReasons(), (self.spec.name, self.hour.sql))
        failpoints.reach("load:reasons_deleted")
        self.tx.execute(DeleteVerdicts(), (self.spec.name, self.hour.sql))
        failpoints.reach("load:verdicts_deleted")
        self.tx.execute(SupersedeReceipts(), (self.spec.name, self.hour.sql))
        failpoints.reach("load:receipts_superseded")
        return rows

    def load_manifest(self, manifest: ManifestRef) -> int:
        """Copies what the manifest lists into the table; how many rows that were."""
        self._stage(manifest)
        self._insert_staged()
        return manifest.rows

    def load_distinct(self, manifests: Sequence[ManifestRef]) -> tuple[int, ...]:
        """Copies what the manifests list, an object each, into the table, without duplicates; rows of each."""
        tx, spec = self.tx, self.spec
        tx.execute(CreateNumbered(spec, GATHERED))
        for number, manifest in enumerate(manifests):
            self._stage(manifest)
            tx.execute(Gather(spec), (number,))
            failpoints.reach("load:gathered")
            tx.execute(DropStaging())
        hours = spec.duplicate_window_hours
        tx.execute(CreateNumbered(spec, FRESH))
        tx.execute(KeepFresh(spec), (self.hour.plus(-hours).sql, self.hour.plus(hours + 1).sql))
        failpoints.reach("load:fresh_kept")
        fresh = {int(number): int(rows) for number, rows in tx.fetch_all(CountFresh())}
        tx.execute(CreateStaging(spec))
        tx.execute(StageFresh(spec))
        failpoints.reach("load:fresh_staged")
        self._insert_staged()
        for table in (GATHERED, FRESH):
            tx.execute(DropNumbered(table))
        return tuple(fresh.get(number, 0) for number in range(len(manifests)))

    def _stage(self, manifest: ManifestRef) -> None:
        tx, url = self.tx, self.lake.url(manifest.key)
        tx.execute(CreateStaging(self.spec))
        failpoints.reach("load:staging_created")
        tx.execute(self._copy(url, manifest.compression))
        failpoints.reach("load:copied")
        [(rows,)] = tx.fetch_all("SELECT pg_last_copy_count()")
        _compare(self.spec, self.hour, f"rows loaded by COPY from {url}", int(rows), manifest.rows)
        failpoints.reach("load:copy_counted")

    def _insert_staged(self) -> None:
        tx = self.tx
        tx.execute(RecordStagedHours(self.spec), (self.change_no, self.run_id, self.hour.sql))
        failpoints.reach("load:staged_hours_recorded")
        tx.execute(InsertFromStaging(self.spec), (self.hour.sql, self.hour.sql))
        failpoints.reach("load:inserted")
        tx.execute(DropStaging())
        failpoints.reach("load:staging_dropped")

    def record(
        self, files: tuple[FileReport, ...], manifests: Sequence[ManifestRef], loaded: Sequence[int]
    ) -> None:
        """Writes a line of the ledger for every object, and why its bad records are in quarantine. What a manifest has
        and was not loaded were duplicates."""
        keys = {url: m.key for m in manifests for url in m.urls}
        dropped = {m.key: m.rows - rows for m, rows in zip(manifests, loaded, strict=True)}
        manifest_keys = [keys.get(self.lake.url(f.load_key)) if f.load_key else None for f in files]
        rows = [
            _ledger_row(self.spec, self.hour, f, key, dropped.get(key or "", 0), self.run_id)
            for f, key in zip(files, manifest_keys, strict=True)
        ]
        self._insert(RecordLoads, rows)
        reasons = [
            (self.spec.name, self.hour.sql, *f.source.identity, reason, count)
            for f in files
            for reason, count in sorted(f.reasons.items())
        ]
        self._insert(RecordReasons, reasons)

    def _insert(self, statement: type[RecordLoads | RecordReasons], rows: Sequence[Sequence[object]]) -> None:
        self.tx.insert_lines(statement, rows)
        if rows:
            failpoints.reach("load:recorded")

    def note(self, notes: Mapping[str, str | None]) -> None:
        """Writes down versions that are left out, by key; None forgets."""
        for key, etag in notes.items():
            place = (self.spec.name, self.hour.sql, key)
            self.tx.execute(ForgetRewritten(), place)
            failpoints.reach("load:note_forgotten")
            if etag is not None:
                self.tx.execute(NoteRewritten(), (*place, etag, self.run_id))
                failpoints.reach("load:noted")

    def compare_table(self, ledger: Sequence[LoadedFile]) -> int:
        """Rows of the hour in the table. Raises CountMismatch unless they are those of its ledger and receipts."""
        rows = _count(self.tx, self.spec, self.hour)
        _compare(self.spec, self.hour, "rows in the table", rows, sum(f.in_table for f in ledger))
        return rows

    def changed_hours(self) -> dict[LandingHour, int]:
        """The event hours that this load has changed so far."""
        rows = self.tx.fetch_all(ChangedHours(), (self.spec.qualified_table, self.change_no))
        return {LandingHour(start.replace(tzinfo=UTC)): int(changed) for start, changed in rows}

    def _copy(self, manifest_url: str, compression: str) -> Copy:
        return Copy(
            spec=self.spec,
            manifest_url=manifest_url,
            jsonpaths_url=self.lake.url(jsonpaths_key(self.spec.name)),
            role_arn=self.warehouse.copy_role_arn,
            region=self.warehouse.region,
            compression=compression,
        )


def load_hour(
    lake: Lake,
    warehouse: Warehouse,
    spec: StreamSpec,
    hour: LandingHour,
    *,
    run_id: str,
    report: HourReport | None = None,
) -> LoadOutcome:
    """Brings the stream table and the ledger to what the report says; does nothing when they are there. Without `report`,
    that is the one in the lake: who has judged one gives it, for another run may have written another since.

    Raises HourNotValidated, HourNotReplaceable, CountMismatch, ObjectChanged (all rolled back) and the clients' errors.
    """
    began = time.monotonic()
    report = report or read_report(lake, spec, hour)
    failpoints.reach("load:report_read")
    with warehouse.transaction() as tx:
        failpoints.reach("load:connected")
        tx.execute(LockLoads())
        failpoints.reach("load:locked")
        before = read_hour(tx, spec, hour)
        listed = list_hour(lake, spec, hour)
        plan = plan_load(
            listed=listed,
            report=report,
            loaded=before,
            on_vanished=spec.on_vanished,
            on_rewritten=spec.on_rewritten,
        )
        failpoints.reach("load:planned")
        manifests = write_manifests(lake, spec, hour, plan.files)
        failpoints.reach("load:manifests_written")
        [(change_no,)] = tx.fetch_all(NextChange(), (spec.qualified_table,))
        failpoints.reach("load:numbered")
        load = HourLoad(lake, warehouse, tx, spec, hour, run_id, int(change_no))
        deleted = load.delete_hour() if plan.action == "replace" else 0
        try:
            if spec.duplicates == "drop" and manifests:
                loaded = load.load_distinct(manifests)
            else:
                loaded = tuple(load.load_manifest(manifest) for manifest in manifests)
        except (CountMismatch, StatementRefused):
            # Another version has other counts, or none that COPY can read.
            _refuse_changed(lake, spec, hour, listed, plan.files)
            raise
        load.record(plan.files, manifests, loaded)
        load.note(notes_to_write(listed, before, plan.left_out))
        changed_hours = load.changed_hours()
        failpoints.reach("load:changed_hours_read")
        after = read_hour(tx, spec, hour)
        failpoints.reach("load:ledger_read")
        table_rows = load.compare_table(after)
        _refuse_changed(lake, spec, hour, listed, plan.files)
        failpoints.reach("load:before_commit")
    failpoints.reach("load:committed")
    return LoadOutcome(
        action=plan.action,
        rows_loaded=sum(loaded),
        rows_deleted=deleted,
        plan=plan,
        manifest_keys=tuple(m.key for m in manifests),
        ledger=after,
        table_rows=table_rows,
        changed_hours=changed_hours,
        seconds=time.monotonic() - began,
    )


def _ledger_row(
    spec: StreamSpec, hour: LandingHour, f: FileReport, manifest_key: str | None, dropped: int, run_id: str
) -> tuple[object, ...]:
    return (
        spec.name, hour.sql, f.source.key, f.source.etag, f.source.size_bytes, f.records, f.good - dropped,
        f.bad, dropped,
        sum(f.truncated.values()), f.rules, f.load_key, f.invalid_key, manifest_key, run_id,
    )  # fmt: skip


def _refuse_changed(
    lake: Lake,
    spec: StreamSpec,
    hour: LandingHour,
    listed: Sequence[LandingObject],
    files: Sequence[FileReport],
) -> None:
    """COPY cannot be told which version of an object to read. So what it has read from landing must be listed after it
    as it was before it, with its time: that tells a version that came and went in between, unless within a second."""
    keys = {f.source.key for f in files if f.load_key == f.source.key}
    copied = [o for o in listed if o.key in keys]
    now = set(list_hour(lake, spec, hour)) if copied else set[LandingObject]()
    if changed := [o for o in copied if o not in now]:
        raise ObjectChanged(
            f"{one_line(lake.url(changed[0].key))} was rewritten or removed while it was loaded; nothing was committed, and "
            "the next run takes what is there then"
        )


def _count(tx: Transaction, spec: StreamSpec, hour: LandingHour) -> int:
    [(rows,)] = tx.fetch_all(CountHour(spec), (hour.sql,))
    return int(rows)


def _compare(spec: StreamSpec, hour: LandingHour, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise CountMismatch(
            f"{spec.name} {hour.partition_key}: {found} {what}, expected {expected}; nothing was committed"
        )
