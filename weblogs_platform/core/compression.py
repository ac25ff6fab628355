"""Gzip as Firehose and people make it: recognised by its magic bytes, every member's CRC verified, in bounded
memory. Deliberately absent: other compressions, which Firehose does not write for JSON that COPY reads."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

GZIP_MAGIC = b"\x1f\x8b"
MAX_CONTENT_BYTES = 2 * 1024**3
"""Decompressed content beyond this is refused: Firehose buffers at most 128 MiB an object."""

_GZIP = 31
_SLICE_BYTES = 16 * 1024
_INFLATED_BYTES = 1024 * 1024


class UnreadableContent(Exception):
    """The object's content cannot be trusted as a whole; `reason` says why.

    trusted: so many bytes at its beginning can be: members whose checksum is right, and, of one that was cut, whatever came
    before the cut.
    """

    def __init__(self, reason: str, trusted: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.trusted = reason, trusted


def is_gzip(head: bytes) -> bool:
    """Whether content that begins so is gzip, whatever its name."""
    return head.startswith(GZIP_MAGIC)


def decompressed(blocks: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """The content of one or several gzip members, in blocks of about `block_bytes`, the last one smaller.

    Raises UnreadableContent: corrupt_gzip (bad header, bad data, wrong CRC or length, trailing bytes that are no
    member), truncated_gzip, content_too_large.
    """
    gathered, total = bytearray(), 0
    for content in _inflated(blocks):
        total += len(content)
        if total > MAX_CONTENT_BYTES:
            raise UnreadableContent("content_too_large")
        gathered += content
        if len(gathered) >= block_bytes:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def trusted_part(blocks: Iterable[bytes], trusted: int) -> Iterator[bytes]:
    """The first `trusted` bytes of content that is damaged behind them."""
    for content in _inflated(blocks):
        yield content[:trusted]
        trusted -= len(content)
        if trusted <= 0:
            return


def _inflated(blocks: Iterable[bytes]) -> Iterator[bytes]:
    inflated = verified = 0
    stream, begun = zlib.decompressobj(wbits=_GZIP), False
    for piece in _slices(blocks):
        pending = piece
        while pending:
            if stream.eof:
                stream, begun = zlib.decompressobj(wbits=_GZIP), False
            try:
                content = stream.decompress(pending, _INFLATED_BYTES)
            except zlib.error:
                raise UnreadableContent("corrupt_gzip", verified) from None
            begun = True
            inflated += len(content)
            verified = inflated if stream.eof else verified
            yield content
            pending = stream.unused_data if stream.eof else stream.unconsumed_tail
    while begun and not stream.eof and (content := stream.decompress(b"", _INFLATED_BYTES)):
        inflated += len(content)  # it held back what was too much for one piece
        yield content
    if begun and not stream.eof:
        raise UnreadableContent("truncated_gzip", inflated)


def _slices(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks little by little: zlib copies what it leaves over of its input, after each member and output."""
    for block in blocks:
        for at in range(0, len(block), _SLICE_BYTES):
            yield block[at : at + _SLICE_BYTES]
