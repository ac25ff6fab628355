"""Reads an object's content in blocks and says of every record what becomes of it.

Runs of proven records go through as spans of bytes; only what the screen doubts is framed and judged one by
one. Memory is bounded by the block and HELD_BYTES, whatever the object's size, and verdicts do not depend on
where the blocks are cut, but in one case: a broken stretch longer than HELD_BYTES is let go unseen, as a record
that is too large, and where it ends is then found by `Framer.resume_after_oversized`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from weblogs_platform.bulk.lines import Offsets, candidate_offsets
from weblogs_platform.bulk.screen import Screen
from weblogs_platform.core.framing import Framer, Incomplete, Piece, space_end
from weblogs_platform.core.spec import MAX_RECORD_BYTES, StreamSpec
from weblogs_platform.core.validation import judge

BLOCK_BYTES = 8 * 1024 * 1024
HELD_BYTES = 3 * MAX_RECORD_BYTES
"""A record or broken stretch is looked at as a whole up to this size."""
BOM = b"\xef\xbb\xbf"

WHITE_SPACE = b" \t\r\n"

_SEPARATOR = memoryview(b"\n")
_SLOW_BATCH = 1024
_SLOW_BATCH_BYTES = 8 * 1024 * 1024
_SKIP_CONTEXT = 1024
_MAX_NAMES = 20_000


class Sink(Protocol):
    """Where the verdicts go, in the order of the content."""

    def good(self, run: memoryview) -> None:
        """Bytes that hold only good records and white space."""
        ...

    def conformed(self, body: bytes) -> None:
        """One good record in another spelling than the source's."""
        ...

    def bad(self, offset: int, length: int, raw: bytes | None, reasons: tuple[str, ...]) -> None:
        """One bad record; `raw` is None when it is larger than a record may be."""
        ...


class Scan:
    """The scan of one object: `feed` its blocks, then `close`; the counts are complete afterwards."""

    def __init__(self, spec: StreamSpec, screen: Screen, sink: Sink) -> None:
        self._spec, self._screen, self._sink = spec, screen, sink
        self._framer = Framer(spec.payload, spec.flat_marks)
        self._held = b""
        self._waiting: list[bytes] = []
        self._needed = len(BOM)
        self._offset = 0
        self._skipped_from: int | None = None
        self._skipped_until = 0
        self._slow_good: list[bytes] = []
        self._slow_good_bytes = 0
        self._fingerprints: list[npt.NDArray[np.uint64]] = []
        self.dropped_bom = False
        self.good = self.conformed = self.bad = 0
        self.reasons: Counter[str] = Counter()
        self.truncated: Counter[str] = Counter()
        self.present: Counter[str] = Counter()

    @property
    def records(self) -> int:
        return self.good + self.bad

    @property
    def array_seen(self) -> bool:
        """Whether there were root arrays: COPY would take an empty one for a record."""
        return self._framer.array_seen

    def feed(self, block: bytes) -> None:
        """Takes the next block of decompressed content."""
        self._waiting.append(block)
        self._needed -= len(block)
        if self._needed <= 0:
            self._advance(final=False)
            # Half as much again as is held, so that small blocks do not have it looked at over and over.
            self._needed = len(self._held) // 2

    def close(self) -> None:
        """Judges what is left; call once, after the last block."""
        self._advance(final=True)

    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """64-bit hashes of all good records."""
        self._flush_slow_good()
        return np.concatenate([*self._fingerprints, np.empty(0, dtype=np.uint64)])

    def _advance(self, *, final: bool) -> None:
        self._held = b"".join([self._held, *self._waiting])
        self._waiting.clear()
        if self._offset == 0 and self._held.startswith(BOM):
            self.dropped_bom, self._offset, self._held = True, len(BOM), self._held[len(BOM) :]
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
        screened = self._screen.examine(data[: offsets[-1]], offsets)
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
        raw = data[piece.start : piece.end]
        if piece.problem is not None:
            self._count_bad(self._offset + piece.start, raw, len(raw), (piece.problem,))
            return
        verdict = judge(raw, self._spec)
        self._count_present(verdict.present)
        if not verdict.good:
            self._count_bad(self._offset + piece.start, raw, len(raw), verdict.reasons)
            return
        self.good += 1
        self.truncated.update(verdict.truncated)
        self._slow_good.append(raw)
        self._slow_good_bytes += len(raw)
        if len(self._slow_good) >= _SLOW_BATCH or self._slow_good_bytes >= _SLOW_BATCH_BYTES:
            self._flush_slow_good()
        if verdict.conformed is None and not piece.unwrapped:
            self._sink.good(memoryview(raw))
            self._sink.good(_SEPARATOR)
        else:
            self.conformed += 1
            self._sink.conformed(raw if verdict.conformed is None else verdict.conformed)

    def _count_bad(self, offset: int, raw: bytes | None, length: int, reasons: tuple[str, ...]) -> None:
        self.bad += 1
        self.reasons.update(reasons)
        self._sink.bad(offset, length, raw if length <= MAX_RECORD_BYTES else None, reasons)

    def _count_present(self, paths: Mapping[str, int] | Iterable[str]) -> None:
        self.present.update(paths)
        if len(self.present) > _MAX_NAMES:
            self.present = Counter(dict(self.present.most_common(_MAX_NAMES // 2)))

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
            self._count_bad(skipped_from, None, self._skipped_until - skipped_from, ("record_too_large",))
        return ended

    def _flush_slow_good(self) -> None:
        self._fingerprints.append(self._screen.fingerprints_of(self._slow_good))
        self._slow_good.clear()
        self._slow_good_bytes = 0


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
