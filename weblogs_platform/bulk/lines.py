"""Candidate records of a buffer: where a line ends or `}{` meets, found by numpy, seen by DuckDB without a copy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Offsets = npt.NDArray[np.int64]

_NEW_LINE, _RETURN, _OPEN, _CLOSE, _BRACKET = 10, 13, 123, 125, 91
_WINDOW_BYTES = 4096


def candidate_offsets(buffer: bytes, *, final: bool) -> Offsets:
    """Boundaries [0, b1, ..., bn] of the stretches that may be one record each.

    A boundary stands after every run of new lines and between every `}` and `{` that touch. Where such a place
    lies inside a record (in a pretty-printed one, or within a string), the stretch before it is no JSON; so a
    stretch that is one whole valid object, and begins where the record before ended, is a record. Without
    `final`, what follows the last boundary is left out: it may go on.
    """
    data = np.frombuffer(buffer, dtype=np.uint8)
    line_ends = np.flatnonzero(data[:-1] == _NEW_LINE)
    follows = data[line_ends + 1]
    line_ends = line_ends[(follows != _NEW_LINE) & (follows != _RETURN)]
    closing = np.flatnonzero(data[:-1] == _CLOSE)
    inner = np.concatenate([line_ends, closing[data[closing + 1] == _OPEN]]) + 1
    inner.sort()
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


def chosen_lines(buffer: bytes, offsets: Offsets, lines: npt.NDArray[np.int64]) -> tuple[bytes, Offsets]:
    """A buffer of the chosen stretches alone, and the offsets of these in it."""
    if len(lines) == len(offsets) - 1:
        return buffer, offsets
    starts, ends = offsets[lines], offsets[lines + 1]
    chosen = b"".join([buffer[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
    return chosen, np.concatenate([[0], np.cumsum(ends - starts)]).astype(np.int64)


def brackets_per_line(buffer: bytes, offsets: Offsets) -> npt.NDArray[np.int64]:
    """How many `{` and `[` each stretch holds: an upper bound of its nesting depth."""
    data = np.frombuffer(buffer, dtype=np.uint8)
    opened = np.concatenate([[0], np.cumsum((data == _OPEN) | (data == _BRACKET), dtype=np.int64)])
    return np.diff(opened[offsets])


def without_invalid_utf8(buffer: bytes, offsets: Offsets) -> bytes:
    """The buffer with every stretch that is not UTF-8 blanked out, so that it is no record to anybody."""
    if buffer.isascii() or _is_utf8(buffer):
        return buffer
    blanked = bytearray(buffer)
    # By windows first: an error costs a copy of all that was to be decoded.
    edges = np.searchsorted(offsets, np.arange(0, len(buffer), _WINDOW_BYTES)).tolist()
    lines = [*dict.fromkeys(edges), len(offsets) - 1]
    for first, last in pairwise(lines):
        if _is_utf8(buffer[offsets[first] : offsets[last]]):
            continue
        for start, end in pairwise(offsets[first : last + 1].tolist()):
            if not _is_utf8(buffer[start:end]):
                blanked[start:end] = b" " * (end - start)
    return bytes(blanked)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
