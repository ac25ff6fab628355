"""What must hold of any bytes whatever, by target: framing, validation, the JSON scan, the CSV scan, growth of time.

A target takes a fuzzer's bytes and raises AssertionError where a promise is broken; any other exception is one too. The
first two bytes choose a stream and where blocks are cut, the others are content. Nothing here knows the fuzzer, so that
the seeds, and whatever a fuzzer finds, are ordinary tests.
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.bulk.sinks import Bad, Recorder, in_blocks, scanned, screen_of
from weblogs_platform.bulk.object_scan import BOM, Sink
from weblogs_platform.bulk.rows import RowScan
from weblogs_platform.core.csv_rows import Row, next_row
from weblogs_platform.core.framing import Framer, Incomplete, Piece
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.validation import Stamp, Verdict, judge
from weblogs_platform.streams import FIREHOSE_STREAMS, INVENTORY, POS

Target = Callable[[bytes], None]

DELIVERED_AT = datetime(2025, 7, 20, 10, 30, tzinfo=UTC)
JSON_STREAMS = (*FIREHOSE_STREAMS, INVENTORY)
POS_HEADER = b"transaction_id,store_id,product_id,quantity,revenue,discount_applied,timestamp\n"
CONTROL_BYTES = 2
"""Of a fuzzer's input: the stream, and where the content is cut."""

_WHITE = b" \t\r\n"
_BETWEEN = re.compile(rb"[ \t\r\n\[\],]*")
_PROBLEMS = {None, "malformed_json", "not_an_object", "nested_too_deep"}
_REASON = re.compile(r"(?P<name>[a-z_0-9]+)(?::(?P<column>[a-z_]+))?")
_OF_RECORDS = {
    "malformed_json", "not_an_object", "nested_too_deep", "record_too_large", "invalid_utf8", "invalid_unicode",
    "duplicate_key", "malformed_csv", "wrong_column_count", "unusable_header",
}  # fmt: skip
_OF_COLUMNS = {"null_required", "wrong_type", "out_of_range", "unparsable_timestamp", "nul_character"}


def framing(data: bytes) -> None:
    """Pieces and what may stand between records are the whole content, once; whole pieces are objects; and what is
    decided before the end is known is what is decided with it."""
    spec, cut, content = _given(data, FIREHOSE_STREAMS)
    text = content.decode("latin-1")
    whole = list(_pieces(spec, text, final=True))
    at = 0
    for piece in whole:
        assert at <= piece.start < piece.end
        assert _BETWEEN.fullmatch(content, at, piece.start), (at, piece)
        assert piece.problem in _PROBLEMS, piece
        assert content[piece.start : piece.end].strip(_WHITE) == content[piece.start : piece.end]
        if piece.problem is None:
            assert isinstance(_strict_json(text[piece.start : piece.end]), dict)
        at = piece.end
    assert _BETWEEN.fullmatch(content, at), at
    early = list(_pieces(spec, text[: len(text) * cut // 255], final=False))
    assert early == whole[: len(early)]


def validation(data: bytes) -> None:
    """A verdict on any bytes; what it calls good parses, and what it conforms is good, and stays as it is. Every other
    input is a record's values, a line each, so that the fuzzer need not find the record around them."""
    spec, is_values, raw = _given(data, JSON_STREAMS)
    if is_values % 2:
        raw = _record_of(spec, raw.split(b"\n"))
    stamp = Stamp(DELIVERED_AT, 7) if spec is INVENTORY else None
    verdict = judge(raw, spec, stamp)
    _check_reasons(verdict.reasons, spec)
    if not verdict.good:
        assert verdict.conformed is None
        return
    loaded = raw if verdict.conformed is None else verdict.conformed
    parsed = _strict_json(loaded.decode())
    for field in spec.source_fields:
        holder = parsed.get(spec.payload) if field.in_payload else parsed
        value = holder.get(field.member) if isinstance(holder, dict) else None
        assert not (field.required and value in (None, "")), field.column
    again = judge(loaded, spec, stamp)
    assert (again.reasons, again.truncated) == ((), verdict.truncated)
    assert again.conformed == (loaded if stamp else None)


def json_scan(data: bytes) -> None:
    """The bulk scan says what framing and judgement say, record by record, and the same wherever blocks are cut; every
    byte is loaded, quarantined, or stands between records."""
    spec, size, content = _given(data, FIREHOSE_STREAMS)
    whole = scanned(spec, [content])
    good, bad = _one_by_one(spec, content)
    assert whole.bad_records == bad
    assert (whole.good, whole.conformed_bodies) == (len(good), [body for body, is_new in good if is_new])
    _check_objects(whole.loaded, [body for body, _ in good])
    cut = scanned(spec, in_blocks(content, 1 + 4 * size))
    assert (cut.bad_records, cut.conformed_bodies) == (whole.bad_records, whole.conformed_bodies)
    assert b"".join(cut.loaded.split()) == b"".join(whole.loaded.split())
    for name in ("good", "bad", "conformed", "reasons", "truncated", "present", "duplicates"):
        assert getattr(cut, name) == getattr(whole, name), name


def csv_scan(data: bytes) -> None:
    """Header, good rows and bad rows in their order, with nothing but line ends and blank lines between them, are the
    whole content; cells are those that the csv module reads; blocks do not matter."""
    _, size, content = _given(data, (POS,))
    for row in _rows(content):
        _check_cells(content, row)
    whole = _Walked(content, len(content) + 1)
    whole.check_covers(content)
    cut = _Walked(content, 1 + size)
    assert cut.said == whole.said


def growth(data: bytes) -> None:
    """Eight times the content takes about eight times the time, whatever is repeated."""
    _, choice, unit = _given(data, FIREHOSE_STREAMS)
    if not unit:
        return
    read = (_frame, _scan_json, _scan_csv)[choice % 3]
    for small in (8_000, 64_000):
        if _grows_linearly(read, unit, small):
            return
    raise AssertionError(f"{read.__name__}: the time of {unit[:60]!r}, repeated, is not linear in its size")


TARGETS: Mapping[str, Target] = {
    "framing": framing,
    "validation": validation,
    "json_scan": json_scan,
    "csv_scan": csv_scan,
    "growth": growth,
}


def _given(data: bytes, streams: tuple[StreamSpec, ...]) -> tuple[StreamSpec, int, bytes]:
    head = (data[:CONTROL_BYTES] + bytes(CONTROL_BYTES))[:CONTROL_BYTES]
    return streams[head[0] % len(streams)], head[1], data[CONTROL_BYTES:]


def _record_of(spec: StreamSpec, values: list[bytes]) -> bytes:
    """A record with these JSON values in the order of the fields; what is left over are members of their own."""
    fields = spec.source_fields
    root, inner = list[bytes](), list[bytes]()
    for field, value in zip(fields, values, strict=False):
        if value:
            (inner if field.in_payload else root).append(b'"%s": %s' % (field.member.encode(), value))
    root += values[len(fields) :]
    if inner:
        root.append(b'"%s": {%s}' % (spec.payload.encode(), b", ".join(inner)))
    return b"{" + b", ".join(root) + b"}"


def _pieces(spec: StreamSpec, text: str, *, final: bool, at: int = 0) -> Iterator[Piece]:
    framer = Framer(spec.payload, spec.flat_marks)
    try:
        while piece := framer.next_piece(text, at, final=final):
            yield piece
            at = piece.end
    except Incomplete:
        assert not final


def _strict_json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.JSONDecoder(parse_constant=refuse, parse_int=str, parse_float=str).decode(text)


def _check_reasons(reasons: tuple[str, ...], spec: StreamSpec) -> None:
    columns = {field.column for field in spec.source_fields}
    for reason in reasons:
        found = _REASON.fullmatch(reason)
        assert found, reason
        if found["column"] is None:
            assert found["name"] in _OF_RECORDS, reason
        else:
            assert found["name"] in _OF_COLUMNS, reason
            assert found["column"] in columns, reason


def _one_by_one(spec: StreamSpec, content: bytes) -> tuple[list[tuple[bytes, bool]], list[Bad]]:
    """What the core alone says: bodies to load, each with whether it is spelled anew, and bad records."""
    good: list[tuple[bytes, bool]] = []
    bad: list[Bad] = []
    skipped = len(BOM) if content.startswith(BOM) else 0
    for piece in _pieces(spec, content[skipped:].decode("latin-1"), final=True):
        start, raw = piece.start + skipped, content[piece.start + skipped : piece.end + skipped]
        verdict = Verdict((piece.problem,)) if piece.problem else judge(raw, spec)
        _check_reasons(verdict.reasons, spec)
        if verdict.good:
            good.append((verdict.conformed or raw, piece.unwrapped or verdict.conformed is not None))
        else:
            bad.append(Bad(start, len(raw), raw, verdict.reasons))
    return good, bad


def _check_objects(loaded: bytes, good: list[bytes]) -> None:
    """What is loaded is these records, one after the other, with nothing but white space between them."""
    at = 0
    for body in good:
        at = len(loaded) - len(loaded[at:].lstrip(_WHITE))
        assert loaded.startswith(body, at), body
        at += len(body)
    assert not loaded[at:].strip(_WHITE)


def _rows(content: bytes) -> Iterator[Row]:
    at = 0
    while row := next_row(content, at, final=True):
        assert at <= row.start < row.end, row
        assert not content[at : row.start].strip(_WHITE), row
        yield row
        at = row.end
    assert not content[at:].strip(_WHITE)


def _check_cells(content: bytes, row: Row) -> None:
    text = content[row.start : row.end].decode("latin-1")
    if row.cells is None:
        assert '"' in text
        return
    # The module splits rows at line ends outside of quotes, refuses nothing, and keeps line ends as they are.
    [read] = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert [cell.decode("latin-1") for cell in row.cells] == read, text


class _Walked(Recorder):
    """A scan of CSV that keeps what it took, in order."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__()
        self.taken: list[bytes] = []
        scan = _NotedScan(POS, self, self.taken)
        for block in in_blocks(content, size):
            scan.feed(block)
        scan.close()
        assert scan.good == len(self.conformed_bodies)
        assert scan.bad == len(self.bad_records)
        self.said = (self.taken, self.bad_records, self.conformed_bodies, self.headings, scan.present)

    def heading(self, text: str) -> None:
        super().heading(text)
        self.taken.append(text.encode())

    def check_covers(self, content: bytes) -> None:
        at = len(BOM) if content.startswith(BOM) else 0
        for raw in self.taken:
            found = content.find(raw, at)
            assert found >= 0, raw
            assert not content[at:found].strip(_WHITE), content[at:found]
            at = found + len(raw)
        assert not content[at:].strip(_WHITE)
        for bad in self.bad_records:
            assert content[bad.offset : bad.offset + bad.length] == bad.raw
        for number, body in enumerate(self.conformed_bodies):
            parsed = _strict_json(body.decode())
            assert POS.source_members.issuperset(parsed.keys() - {"delivered_at", "record_number"}), number


class _NotedScan(RowScan):
    """Notes the raw bytes of each row, good or bad, as it is counted."""

    def __init__(self, spec: StreamSpec, sink: Sink, taken: list[bytes]) -> None:
        super().__init__(spec, screen_of(spec.name), sink, DELIVERED_AT)
        self._taken = taken

    def _accept(self, raw: bytes, verdict: Verdict, *, unwrapped: bool = False) -> None:
        self._taken.append(raw)
        super()._accept(raw, verdict, unwrapped=unwrapped)

    def _reject(self, offset: int, raw: bytes | None, length: int, reasons: tuple[str, ...]) -> None:
        assert raw is not None
        _check_reasons(reasons, self._spec)
        self._taken.append(raw)
        super()._reject(offset, raw, length, reasons)


_SIZES = 8
"""The larger content is so many times the smaller one."""


def _grows_linearly(read: Callable[[bytes], None], unit: bytes, small: int) -> bool:
    """A quadratic reader takes 64 times the time; a machine that is busy, some times more than its share."""
    small_secs = _seconds(read, unit * (1 + small // len(unit)))
    large_secs = _seconds(read, unit * (1 + _SIZES * small // len(unit)))
    return large_secs < 3 * _SIZES * small_secs + 0.1


def _seconds(read: Callable[[bytes], None], content: bytes) -> float:
    began = time.process_time()
    read(content)
    return time.process_time() - began


def _frame(content: bytes) -> None:
    for _ in _pieces(FIREHOSE_STREAMS[0], content.decode("latin-1"), final=True):
        pass


def _scan_json(content: bytes) -> None:
    scanned(FIREHOSE_STREAMS[0], [content])


def _scan_csv(content: bytes) -> None:
    _Walked(POS_HEADER + content, 1 << 20)
