"""Reads an object's JSON in blocks and says of every record what becomes of it.

Runs of proven records go through as spans of bytes; only what the screen doubts is framed and judged one by
one. Stamped records are judged one by one, all of them, because each is written anew. Memory is bounded by the block and HELD_BYTES, whatever the object's size, and verdicts do not depend on
where the blocks are cut, but in one case: a broken stretch longer than HELD_BYTES is let go unseen, as a record
that is too large, and where it ends is then found by `Framer.resume_after_oversized`.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from weblogs_platform.bulk.lines import Offsets, candidate_offsets
from weblogs_platform.bulk.object_scan import ObjectScan, Sink
from weblogs_platform.bulk.screen import Screen, Screened
from weblogs_platform.core.framing import Framer, Incomplete, Piece, space_end
from weblogs_platform.core.spec import MAX_RECORD_BYTES, StreamSpec
from weblogs_platform.core.validation import Stamp, judge

HELD_BYTES = 3 * MAX_RECORD_BYTES
"""A record or broken stretch is looked at as a whole up to this size."""

WHITE_SPACE = b" \t\r\n"

_SKIP_CONTEXT = 1024


class Scan(ObjectScan):
    """The scan of one object that holds JSON; `delivered_at` (UTC) stamps the records of a source that has stamps."""

    def __init__(
        self, spec: StreamSpec, screen: Screen, sink: Sink, delivered_at: datetime | None = None
    ) -> None:
        super().__init__(screen, sink)
        self._spec, self._delivered_at = spec, delivered_at
        self._framer = Framer(spec.payload, spec.flat_marks)
        self._skipped_from: int | None = None
        self._skipped_until = 0

    @property
    def rewritten(self) -> bool:
        # Not for their records' sake alone: COPY would take an empty root array for a record.
        return self.dropped_bom or self._framer.array_seen

    def _advance(self, *, final: bool) -> None:
        if self._skipped_from is not None and not self._skip(self._skipped_from, final=final):
            return
        offsets = candidate_offsets(self._held, final=final)
        if len(offsets) == 1 and len(self._held) <= MAX_RECORD_BYTES:
            return
        consumed = self._consume(self._held, offsets, final=final)
        self._offset += consumed
        self._held = self._held[consumed:]
        if len(self._held) > HELD_BYTES and not final:
            self._skipped_from = self._skipped_until = self._offset

    def _consume(self, data: bytes, offsets: Offsets, *, final: bool) -> int:
        """Handles what it can from the start of `data`; returns how many bytes that was."""
        screened = self._screened(data, offsets)
        slow = _SlowPath(data, offsets, screened.good, final=final)
        count = len(offsets) - 1
        doubtful = [*np.flatnonzero(~screened.good).tolist(), count]
        passed = np.zeros(count, dtype=np.bool_)
        at = 0
        try:
            while not slow.behind(at):
                line = slow.proven_line(at)
                if line is not None and not self._framer.in_array:
                    until = doubtful[bisect_left(doubtful, line)]
                    passed[line:until] = True
                    self._sink.good(memoryview(data)[at : slow.boundaries[until]])
                    at = slow.boundaries[until]
                else:
                    at = self._judge_from(slow, at)
        except Incomplete as incomplete:
            at = incomplete.start
        self.good += int(passed.sum())
        self._fingerprints.append(screened.fingerprints[passed])
        self._count_present(screened.present_in(passed))
        return at

    def _screened(self, data: bytes, offsets: Offsets) -> Screened:
        if self._delivered_at is None:
            return self._screen.examine(data[: offsets[-1]], offsets)
        return Screened.nothing(len(offsets) - 1)

    def _judge_from(self, slow: _SlowPath, at: int) -> int:
        """Frames and judges record by record from `at` until proven records follow; returns where that is."""
        while True:
            piece = self._framer.next_piece(slow.text, at, final=slow.final)
            if piece is None:
                return len(slow.text)
            self._handle(slow.data, piece)
            at = space_end(slow.text, piece.end)
            if slow.behind(at) or (not self._framer.in_array and slow.proven_line(at) is not None):
                return at

    def _handle(self, data: bytes, piece: Piece) -> None:
        raw, offset = data[piece.start : piece.end], self._offset + piece.start
        if piece.problem is not None:
            self._reject(offset, raw, len(raw), (piece.problem,))
            return
        verdict = judge(raw, self._spec, self._stamp())
        self._count_present(verdict.present)
        if verdict.good:
            self._accept(raw, verdict, unwrapped=piece.unwrapped)
        else:
            self._reject(offset, raw, len(raw), verdict.reasons)

    def _stamp(self) -> Stamp | None:
        return None if self._delivered_at is None else Stamp(self._delivered_at, self.records + 1)

    def _skip(self, skipped_from: int, *, final: bool) -> bool:
        """Looks for the end of a stretch that is too long to be held; False when it goes on."""
        text = self._held.decode("latin-1")
        try:
            resume = self._framer.resume_after_oversized(text, final=final)
            kept_from = max(0, len(text) - _SKIP_CONTEXT)
        except Incomplete as incomplete:
            resume, kept_from = len(text), max(0, incomplete.start - _SKIP_CONTEXT)
        ended = resume < len(text) or final
        behind = resume if ended else kept_from
        solid = len(self._held[:behind].rstrip(WHITE_SPACE))
        self._skipped_until = self._offset + solid if solid else self._skipped_until
        self._offset += behind
        self._held = self._held[behind:]
        if ended:
            self._skipped_from = None
            self._reject(skipped_from, None, self._skipped_until - skipped_from, ("record_too_large",))
        return ended


class _SlowPath:
    """What judging one by one needs to know of a buffer; its text is made only when there is a doubt."""

    def __init__(self, data: bytes, offsets: Offsets, good: npt.NDArray[np.bool_], *, final: bool) -> None:
        self.data, self.final = data, final
        self._offsets, self._good = offsets, good
        # What follows the last boundary waits for the next block, unless it is more than one record.
        self._end = len(data) if len(data) - offsets[-1] > MAX_RECORD_BYTES else int(offsets[-1])

    @cached_property
    def text(self) -> str:
        return self.data.decode("latin-1")

    @cached_property
    def boundaries(self) -> list[int]:
        # A list, because numpy takes longer to be asked for one number than Python to find it.
        return self._offsets.tolist()

    def behind(self, at: int) -> bool:
        """Whether all that can be judged now is before `at`."""
        return at >= self._end

    def proven_line(self, at: int) -> int | None:
        """The proven stretch that begins at `at`, if one does."""
        line = bisect_left(self.boundaries, at)
        proven = line < len(self._good) and self.boundaries[line] == at and self._good[line]
        return line if proven else None
