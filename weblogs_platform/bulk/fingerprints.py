"""64-bit hashes of records, by which exact duplicates are counted: the bytes of a record, white space around it
aside. Two spellings of one record are two records here."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weblogs_platform.bulk.lines import Offsets

FINGERPRINT = f"duckdb-{duckdb.__version__}-bytes"
"""What the hashes are made with; those made with another cannot be compared."""

Hashes = npt.NDArray[np.uint64]

_SPACES = np.zeros(256, dtype=np.bool_)
_SPACES[list(b" \t\r\n")] = True
_ROUNDS = 4


def fingerprints(connection: duckdb.DuckDBPyConnection, buffer: bytes, offsets: Offsets) -> Hashes:
    """One for each stretch of `buffer` between the offsets."""
    count = len(offsets) - 1
    if not count:
        return np.empty(0, dtype=np.uint64)
    # Stretches and the white space between them in turn, so that one array of bounds holds both.
    bounds = np.column_stack(_trimmed(buffer, offsets)).ravel()
    pieces: Any = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 2 * count - 1, [None, pa.py_buffer(bounds), pa.py_buffer(buffer)]
    )
    connection.register("pieces", pa.table({"piece": pieces}))
    try:
        hashed = connection.execute("SELECT hash(piece) AS hashed FROM pieces").fetchnumpy()["hashed"]
    finally:
        connection.unregister("pieces")
    return np.asarray(hashed, dtype=np.uint64)[::2]


def _trimmed(buffer: bytes, offsets: Offsets) -> tuple[Offsets, Offsets]:
    """Where the stretches begin and end without the white space around them."""
    data = np.frombuffer(buffer, dtype=np.uint8)
    starts, ends = offsets[:-1].copy(), offsets[1:].copy()
    spaced = np.flatnonzero(starts < ends)
    for _ in range(_ROUNDS):
        spaced = spaced[_SPACES[data[ends[spaced] - 1]] | _SPACES[data[starts[spaced]]]]
        ends[spaced] -= _SPACES[data[ends[spaced] - 1]]
        spaced = spaced[starts[spaced] < ends[spaced]]
        starts[spaced] += _SPACES[data[starts[spaced]]]
        spaced = spaced[starts[spaced] < ends[spaced]]
    for line in spaced.tolist():  # the few that have more of it
        text = buffer[starts[line] : ends[line]]
        ends[line] = starts[line] + len(text.rstrip(b" \t\r\n"))
        starts[line] = ends[line] - len(text.strip(b" \t\r\n"))
    return starts, ends
