"""Judges one quarantined record again, alone: by its bytes, the header where it is CSV, and the present rules.

further reasons   not_one_record, no_record_number, and repair_failed (see core.repair)
"""

from __future__ import annotations

from dataclasses import dataclass

from weblogs_platform.core.csv_rows import MAX_HEADER_BYTES, CsvHeader, LineTooLong, judge_row, next_row
from weblogs_platform.core.framing import Framer
from weblogs_platform.core.quarantine import Entry
from weblogs_platform.core.spec import MAX_RECORD_BYTES, StreamSpec
from weblogs_platform.core.validation import Stamp, Verdict, judge


@dataclass(frozen=True)
class Candidate:
    """What a record has become: bytes, and the header where they are CSV."""

    raw: bytes
    header: str | None = None


@dataclass(frozen=True)
class Judged:
    """`body` is what COPY shall read; None, with reasons, when the record is still bad."""

    reasons: tuple[str, ...]
    body: bytes | None = None


def rejudge(entry: Entry, candidate: Candidate, spec: StreamSpec) -> Judged:
    """The verdict on what became of the entry's record."""
    if len(candidate.raw) > MAX_RECORD_BYTES:
        return Judged(("record_too_large",))
    stamp = None
    if spec.stamped:
        if entry.number is None:
            return Judged(("no_record_number",))
        stamp = Stamp(spec.delivered_at(entry.place.key), entry.number)
    if spec.content == "csv" and stamp is not None:
        return _rejudge_row(candidate, spec, stamp)
    return _rejudge_object(candidate.raw, spec, stamp)


def _rejudge_object(raw: bytes, spec: StreamSpec, stamp: Stamp | None) -> Judged:
    text, framer = raw.decode("latin-1"), Framer(spec.payload, spec.flat_marks)
    piece = framer.next_piece(text, 0, final=True)
    if piece is None:
        return Judged(("malformed_json",))
    if piece.problem is not None:
        return Judged((piece.problem,))
    if piece.unwrapped or framer.array_seen or framer.next_piece(text, piece.end, final=True) is not None:
        return Judged(("not_one_record",))
    body = raw[piece.start : piece.end]
    return _judged(body, judge(body, spec, stamp))


def _rejudge_row(candidate: Candidate, spec: StreamSpec, stamp: Stamp) -> Judged:
    header = _header_of(candidate.header, spec)
    if header is None:
        return Judged(("unusable_header",))
    try:
        row = next_row(candidate.raw, 0, final=True)
        if row is None:
            return Judged(("malformed_csv",))
        if next_row(candidate.raw, row.end, final=True) is not None:
            return Judged(("malformed_csv",) if row.cells is None else ("not_one_record",))
    except LineTooLong:
        return Judged(("record_too_large",))
    return _judged(b"", judge_row(row, header, spec, stamp))


def _header_of(text: str | None, spec: StreamSpec) -> CsvHeader | None:
    if text is None:
        return None
    line = text.encode("utf-8", "surrogatepass")
    row = next_row(line, 0, final=True) if len(line) <= MAX_HEADER_BYTES else None
    if row is None or row.end < len(line.rstrip()):
        return None
    return CsvHeader.of(row, line, spec.source_members)


def _judged(as_it_is: bytes, verdict: Verdict) -> Judged:
    if not verdict.good:
        return Judged(verdict.reasons)
    return Judged((), as_it_is if verdict.conformed is None else verdict.conformed)
