"""Candidate records of a buffer: where a line ends or `}{` meets, found by numpy, seen by DuckDB without a copy."""

from __future__ import annotations

import codecs
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Offsets = npt.NDArray[np.int64]

_NEW_LINE, _OPEN, _CLOSE, _BRACKET = 10, 123, 125, 91


def candidate_offsets(buffer: bytes, *, final: bool) -> Offsets:
    """Boundaries [0, b1, ..., bn] of the stretches that may be one record each.

    A boundary stands after every new line and between every `}` and `{` that touch. Neither can occur inside a
    sound record but within a string; then both halves are invalid JSON, so a stretch that is one whole valid
    object, and begins where the one before ended, is a true record. Without `final`, what follows the last
    boundary is left out: it may go on.
    """
    data = np.frombuffer(buffer, dtype=np.uint8)
    breaks = data[:-1] == _CLOSE
    breaks &= data[1:] == _OPEN
    breaks |= data[:-1] == _NEW_LINE
    inner = np.flatnonzero(breaks).astype(np.int64) + 1
    ends_here = final or (len(data) > 0 and data[-1] == _NEW_LINE)
    tail = [len(buffer)] if ends_here and len(buffer) else []
    return np.concatenate([[0], inner, tail]).astype(np.int64)


def as_arrow(buffer: bytes, offsets: Offsets) -> pa.Table:
    """A table of one column `line`: the stretches between the offsets, sharing the buffer's memory."""
    count = len(offsets) - 1
    lines: Any = pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(buffer))
    # Batches of this size are what DuckDB's scan hands out one at a time.
    batches = pa.Table.from_arrays([lines], names=["line"]).to_batches(max_chunksize=8192)
    return pa.Table.from_batches(batches, schema=pa.schema([("line", pa.large_string())]))


def brackets_per_line(buffer: bytes, offsets: Offsets) -> npt.NDArray[np.int64]:
    """How many `{` and `[` each stretch holds: an upper bound of its nesting depth."""
    data = np.frombuffer(buffer, dtype=np.uint8)
    opened = np.concatenate([[0], np.cumsum((data == _OPEN) | (data == _BRACKET), dtype=np.int64)])
    return np.diff(opened[offsets])


def without_invalid_utf8(buffer: bytes, offsets: Offsets) -> bytes:
    """The buffer with every stretch that is not UTF-8 blanked out, so that it is no record to anybody."""
    if buffer.isascii():
        return buffer
    faults: list[int] = []

    def note(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        faults.append(error.start)
        return "", error.end

    # A handler of its own, because one pass that meets every fault is linear, and a pass for each is not.
    codecs.register_error(name := f"weblogs-{threading.get_ident()}", note)
    buffer.decode("utf-8", name)
    if not faults:
        return buffer
    blanked = bytearray(buffer)
    for line in np.unique(np.searchsorted(offsets, faults, side="right") - 1).tolist():
        start, end = int(offsets[line]), int(offsets[line + 1])
        blanked[start:end] = b" " * (end - start)
    return bytes(blanked)
