"""A scan in a process of its own, for its memory: `python -m tests.bulk.scan_probe KIND BYTES`, with the answer as JSON.

The content is made as it is read, so that it takes no memory of its own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterator

from weblogs_platform.bulk.object_scan import BLOCK_BYTES
from weblogs_platform.bulk.scan import Scan
from weblogs_platform.bulk.screen import Screen
from weblogs_platform.core.compression import UnreadableContent, decompressed
from weblogs_platform.streams import WEB_LOGS

RECORD = (
    b'{"timestamp": "2025-07-17T20:40:36.066373", "payload": {"event_type": "Click", "browser": "Edge", "page": '
    b'"explore/tags", "user_id": 5089, "session_id": "101ac20c", "timestamp": 1746269854.2904353}}'
)


def repeated(head: bytes, unit: bytes, tail: bytes, size: int) -> Iterator[bytes]:
    """head, then units to about `size` bytes, then tail, then a sound record; in blocks."""
    block = unit * (BLOCK_BYTES // len(unit))
    yield RECORD + head
    for _ in range(size // len(block)):
        yield block
    yield unit * (size % len(block) // len(unit)) + tail + RECORD


def gzip_members(size: int) -> Iterator[bytes]:
    """Many members of one record each."""
    deflate = zlib.compressobj(wbits=31)
    member = deflate.compress(RECORD) + deflate.flush()
    yield from decompressed([member * (size // len(member))], BLOCK_BYTES)


def gzip_bomb(size: int) -> Iterator[bytes]:
    """`size` zeros in a thousandth of the bytes."""
    deflate, block = zlib.compressobj(wbits=31), bytes(1 << 20)
    packed = [deflate.compress(block) for _ in range(size >> 20)] + [deflate.flush()]
    yield from decompressed(packed, BLOCK_BYTES)


CONTENTS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "sound": lambda n: repeated(b"", RECORD, b"", n),
    "sound lines": lambda n: repeated(b"\n", RECORD + b"\n", b"", n),
    "elements": lambda n: repeated(b"[", RECORD + b", ", RECORD + b"]", n),
    "one object": lambda n: repeated(b'{"a": "', b"x" * 64, b'"}', n),
    "one object of many": lambda n: repeated(b'{"a": [', b'{"b": 1, "c": {}}, ', b"1]}", n),
    "one indented object": lambda n: repeated(b'{"a": [', b'\n    {"b": 1},', b"\n1]\n}\n", n),
    "unterminated string": lambda n: repeated(b'{"a": "', b"x" * 64, b"\n", n),
    "deep": lambda n: repeated(b"", b'{"a":', b"\n", n),
    "braces": lambda n: repeated(b"", b"{", b"\n", n),
    "brackets": lambda n: repeated(b"", b"[", b"\n", n),
    "spaces": lambda n: repeated(b"", b" ", b"", n),
    "new lines": lambda n: repeated(b"", b"\n", b"", n),
    "zeros": lambda n: repeated(b"", b"\0", b"", n),
    "not UTF-8": lambda n: repeated(b"", b"\x89PNG\xff\xfe\r\n\x1a", b"\n", n),
    "not UTF-8 lines": lambda n: repeated(b"", RECORD.replace(b"Click", b"Cl\xffck") + b"\n", b"\n", n),
    "empty objects": lambda n: repeated(b"", b"{}", b"", n),
    "names": lambda n: repeated(b'{"a":0', b"".join(b',"%06d":1' % i for i in range(20_000)), b"}", n),
    "gzip members": gzip_members,
    "gzip bomb": gzip_bomb,
}


class Counted:
    """A sink that keeps the places of the first bad records, and nothing else."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int]] = []

    def heading(self, text: str) -> None:
        pass

    def good(self, run: memoryview) -> None:
        pass

    def conformed(self, body: bytes) -> None:
        pass

    def bad(self, offset: int, length: int, raw: bytes | None, reasons: tuple[str, ...]) -> None:
        if len(self.places) < 3:
            self.places.append((offset, length))


def probe(kind: str, size: int) -> dict[str, object]:
    sink = Counted()
    scan = Scan(WEB_LOGS, Screen(WEB_LOGS), sink)
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.process_time()
    reason = None
    try:
        for block in CONTENTS[kind](size):
            scan.feed(block)
        scan.close()
    except UnreadableContent as unreadable:
        reason = unreadable.reason
    return {
        "seconds": time.process_time() - began,
        "grown_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mib,
        "good": scan.good,
        "bad": scan.bad,
        "reasons": dict(scan.reasons),
        "places": sink.places,
        "unreadable": reason,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe(sys.argv[1], int(sys.argv[2]))))
