"""Replays quarantined records: judged again, loaded, and receipted in one transaction. Or discards them, by name.

A replay judges first, without a lock, batch by batch. Then, in one transaction per batch: take the lock of all loads,
read ledger and receipts again, leave out what has a receipt meanwhile or whose object was rewritten, COPY the rest,
compare the counts, insert, write a receipt for every record, commit. So a record is loaded once, however often and by
however many a replay is run, and wherever it is killed. What is still bad stays where it is, with its new reasons.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice

from weblogs_platform.bulk import zstandard
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core import failpoints
from weblogs_platform.core.errors import InvalidDocument, InvalidName
from weblogs_platform.core.keys import REPLAY_LABEL, DerivedKey, Zone
from weblogs_platform.core.manifest import Manifest, ManifestEntry
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import Edit, Entry, Place, Selection
from weblogs_platform.core.quarantine_judge import Judged, rejudge
from weblogs_platform.core.repair import REPAIR_FAILED, Repair, RepairFailed, candidate_of
from weblogs_platform.core.replay_statements import NextVerdict, RecordReceipts, RecordVerdicts
from weblogs_platform.core.spec import MAX_RECORD_BYTES, StreamSpec
from weblogs_platform.core.statements import LockLoads, NextChange, RecordReasons
from weblogs_platform.pipeline.ledger import read_hour
from weblogs_platform.pipeline.load import HourLoad
from weblogs_platform.pipeline.manifest import ManifestRef
from weblogs_platform.pipeline.quarantine import (
    QuarantinedFile,
    entries,
    open_entries,
    quarantined_files,
    read_files,
)

BATCH_RECORDS = 5000
BATCH_BYTES = 16 * 1024 * 1024
MAX_PLACES = 20
"""Records that are still bad and told by place."""

_SPOOL_BYTES = BATCH_BYTES + MAX_RECORD_BYTES
_EDITED = "edited"


@dataclass(frozen=True)
class Decision:
    """Who decided, and why; what receipts tell. Raises InvalidName for what no receipt takes."""

    who: str | None = None
    why: str | None = None

    def __post_init__(self) -> None:
        for name, text, most in (("who", self.who, 128), ("why", self.why, 1024)):
            if text is not None and (not text.strip() or not text.isprintable() or len(text.encode()) > most):
                raise InvalidName(f"{name} is one line of text, at most {most} bytes, and not empty")


@dataclass(frozen=True)
class Replay:
    """How the selected records are replayed: as `repair` makes them, as `edits` have them, or, without either, as they
    are, for the rules have changed."""

    selection: Selection = field(default_factory=Selection)
    repair: Repair | None = None
    edits: Mapping[Place, Edit] | None = None
    decision: Decision = field(default_factory=Decision)
    dry_run: bool = False

    @property
    def label(self) -> str | None:
        """What receipts say of the way."""
        if self.edits is not None:
            return _EDITED
        return None if self.repair is None else self.repair.label


@dataclass
class ReplayOutcome:
    """What came of it. replayed: records loaded (in a dry run: that would be). already: those selected by name that
    were dealt with before, or by someone else meanwhile. reasons: those that are still bad, by their new reasons, and
    the `places` of the first of them. changed_hours: as in LoadOutcome."""

    replayed: int = 0
    already: int = 0
    still_bad: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    places: list[tuple[Place, tuple[str, ...]]] = field(default_factory=list[tuple[Place, tuple[str, ...]]])
    changed_hours: Counter[LandingHour] = field(default_factory=Counter[LandingHour])

    def refuse(self, place: Place, reasons: tuple[str, ...]) -> None:
        """Notes a record that stays in quarantine."""
        self.still_bad += 1
        self.reasons.update(reasons)
        if len(self.places) < MAX_PLACES:
            self.places.append((place, reasons))

    def add(self, other: ReplayOutcome) -> None:
        """Adds what came of another hour."""
        self.replayed += other.replayed
        self.already += other.already
        self.still_bad += other.still_bad
        self.reasons.update(other.reasons)
        self.places.extend(other.places[: MAX_PLACES - len(self.places)])
        self.changed_hours.update(other.changed_hours)


@dataclass(frozen=True)
class _Good:
    """A record that can be loaded now. `invalid_key`: the quarantine it was read from, `first_reasons`: why it is there."""

    place: Place
    first_reasons: tuple[str, ...]
    invalid_key: str
    body: bytes


def replay_hour(
    lake: Lake, warehouse: Warehouse, spec: StreamSpec, hour: LandingHour, how: Replay, *, run_id: str
) -> ReplayOutcome:
    """Replays the selected records of one landing hour.

    Raises InvalidDocument for edits of records that are not in its quarantine, and when the quarantine cannot be read;
    CountMismatch (rolled back), and the clients' errors. Batches that were committed before stay so.
    """
    outcome = ReplayOutcome()
    if how.edits is not None:
        how = replace(how, selection=replace(how.selection, places=frozenset(how.edits)))
    selected = _selected(lake, warehouse, spec, hour, how.selection, outcome)
    verdicts = _Verdicts(warehouse, spec, hour, how, run_id)
    for batch in _batches(_good(selected, spec, how, outcome, verdicts)):
        if how.dry_run:
            outcome.replayed += len(batch)
        else:
            _load(lake, warehouse, spec, hour, how, batch, run_id, outcome)
    verdicts.write()
    return outcome


def discard_hour(
    lake: Lake,
    warehouse: Warehouse,
    spec: StreamSpec,
    hour: LandingHour,
    selection: Selection,
    decision: Decision,
    *,
    run_id: str,
    dry_run: bool = False,
) -> int:
    """Takes the selected records out of quarantine for good; how many they were (would be). Their bytes stay in S3.

    Raises InvalidName without who and why, InvalidDocument and the clients' errors. Batches that were committed before
    stay so.
    """
    if decision.who is None or decision.why is None:
        raise InvalidName("a discard needs who decided it and why")
    selected = _selected(lake, warehouse, spec, hour, selection, ReplayOutcome())
    if dry_run:
        return sum(1 for _ in selected)
    discarded = 0
    # One transaction for all of a bad day would keep every load waiting for as long as it takes.
    while chosen := [(key, replace(entry, raw=None)) for key, entry in islice(selected, BATCH_RECORDS)]:
        about = [entry.place for _, entry in chosen]
        with _locked(warehouse, spec, hour, about) as (tx, still_open):
            settled = [
                (entry.place, still_open.reasons(invalid_key, entry.place, entry.first_reasons))
                for invalid_key, entry in chosen
                if still_open.has(invalid_key, entry.place)
            ]
            _Receipts(tx, spec, hour, decision, run_id).write("discarded", settled)
        discarded += len(settled)
    return discarded


def _selected(
    lake: Lake,
    warehouse: Warehouse,
    spec: StreamSpec,
    hour: LandingHour,
    selection: Selection,
    outcome: ReplayOutcome,
) -> Iterator[tuple[str, Entry]]:
    """The open entries that are meant, each with the key of its quarantine object."""
    files = quarantined_files(warehouse, spec, hour, hour.plus(1))
    if selection.places is not None:
        wanted = {(place.key, place.etag) for place in selection.places}
        files = [file for file in files if (file.key, file.etag) in wanted]
        known = {entry.place: file for file in files for entry in entries(lake, file)}
        _refuse_unknown(spec, hour, selection.places, known.keys())
        outcome.already += sum(known[p].outcome_of(p) != "open" for p in selection.places)
    for file in files:
        for entry in open_entries(lake, file):
            if selection.has(entry):
                yield file.invalid_key, entry


def _refuse_unknown(
    spec: StreamSpec, hour: LandingHour, wanted: Iterable[Place], known: Iterable[Place]
) -> None:
    unknown = sorted(set(wanted).difference(known))
    if unknown:
        place = unknown[0]
        raise InvalidDocument(
            f"{len(unknown)} of the given records are not in the quarantine of {spec.name} {hour.partition_key}, first "
            f"{place.key!r} with ETag {place.etag!r} at offset {place.offset}: its object was rewritten, or the "
            "line is not from `weblogs quarantine export`"
        )


def _good(
    selected: Iterable[tuple[str, Entry]],
    spec: StreamSpec,
    how: Replay,
    outcome: ReplayOutcome,
    verdicts: _Verdicts,
) -> Iterator[_Good]:
    for invalid_key, entry in selected:
        judged = _judged(entry, spec, how)
        if judged.body is None:
            outcome.refuse(entry.place, judged.reasons)
            verdicts.add(invalid_key, entry, judged.reasons)
        else:
            yield _Good(entry.place, entry.first_reasons, invalid_key, judged.body)


def _judged(entry: Entry, spec: StreamSpec, how: Replay) -> Judged:
    edit = how.edits[entry.place] if how.edits is not None else None
    if entry.raw is None and edit is None:
        return Judged(entry.reasons)  # more bytes than a record may have: only an edit makes it one
    try:
        return rejudge(entry, candidate_of(entry, entry.raw or b"", how.repair, edit), spec)
    except RepairFailed:
        return Judged((REPAIR_FAILED, *(reason for reason in entry.reasons if reason != REPAIR_FAILED)))


def _batches(records: Iterable[_Good]) -> Iterator[list[_Good]]:
    batch: list[_Good] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.body)
        if len(batch) == BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _load(
    lake: Lake,
    warehouse: Warehouse,
    spec: StreamSpec,
    hour: LandingHour,
    how: Replay,
    batch: list[_Good],
    run_id: str,
    outcome: ReplayOutcome,
) -> None:
    """Loads what of the batch is still open, in one transaction."""
    with _locked(warehouse, spec, hour, [good.place for good in batch]) as (tx, still_open):
        records = [good for good in batch if still_open.has(good.invalid_key, good.place)]
        changed: Mapping[LandingHour, int] = {}
        if records:
            load_key, manifest = _written(lake, spec, hour, records)
            failpoints.reach("replay:manifest_written")
            [(change_no,)] = tx.fetch_all(NextChange(), (spec.qualified_table,))
            load = HourLoad(lake, warehouse, tx, spec, hour, run_id, int(change_no))
            load.load_manifest(manifest)
            settled = [
                (g.place, still_open.reasons(g.invalid_key, g.place, g.first_reasons)) for g in records
            ]
            receipts = _Receipts(tx, spec, hour, how.decision, run_id)
            receipts.write("replayed", settled, repair=how.label, load_key=load_key)
            failpoints.reach("replay:receipts_written")
            changed = load.changed_hours()
            load.compare_table(read_hour(tx, spec, hour))
        failpoints.reach("replay:before_commit")
    failpoints.reach("replay:committed")
    outcome.replayed += len(records)
    outcome.already += len(batch) - len(records)
    outcome.changed_hours.update(changed)


@dataclass(frozen=True)
class _Open:
    """What is in quarantine of some records, as it stands under the lock."""

    files: Mapping[tuple[str, str, str], QuarantinedFile]

    @classmethod
    def read(cls, tx: Transaction, spec: StreamSpec, hour: LandingHour, about: Collection[Place]) -> _Open:
        files = read_files(tx, spec, hour, hour.plus(1), about=about)
        return cls({(f.invalid_key, f.key, f.etag): f for f in files})

    def has(self, invalid_key: str, place: Place) -> bool:
        """Whether the record is still there and has no receipt."""
        file = self.files.get((invalid_key, place.key, place.etag))
        return file is not None and place.offset not in file.settled

    def reasons(self, invalid_key: str, place: Place, found: tuple[str, ...]) -> tuple[str, ...]:
        """Why the record is there now; `found`: why it was put there."""
        return self.files[invalid_key, place.key, place.etag].reasons_of(place, found)


@contextmanager
def _locked(
    warehouse: Warehouse, spec: StreamSpec, hour: LandingHour, about: Collection[Place]
) -> Generator[tuple[Transaction, _Open]]:
    """A transaction beside which nothing loads or settles, and what is open of these records as it begins."""
    with warehouse.transaction() as tx:
        tx.execute(LockLoads())
        yield tx, _Open.read(tx, spec, hour, about)


@dataclass
class _Verdicts:
    """Writes down why records stay in quarantine, where that is not why they were there before."""

    warehouse: Warehouse
    spec: StreamSpec
    hour: LandingHour
    how: Replay
    run_id: str
    _new: list[tuple[str, Entry, tuple[str, ...]]] = field(
        default_factory=list[tuple[str, Entry, tuple[str, ...]]]
    )

    def add(self, invalid_key: str, entry: Entry, reasons: tuple[str, ...]) -> None:
        """Takes a record that is still bad, and writes when there are many."""
        if set(reasons) != set(entry.reasons) and not self.how.dry_run:
            self._new.append((invalid_key, replace(entry, raw=None), reasons))
        if len(self._new) == BATCH_RECORDS:
            self.write()

    def write(self) -> None:
        """Writes what was taken, in one transaction; what was dealt with meanwhile is left out."""
        if not self._new:
            return
        about = [entry.place for _, entry, _ in self._new]
        with _locked(self.warehouse, self.spec, self.hour, about) as (tx, still_open):
            [(number, now)] = tx.fetch_all(NextVerdict(), (self.spec.name, self.hour.sql))
            rest = (self.spec.rules_digest, self.how.label, self.run_id, now.isoformat(sep=" "), int(number))
            counts: Counter[tuple[str, str, str]] = Counter()
            rows: list[tuple[object, ...]] = []
            for invalid_key, entry, reasons in self._new:
                place = entry.place
                if not still_open.has(invalid_key, place):
                    continue
                before = still_open.reasons(invalid_key, place, entry.first_reasons)
                if set(before) == set(reasons):
                    continue
                counts.update((place.key, place.etag, reason) for reason in reasons)
                counts.subtract((place.key, place.etag, reason) for reason in before)
                at = (self.spec.name, self.hour.sql, place.key, place.etag, place.offset)
                rows += [(*at, reason, *rest) for reason in sorted(set(reasons))]
            tx.insert_lines(RecordVerdicts, rows)
            lines = [(self.spec.name, self.hour.sql, *of, n) for of, n in sorted(counts.items()) if n]
            tx.insert_lines(RecordReasons, lines)
        self._new.clear()


def _written(
    lake: Lake, spec: StreamSpec, hour: LandingHour, records: list[_Good]
) -> tuple[str, ManifestRef]:
    """Writes what COPY shall read, and its manifest, unless they are there: the same records have the same names."""
    content = b"".join(good.body + b"\n" for good in records)
    body = zstandard.compressed(io.BytesIO(content), _SPOOL_BYTES).read()
    named = DerivedKey.of_content(Zone.VALIDATED, spec.name, hour, REPLAY_LABEL, body)
    load_key = str(replace(named, suffix="json.zst"))
    if not lake.exists(load_key):
        lake.put(load_key, body, content_type="application/zstd")
    manifest = Manifest("zstd", (ManifestEntry(lake.url(load_key), len(body)),), len(records))
    document = manifest.to_bytes()
    key = str(DerivedKey.of_content(Zone.MANIFESTS, spec.name, hour, REPLAY_LABEL, document))
    if not lake.exists(key):
        lake.put(key, document)
    return load_key, ManifestRef(key, "zstd", len(records), (lake.url(load_key),))


@dataclass(frozen=True)
class _Receipts:
    """Writes receipts in a transaction, and takes what they settle out of the counts of open reasons."""

    tx: Transaction
    spec: StreamSpec
    hour: LandingHour
    decision: Decision
    run_id: str

    def write(
        self,
        outcome: str,
        settled: Sequence[tuple[Place, tuple[str, ...]]],
        *,
        repair: str | None = None,
        load_key: str | None = None,
    ) -> None:
        who, why = self.decision.who, self.decision.why
        rest = (outcome, self.spec.rules_digest, repair, load_key, who, why, self.run_id)
        rows = [(self.spec.name, self.hour.sql, p.key, p.etag, p.offset, *rest) for p, _ in settled]
        self.tx.insert_lines(RecordReceipts, rows)
        reasons = Counter((p.key, p.etag, reason) for p, found in settled for reason in found)
        lines = [(self.spec.name, self.hour.sql, *of, -count) for of, count in sorted(reasons.items())]
        self.tx.insert_lines(RecordReasons, lines)
