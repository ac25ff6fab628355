"""What is in quarantine: the entries of the objects that are loaded, less those that have a receipt.

Only objects in the ledger count: those of an hour that was blocked are not loaded, so none of their records is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import Entry, Place, Selection, parse_entry
from weblogs_platform.core.replay_statements import QuarantineLines, Receipts, Verdicts
from weblogs_platform.core.spec import StreamSpec

_BLOCK_BYTES = 4 * 1024 * 1024
_MAX_OBJECTS = 100
"""Objects that a statement names; of more it asks for the whole hour."""


@dataclass(frozen=True)
class QuarantinedFile:
    """A loaded object with bad records. first_seen, first_run: when and by which run they were first recorded, UTC.
    settled: the outcome by the offset of those that were dealt with. verdicts: the reasons, by offset, of those that a replay
    has judged since."""

    hour: LandingHour
    key: str
    etag: str
    rules: str
    invalid_key: str
    quarantined: int
    first_seen: datetime
    first_run: str | None
    settled: Mapping[int, str] = field(default_factory=dict[int, str])
    verdicts: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])

    @property
    def open(self) -> int:
        """Records that nobody has dealt with yet."""
        return self.quarantined - len(self.settled)

    def reasons_of(self, place: Place, found: tuple[str, ...]) -> tuple[str, ...]:
        """Why a record is in quarantine now; `found`: why it was put there."""
        return self.verdicts.get(place.offset, found)

    def outcome_of(self, place: Place) -> str:
        """`replayed`, `discarded`, or `open`."""
        return self.settled.get(place.offset, "open")


def quarantined_files(
    warehouse: Warehouse, spec: StreamSpec, first: LandingHour, end: LandingHour
) -> list[QuarantinedFile]:
    """The objects with bad records whose landing hour is in [first, end), by hour and key."""
    with warehouse.transaction() as tx:
        return read_files(tx, spec, first, end)


def read_files(
    tx: Transaction,
    spec: StreamSpec,
    first: LandingHour,
    end: LandingHour,
    *,
    about: Collection[Place] = (),
) -> list[QuarantinedFile]:
    """The same within a transaction. With `about`, what became of other records may be left out."""
    span = (spec.name, first.sql, end.sql)
    objects = sorted({place.key for place in about})
    if len(objects) > _MAX_OBJECTS:
        objects = []
    offsets = [place.offset for place in about]
    narrowed = (*span, *objects, min(offsets), max(offsets)) if objects else span
    settled: dict[tuple[str, str], dict[int, str]] = {}
    for key, etag, offset, outcome in tx.fetch_all(Receipts(len(objects)), narrowed):
        settled.setdefault((key, etag), {})[int(offset)] = outcome
    verdicts = _verdicts(tx.fetch_all(Verdicts(len(objects)), narrowed))
    seen: dict[tuple[str, str], tuple[datetime, str | None]] = {}
    files: list[QuarantinedFile] = []
    for start, key, etag, rules, invalid_key, quarantined, loaded_at, run, current in tx.fetch_all(
        QuarantineLines(), span
    ):
        since, first_run = seen.setdefault((key, etag), (loaded_at, run))
        if current:
            hour = LandingHour(start.replace(tzinfo=first.start.tzinfo))
            judged = (settled.get((key, etag), {}), verdicts.get((key, etag), {}))
            files.append(
                QuarantinedFile(
                    hour, key, etag, rules, invalid_key, int(quarantined), since, first_run, *judged
                )
            )
    return sorted(files, key=lambda f: (f.hour, f.key))


def _verdicts(
    lines: Iterable[tuple[Any, ...]],
) -> dict[tuple[str, str], dict[int, tuple[str, ...]]]:
    """The reasons of the last verdict, by object and offset."""
    last: dict[tuple[str, str, int], tuple[int, list[str]]] = {}
    for key, etag, offset, reason, number in lines:
        place = (key, etag, int(offset))
        if place not in last or last[place][0] != number:
            last[place] = (number, [])
        last[place][1].append(reason)
    found: dict[tuple[str, str], dict[int, tuple[str, ...]]] = {}
    for (key, etag, offset), (_, reasons) in last.items():
        found.setdefault((key, etag), {})[offset] = tuple(reasons)
    return found


def entries(lake: Lake, file: QuarantinedFile) -> Iterator[Entry]:
    """All entries of an object's quarantine, in the order of its content, open or not, with the reasons of the last verdict.

    Raises InvalidDocument when the quarantine object is gone, or is not what the ledger says.
    """
    listed = [o for o in lake.list_prefix(file.invalid_key) if o.key == file.invalid_key]
    if not listed:
        raise InvalidDocument(
            f"{lake.url(file.invalid_key)} is gone: the {file.quarantined} quarantined records of {file.key!r} "
            "cannot be read. Restore the object from its versions or a backup"
        )
    count = 0
    for line in _lines(lake.stream(listed[0], _BLOCK_BYTES)):
        entry = parse_entry(line)
        if (entry.place.key, entry.place.etag) != (file.key, file.etag):
            raise InvalidDocument(f"{lake.url(file.invalid_key)} speaks of another object than {file.key!r}")
        count += 1
        yield replace(entry, reasons=file.reasons_of(entry.place, entry.reasons))
    if count != file.quarantined:
        raise InvalidDocument(
            f"{lake.url(file.invalid_key)} has {count} records, the ledger says {file.quarantined} of {file.key!r}: take "
            "the hour out and load it anew (`weblogs forget`, `weblogs load`)"
        )


def open_entries(lake: Lake, file: QuarantinedFile) -> Iterator[Entry]:
    """Those that have no receipt."""
    if file.open:
        yield from (e for e in entries(lake, file) if e.place.offset not in file.settled)


@dataclass(frozen=True)
class HourStats:
    """An hour's quarantine in numbers, the records counted in the quarantine objects themselves. `reasons`: open
    records by reason; one with two reasons counts under both."""

    open: int
    replayed: int
    discarded: int
    reasons: Mapping[str, int]
    oldest: datetime | None


_EVERY = Selection()


def stats_of(lake: Lake, files: Iterable[QuarantinedFile], selection: Selection = _EVERY) -> HourStats:
    """The numbers of some objects together; of the open records those that are selected."""
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    oldest: datetime | None = None
    for file in files:
        outcomes.update(file.settled.values())
        for entry in (e for e in open_entries(lake, file) if selection.has(e)):
            outcomes["open"] += 1
            reasons.update(entry.reasons)
            oldest = min(oldest or file.first_seen, file.first_seen)
    by_reason = dict(reasons.most_common())
    return HourStats(outcomes["open"], outcomes["replayed"], outcomes["discarded"], by_reason, oldest)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest
