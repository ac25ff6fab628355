"""What the scans of all forms of content have in common: how they take it in, what they count, whom they tell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from weblogs_platform.bulk.fingerprints import Hashes
from weblogs_platform.bulk.screen import Screen
from weblogs_platform.core.spec import MAX_RECORD_BYTES
from weblogs_platform.core.validation import Verdict

BLOCK_BYTES = 8 * 1024 * 1024
BOM = b"\xef\xbb\xbf"

_SEPARATOR = memoryview(b"\n")
_BATCH = 1024
_BATCH_BYTES = 8 * 1024 * 1024
_MAX_NAMES = 20_000


class Sink(Protocol):
    """Where the verdicts go, in the order of the content."""

    def heading(self, text: str) -> None:
        """The header of the rows that follow, without which a bad one cannot be repaired."""
        ...

    def good(self, run: memoryview) -> None:
        """Bytes that hold only good records and white space."""
        ...

    def conformed(self, body: bytes) -> None:
        """One good record in another spelling than the source's."""
        ...

    def bad(self, offset: int, length: int, raw: bytes | None, reasons: tuple[str, ...]) -> None:
        """One bad record; `raw` is None when it is larger than a record may be."""
        ...


class ObjectScan(ABC):
    """The scan of one object: `feed` its blocks, then `close`; the counts are complete afterwards.

    A form of content says in `_advance` what it makes of the bytes that are held: it drops those that are done
    with, moves `_offset` by their number, and keeps the others until there are more.
    """

    def __init__(self, screen: Screen, sink: Sink) -> None:
        self._screen, self._sink = screen, sink
        self._held = b""
        self._offset = 0
        self._waiting: list[bytes] = []
        self._needed = len(BOM)
        self._judged: list[bytes] = []
        self._judged_bytes = 0
        self._fingerprints: list[Hashes] = []
        self.dropped_bom = False
        self.good = self.conformed = self.bad = 0
        self.reasons: Counter[str] = Counter()
        self.truncated: Counter[str] = Counter()
        self.present: Counter[str] = Counter()

    @abstractmethod
    def _advance(self, *, final: bool) -> None: ...

    @property
    def rewritten(self) -> bool:
        """Whether COPY could not read the object as it stands, were every record good."""
        return self.dropped_bom

    @property
    def records(self) -> int:
        return self.good + self.bad

    def feed(self, block: bytes) -> None:
        """Takes the next block of decompressed content."""
        self._waiting.append(block)
        self._needed -= len(block)
        if self._needed <= 0:
            self._take(final=False)
            # Half as much again as is held, so that small blocks do not have it looked at over and over.
            self._needed = len(self._held) // 2

    def close(self) -> None:
        """Judges what is left; call once, after the last block."""
        self._take(final=True)

    def close_before(self, rest_at: int, source_bytes: int, reason: str) -> None:
        """The same where content goes on at `rest_at` and cannot be read: the rest is one bad record, which the whole
        source of `source_bytes` stands for."""
        self.close()
        self._reject(rest_at, None, source_bytes, (reason,))

    def fingerprints(self) -> Hashes:
        """64-bit hashes of all good records."""
        self._flush_judged()
        return np.concatenate([*self._fingerprints, np.empty(0, dtype=np.uint64)])

    def _take(self, *, final: bool) -> None:
        self._held = b"".join([self._held, *self._waiting])
        self._waiting.clear()
        if self._offset == 0 and self._held.startswith(BOM):
            self.dropped_bom, self._offset, self._held = True, len(BOM), self._held[len(BOM) :]
        self._advance(final=final)

    def _accept(self, raw: bytes, verdict: Verdict, *, unwrapped: bool = False) -> None:
        """Counts a record that was judged good; unwrapped: out of a root array, which COPY must not see."""
        self.good += 1
        self.truncated.update(verdict.truncated)
        self._judged.append(raw)
        self._judged_bytes += len(raw)
        if len(self._judged) >= _BATCH or self._judged_bytes >= _BATCH_BYTES:
            self._flush_judged()
        if verdict.conformed is None and not unwrapped:
            self._sink.good(memoryview(raw))
            self._sink.good(_SEPARATOR)
        else:
            self.conformed += 1
            self._sink.conformed(raw if verdict.conformed is None else verdict.conformed)

    def _reject(self, offset: int, raw: bytes | None, length: int, reasons: tuple[str, ...]) -> None:
        """Counts a bad record of so many bytes; `raw` is None when they were too many to be held."""
        self.bad += 1
        self.reasons.update(reasons)
        self._sink.bad(offset, length, raw if length <= MAX_RECORD_BYTES else None, reasons)

    def _count_present(self, paths: Mapping[str, int] | Iterable[str]) -> None:
        self.present.update(paths)
        if len(self.present) > _MAX_NAMES:
            self.present = Counter(dict(self.present.most_common(_MAX_NAMES // 2)))

    def _flush_judged(self) -> None:
        self._fingerprints.append(self._screen.fingerprints_of(self._judged))
        self._judged.clear()
        self._judged_bytes = 0
