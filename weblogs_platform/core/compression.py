"""Gzip as Firehose and people make it: recognised by its magic bytes, every member's CRC verified, in bounded
memory. Deliberately absent: other compressions, which Firehose does not write for JSON that COPY reads."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

GZIP_MAGIC = b"\x1f\x8b"
MAX_CONTENT_BYTES = 2 * 1024**3
"""Decompressed content beyond this is refused: Firehose buffers at most 128 MiB an object."""


class UnreadableContent(Exception):
    """The object's content cannot be trusted as a whole; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_gzip(head: bytes) -> bool:
    """Whether content that begins so is gzip, whatever its name."""
    return head.startswith(GZIP_MAGIC)


def decompressed(blocks: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """The content of one or several gzip members, in blocks of at most `block_bytes`.

    Raises UnreadableContent: corrupt_gzip (bad header, bad data, wrong CRC or length, trailing bytes that are no
    member), truncated_gzip, content_too_large.
    """
    stream = zlib.decompressobj(wbits=31)
    total, begun = 0, False
    for block in blocks:
        pending = block
        while pending:
            if stream.eof:
                stream, begun = zlib.decompressobj(wbits=31), False
            try:
                content = stream.decompress(pending, block_bytes)
            except zlib.error:
                raise UnreadableContent("corrupt_gzip") from None
            begun = True
            pending = stream.unused_data if stream.eof else stream.unconsumed_tail
            total += len(content)
            if total > MAX_CONTENT_BYTES:
                raise UnreadableContent("content_too_large")
            if content:
                yield content
    if begun and not stream.eof:
        raise UnreadableContent("truncated_gzip")
