"""Reads an object's CSV in blocks and says of every row what becomes of it.

The first row that is not blank is the header: cells belong to columns by its names (white space around them aside),
in any order; columns that nobody declared are counted and left alone. Without a usable header (no declared name in it, one of them twice,
no CSV, no UTF-8, longer than MAX_HEADER_BYTES) every row is bad, the first one too, since it may be no header.
Rows are bad each for itself. The quarantine tells the header with each bad row, as the sink's `heading` gave it.

A quote that was not meant can swallow rows. A row over several lines is therefore one only when none of its
later lines is, by itself, a good record: else its first line alone is bad, and reading goes on with the next.
What this does not see: a good row that itself spans lines, of which a stray quote swallows a part.
"""

from __future__ import annotations

from datetime import datetime

from weblogs_platform.bulk.object_scan import ObjectScan, Sink
from weblogs_platform.bulk.screen import Screen
from weblogs_platform.core.csv_rows import (
    CsvHeader,
    LineTooLong,
    Row,
    end_of_line,
    first_line,
    judge_row,
    next_row,
)
from weblogs_platform.core.framing import Incomplete
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.validation import Stamp, Verdict


class RowScan(ObjectScan):
    """The scan of one object that holds CSV; `delivered_at` (UTC) stamps its records."""

    def __init__(self, spec: StreamSpec, screen: Screen, sink: Sink, delivered_at: datetime) -> None:
        super().__init__(screen, sink)
        self._spec, self._delivered_at = spec, delivered_at
        self._begun = False
        self._header: CsvHeader | None = None
        self._skipped_from: int | None = None

    def _advance(self, *, final: bool) -> None:
        while self._skipped_from is None or self._skip(self._skipped_from, final=final):
            self._drop(self._read_rows(final=final))
            if self._skipped_from is None:
                return

    def _read_rows(self, *, final: bool) -> int:
        """Takes row after row; returns how many bytes are done with."""
        at = 0
        try:
            while row := next_row(self._held, at, final=final):
                at = self._take_row(row)
            return len(self._held)
        except Incomplete as incomplete:
            return incomplete.start
        except LineTooLong as line:
            self._begun, self._skipped_from = True, self._offset + line.start
            return line.start

    def _skip(self, skipped_from: int, *, final: bool) -> bool:
        """Looks for the end of a line that is too long to be held; False when it goes on."""
        end = end_of_line(self._held)
        self._drop(len(self._held) if end is None else end)
        if end is None and not final:
            return False
        self._skipped_from = None
        self._reject(skipped_from, None, self._offset - skipped_from, ("record_too_large",))
        return True

    def _drop(self, count: int) -> None:
        self._offset += count
        self._held = self._held[count:]

    def _take_row(self, row: Row) -> int:
        """Returns where the next row may begin."""
        if not self._begun:
            return self._take_header(row)
        verdict = self._judge(row)
        if row.spans_lines and self._swallows(self._held[row.start : row.end]):
            row, verdict = first_line(self._held, row.start, final=True), Verdict(("malformed_csv",))
        raw = self._held[row.start : row.end]
        self._count_present(verdict.present)
        if verdict.good:
            self._accept(raw, verdict)
        else:
            self._reject(self._offset + row.start, raw, len(raw), verdict.reasons)
        return row.end

    def _take_header(self, row: Row) -> int:
        self._begun = True
        self._header = CsvHeader.of(row, self._held, self._spec.source_members)
        if self._header:
            self._sink.heading(self._header.text)
            return row.end
        line = first_line(self._held, row.start, final=True)
        raw = self._held[line.start : line.end]
        self._reject(self._offset + line.start, raw, len(raw), ("unusable_header",))
        return line.end

    def _judge(self, row: Row) -> Verdict:
        return judge_row(row, self._header, self._spec, Stamp(self._delivered_at, self.records + 1))

    def _swallows(self, text: bytes) -> bool:
        """Whether one of the lines after the first is, by itself, a good record."""
        line = first_line(text, 0, final=True)
        while row := next_row(text, line.end, final=True):
            if self._judge(row).good:
                return True
            line = first_line(text, row.start, final=True)
        return False
