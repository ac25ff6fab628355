"""Pieces of files -> rows of the target's types, errors counted on the way.

A piece is read by the screen first; what the screen leaves is read by the exact scanner, from the first doubtful
segment until the scanner stands again where a later segment begins. Rows keep the order of their records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weblogs_platform.local.redshift.contract import LoadError, RedshiftError
from weblogs_platform.local.redshift.copy.errors import ErrorLog, clipped
from weblogs_platform.local.redshift.copy.plan import LoadPlan, MappedColumn
from weblogs_platform.local.redshift.copy.records import (
    OBJECT_LIMIT_BYTES,
    Broken,
    Extractor,
    Item,
    ObjectTooLarge,
    PathError,
    Record,
    scan,
    skip_blank,
)
from weblogs_platform.local.redshift.copy.screen import Offsets, Screen, arrow_schema, segment_offsets
from weblogs_platform.local.redshift.copy.values import FieldError, element_text

_SLOW_BATCH_ROWS = 4096
_RAW_BYTES = 8192  # enough for the 1,024 characters that are shown


@dataclass(frozen=True)
class Piece:
    """Consecutive bytes of one file, from a place between records on; `last` when the file ends with them.
    `lines_before` counts the line breaks before the piece."""

    file_name: str
    data: bytes
    lines_before: int
    last: bool


@dataclass(frozen=True)
class Converted:
    """The rows of some pieces; of a piece that is not the last, `consumed` bytes were read."""

    rows: pa.Table
    consumed: int


class RowConverter:
    """Converts pieces for one plan."""

    def __init__(self, plan: LoadPlan, screen: Screen, errors: ErrorLog, worker: Executor) -> None:
        self._screen = screen
        self._worker = worker
        self._exact = _ExactPath(plan, errors)

    def convert(self, pieces: Sequence[Piece], meanwhile: Callable[[], None]) -> Converted:
        """The rows of the pieces, in order; all but a single piece must be last ones of their files. `meanwhile` is
        called once, while the worker screens. Raises RedshiftError when errors reach MAXERROR or one is fatal."""
        if not self._screen.usable:
            meanwhile()
            parts = [self._exact_only(piece) for piece in pieces]
        else:
            parts = self._screened(pieces, meanwhile)
        return Converted(pa.concat_tables([rows for rows, _ in parts]), parts[-1][1])

    def _exact_only(self, piece: Piece) -> tuple[pa.Table, int]:
        exact = _ExactReading(self._exact, piece)
        end = exact.read(0, frozenset())
        return exact.table(), end

    def _screened(self, pieces: Sequence[Piece], meanwhile: Callable[[], None]) -> list[tuple[pa.Table, int]]:
        offsets = [_without_open_end(segment_offsets(piece.data), piece) for piece in pieces]
        screening = self._worker.submit(self._screen.screen, *_joined(pieces, offsets))
        meanwhile()
        screened = screening.result()
        parts: list[tuple[pa.Table, int]] = []
        first = 0
        for piece, own in zip(pieces, offsets, strict=True):
            count = len(own) - 1
            accepted = screened.accepted[first : first + count]
            parts.append(self._merge(piece, own, accepted, screened.rows.slice(first, count)))
            first += count
        return parts

    def _merge(
        self, piece: Piece, offsets: Offsets, accepted: npt.NDArray[np.bool_], rows: pa.Table
    ) -> tuple[pa.Table, int]:
        """Accepted rows and exactly read ones, in the order of their records; and how far the piece was read."""
        end = int(offsets[-1])
        if accepted.all():
            return rows, end
        exact = _ExactReading(self._exact, piece)
        numbers = {int(start): number for number, start in enumerate(offsets)}
        keep = accepted.copy()
        places: list[int] = []  # per exactly read row: the segment where its run began
        resumed = 0
        for segment in np.flatnonzero(~accepted):
            if segment < resumed:
                continue
            stopped = exact.read(int(offsets[segment]), numbers.keys())
            resumed = len(accepted) if exact.at_end else numbers[stopped]
            keep[segment:resumed] = False
            places += [int(segment)] * (exact.count - len(places))
            if exact.at_end:
                end = stopped
        return _in_order(rows, keep, exact.table(), places), end


def _without_open_end(offsets: Offsets, piece: Piece) -> Offsets:
    """The last segment of a piece may go on in the next one: it is kept for it, unless it is all there is."""
    return offsets if piece.last or len(offsets) <= 2 else offsets[:-1]


def _joined(pieces: Sequence[Piece], offsets: Sequence[Offsets]) -> tuple[bytes, Offsets]:
    """The pieces as one text. Only the last may stop short of its data's end: its offsets need no other's base."""
    if len(pieces) == 1:
        return pieces[0].data, offsets[0]
    bases = np.cumsum([0] + [len(piece.data) for piece in pieces])
    shifted = [own[:-1] + base for own, base in zip(offsets, bases[:-1], strict=True)]
    return b"".join(piece.data for piece in pieces), np.concatenate([*shifted, bases[-1:]])


def _in_order(
    rows: pa.Table, keep: npt.NDArray[np.bool_], exact_rows: pa.Table, places: Sequence[int]
) -> pa.Table:
    kept = rows.filter(pa.array(keep))
    if not places:
        return kept
    keys = np.concatenate([np.flatnonzero(keep), np.array(places, dtype=np.int64)])
    return pa.concat_tables([kept, exact_rows]).take(pa.array(np.argsort(keys, kind="stable")))


class _ExactReading:
    """Rows that the exact scanner reads from one piece, run by run from front to back."""

    def __init__(self, path: _ExactPath, piece: Piece) -> None:
        self.piece = piece
        self.text = piece.data.decode("latin-1")
        self.count = 0
        self.at_end = False  # whether the last run ended with the text, and not at a stop
        self._path = path
        self._rows: list[list[object]] = []
        self._tables: list[pa.Table] = []
        self._counted_to = 0
        self._lines = piece.lines_before

    def read(self, start: int, stops: Collection[int]) -> int:
        """Reads from `start` until a record that begins at one of `stops`, or to the end. Returns that place, or
        the place from which more text is needed. Raises RedshiftError."""
        place = start
        self.at_end = False
        try:
            for item in scan(self.text, start, last=self.piece.last):
                if place > start and item.start in stops:
                    return item.start
                self._take(self._path.row(self, item))
                place = item.end
        except ObjectTooLarge as error:
            raise self._path.too_large(self, error.start) from None
        self.at_end = True
        return skip_blank(self.text, place)

    def line_of(self, position: int) -> int:
        """The number of the line, in the file, that holds `position`. Positions must not go back."""
        self._lines += self.text.count("\n", self._counted_to, position)
        self._counted_to = max(position, self._counted_to)
        return self._lines + 1

    def _take(self, row: list[object] | None) -> None:
        if row is None:
            return
        self._rows.append(row)
        self.count += 1
        if len(self._rows) == _SLOW_BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        schema = self._path.schema
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(schema)
        arrays = [pa.array(values, type=kind) for values, kind in zip(columns, schema.types, strict=True)]
        self._tables.append(pa.Table.from_arrays(arrays, schema=schema))
        self._rows = []

    def table(self) -> pa.Table:
        self._flush()
        return pa.concat_tables(self._tables)


class _ExactPath:
    """One scanned item -> the values of its row, or a counted error."""

    def __init__(self, plan: LoadPlan, errors: ErrorLog) -> None:
        self.schema = arrow_schema(plan)
        self._mapped = plan.mapped
        self._errors = errors
        self._extractor = Extractor([item.path for item in plan.mapped], ignore_case=plan.ignore_case)

    def row(self, reading: _ExactReading, item: Item) -> list[object] | None:
        """The values of one item, or None when it was an error. Raises RedshiftError at MAXERROR."""
        if isinstance(item, Record):
            return self._record(reading, item)
        if isinstance(item, Broken):
            at = item.position - item.start
            self._errors.add(_error(reading, item, 1216, f"Invalid JSON at position {at}.", at))
        else:
            self._errors.add(_error(reading, item, 1216, "Invalid value."), repeated=item.count)
        return None

    def _record(self, reading: _ExactReading, item: Record) -> list[object] | None:
        try:
            elements = self._extractor.extract(reading.text, item.start)
        except PathError as error:
            problem = _error(reading, item, 1216, error.reason)
            if error.fatal:
                raise self._errors.fatal(problem) from None
            self._errors.add(problem)
            return None
        values: list[object] = []
        for mapped, raw in zip(self._mapped, elements, strict=True):
            try:
                values.append(mapped.converter.convert(raw))
            except FieldError as error:
                self._errors.add(_field_error(reading, item, mapped, raw, error))
                return None
        return values

    def too_large(self, reading: _ExactReading, start: int) -> RedshiftError:
        """Records the error of an object over 4 MB and returns what to raise."""
        reason = f"The object exceeds the maximum size of 4 MB ({OBJECT_LIMIT_BYTES} bytes)."
        return self._errors.fatal(_error(reading, Record(start, start + _RAW_BYTES), 1216, reason))


def _error(reading: _ExactReading, item: Item, code: int, reason: str, position: int = 0) -> LoadError:
    return LoadError(
        file_name=reading.piece.file_name,
        line_number=reading.line_of(item.end),
        column_name="",
        column_type="",
        column_length="",
        position=position,
        raw_line=_shown(reading.text[item.start : min(item.end, item.start + _RAW_BYTES)]),
        raw_field_value="",
        error_code=code,
        error_message=reason,
    )


def _field_error(
    reading: _ExactReading, item: Record, mapped: MappedColumn, raw: str | None, error: FieldError
) -> LoadError:
    column = mapped.column
    length = "" if column.length is None else str(column.length)
    if column.precision is not None:
        length = f"{column.precision},{column.scale or 0}"
    return replace(
        _error(reading, item, error.code, error.reason, error.position),
        column_name=column.name,
        column_type=column.type_name,
        column_length=length,
        raw_field_value=_shown_field(raw),
    )


def _shown_field(raw: str | None) -> str:
    if raw is None:
        return ""
    return clipped(element_text(raw, "?")) if len(raw) <= _RAW_BYTES else _shown(raw[:_RAW_BYTES])


def _shown(raw: str) -> str:
    return clipped(raw.encode("latin-1").decode("utf-8", "replace"))
