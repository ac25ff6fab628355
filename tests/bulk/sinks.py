"""What a scan says, written down: the sink of the tests, and a scan over content cut into given blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from weblogs_platform.bulk.scan import Scan
from weblogs_platform.bulk.screen import Screen
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.streams import stream_named


@dataclass(frozen=True)
class Bad:
    offset: int
    length: int
    raw: bytes | None
    reasons: tuple[str, ...]


@dataclass
class Recorder:
    """Keeps everything in memory."""

    loaded: bytearray = field(default_factory=bytearray)
    conformed_bodies: list[bytes] = field(default_factory=list)
    bad_records: list[Bad] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        self.headings.append(text)

    def good(self, run: memoryview) -> None:
        self.loaded += run

    def conformed(self, body: bytes) -> None:
        self.conformed_bodies.append(body)
        self.loaded += body + b"\n"

    def bad(self, offset: int, length: int, raw: bytes | None, reasons: tuple[str, ...]) -> None:
        self.bad_records.append(Bad(offset, length, raw, reasons))


@dataclass(frozen=True)
class Outcome:
    """The whole of what is said about one content."""

    loaded: bytes
    conformed_bodies: list[bytes]
    bad_records: list[Bad]
    good: int
    bad: int
    conformed: int
    reasons: Counter[str]
    truncated: Counter[str]
    present: Counter[str]
    duplicates: int


@cache
def screen_of(stream: str) -> Screen:
    return Screen(stream_named(stream))


def scanned(spec: StreamSpec, blocks: Iterable[bytes]) -> Outcome:
    sink = Recorder()
    scan = Scan(spec, screen_of(spec.name), sink)
    for block in blocks:
        scan.feed(block)
    scan.close()
    prints = scan.fingerprints()
    assert len(prints) == scan.good
    assert scan.records == scan.good + scan.bad
    assert scan.bad == len(sink.bad_records)
    assert scan.conformed == len(sink.conformed_bodies)
    return Outcome(
        loaded=bytes(sink.loaded),
        conformed_bodies=sink.conformed_bodies,
        bad_records=sink.bad_records,
        good=scan.good,
        bad=scan.bad,
        conformed=scan.conformed,
        reasons=scan.reasons,
        truncated=scan.truncated,
        present=scan.present,
        duplicates=len(prints) - len(set(prints.tolist())),
    )


def in_blocks(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]
