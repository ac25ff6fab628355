"""Zstandard for COPY: frames read as a stream, by pyarrow's decoder, since Python's own comes with 3.14."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

PIECE_BYTES = 4 * 1024 * 1024


class _Blocks(io.RawIOBase):
    """Blocks as a file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def decompressed_zstd(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The plain bytes of one or more frames, in pieces of at most PIECE_BYTES. Raises OSError for data that is not
    compressed, damaged or cut off; what `blocks` raises comes through."""
    file: Any = pa.PythonFile(_Blocks(blocks), mode="r")
    with pa.CompressedInputStream(file, "zstd") as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece
