"""Reads an object's content in blocks and says of every record what becomes of it.

Runs of proven records go through as spans of bytes; only what the screen doubts is framed and judged one by
one. Memory is bounded by the block and the largest record (4 MiB), whatever the object's size.
"""

from __future__ import annotations

from collections import Counter
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
BOM = b"\xef\xbb\xbf"

_SEPARATOR = memoryview(b"\n")
_SLOW_BATCH = 1024
_SKIP_CONTEXT = 64 * 1024


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
        self._framer = Framer(spec.payload)
        self._held = b""
        self._offset = 0
        self._skipped_from: int | None = None
        self._slow_good: list[bytes] = []
        self._fingerprints: list[npt.NDArray[np.uint64]] = []
        self.dropped_bom = False
        self.good = self.conformed = self.bad = 0
        self.reasons: Counter[str] = Counter()
        self.truncated: Counter[str] = Counter()
        self.present: Counter[str] = Counter()

    @property
    def records(self) -> int:
        return self.good + self.bad

    def feed(self, block: bytes) -> None:
        """Takes the next block of decompressed content."""
        if self._offset == 0 and not self._held and block.startswith(BOM):
            self.dropped_bom, self._offset, block = True, len(BOM), block[len(BOM) :]
        self._held = self._held + block if self._held else block
        self._advance(final=False)

    def close(self) -> None:
        """Judges what is left; call once, after the last block."""
        self._advance(final=True)

    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """64-bit hashes of all good records."""
        self._flush_slow_good()
        return np.concatenate([*self._fingerprints, np.empty(0, dtype=np.uint64)])

    def _advance(self, *, final: bool) -> None:
        if self._skipped_from is not None and not self._skip(final=final):
            return
        offsets = candidate_offsets(self._held, final=final)
        if len(offsets) == 1 and len(self._held) <= MAX_RECORD_BYTES:
            return
        consumed = self._consume(self._held, offsets, final=final)
        self._offset += consumed
        self._held = self._held[consumed:]
        if len(self._held) > MAX_RECORD_BYTES and not final:
            self._skipped_from = self._offset

    def _consume(self, data: bytes, offsets: Offsets, *, final: bool) -> int:
        """Handles what it can from the start of `data`; returns how many bytes that was."""
        screened = self._screen.examine(data[: offsets[-1]], offsets)
        slow = _SlowPath(data, offsets, screened.good, final=final)
        count, line, at = len(offsets) - 1, 0, 0
        doubtful = np.append(np.flatnonzero(~screened.good), count)
        passed = np.zeros(count, dtype=np.bool_)
        try:
            while line < count or at == 0:
                if line < count and screened.good[line] and not self._framer.in_array:
                    until = int(doubtful[np.searchsorted(doubtful, line)])
                    passed[line:until] = True
                    self._sink.good(memoryview(data)[at : offsets[until]])
                    line, at = until, int(offsets[until])
                else:
                    at = self._judge_from(slow, at)
                    line = int(np.searchsorted(offsets, at))
        except Incomplete as incomplete:
            at = incomplete.start
        self.good += int(passed.sum())
        self._fingerprints.append(screened.fingerprints[passed])
        self.present.update(screened.present_in(passed))
        return at

    def _judge_from(self, slow: _SlowPath, at: int) -> int:
        """Frames and judges record by record from `at` until proven records follow; returns where that is."""
        while True:
            piece = self._framer.next_piece(slow.text, at, final=slow.final)
            if piece is None:
                return len(slow.text)
            self._handle(slow.data, piece)
            at = space_end(slow.text, piece.end)
            if not self._framer.in_array and slow.may_stop_at(at):
                return at

    def _handle(self, data: bytes, piece: Piece) -> None:
        raw = data[piece.start : piece.end]
        if piece.problem is not None:
            self._count_bad(self._offset + piece.start, raw, (piece.problem,))
            return
        verdict = judge(raw, self._spec)
        self.present.update(verdict.present)
        if not verdict.good:
            self._count_bad(self._offset + piece.start, raw, verdict.reasons)
            return
        self.good += 1
        self.truncated.update(verdict.truncated)
        self._slow_good.append(raw)
        if len(self._slow_good) >= _SLOW_BATCH:
            self._flush_slow_good()
        if verdict.conformed is None and not piece.unwrapped:
            self._sink.good(memoryview(raw))
            self._sink.good(_SEPARATOR)
        else:
            self.conformed += 1
            self._sink.conformed(raw if verdict.conformed is None else verdict.conformed)

    def _count_bad(self, offset: int, raw: bytes, reasons: tuple[str, ...]) -> None:
        self.bad += 1
        self.reasons.update(reasons)
        self._sink.bad(offset, len(raw), raw if len(raw) <= MAX_RECORD_BYTES else None, reasons)

    def _skip(self, *, final: bool) -> bool:
        """Looks for the end of a record that is larger than a record may be; False when it goes on."""
        text = self._held.decode("latin-1")
        resume = self._framer.next_root_opening(text, 0)
        if resume == len(text) and not final:
            kept = min(len(text), len(text) - len(text.rstrip(" \t\r\n")) + 1, _SKIP_CONTEXT)
            self._offset += len(self._held) - kept
            self._held = self._held[len(self._held) - kept :]
            return False
        start = self._skipped_from or 0
        self._skipped_from = None
        self._offset += resume
        self._held = self._held[resume:]
        self.bad += 1
        self.reasons["record_too_large"] += 1
        self._sink.bad(start, self._offset - start, None, ("record_too_large",))
        return True

    def _flush_slow_good(self) -> None:
        self._fingerprints.append(self._screen.fingerprints_of(self._slow_good))
        self._slow_good.clear()


class _SlowPath:
    """What judging one by one needs to know of a buffer; its text is made only when there is a doubt."""

    def __init__(self, data: bytes, offsets: Offsets, good: npt.NDArray[np.bool_], *, final: bool) -> None:
        self.data, self.final = data, final
        self._offsets, self._good = offsets, good

    @cached_property
    def text(self) -> str:
        return self.data.decode("latin-1")

    def may_stop_at(self, at: int) -> bool:
        """Whether a proven record begins at `at`, or all complete stretches are behind."""
        if at >= self._offsets[-1]:
            return True
        line = int(np.searchsorted(self._offsets, at))
        return bool(self._offsets[line] == at and self._good[line])
