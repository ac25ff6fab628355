"""One record on its way to Firehose, and the tags that say what a sane reader should make of it."""

from __future__ import annotations

Record = tuple[int, bytes, int]
"""(arrival, line, tags): arrival at Firehose in microseconds since 1970 UTC, the record's bytes, a sum of
tags.

A tuple, because hundreds of thousands a second are made and sorted.
"""

FAULTS = (
    "good",
    "null",
    "missing",
    "empty",
    "all_null_flat",
    "truncated",
    "broken_quotes",
    "stray_text",
    "invalid_utf8",
    "nan",
    "wrong_type",
    "out_of_range",
    "negative",
    "future",
    "wrong_columns",
)
"""What can be wrong with a record; its index is the low part of the tags, 0 meaning nothing."""

FAULT_MASK = 31
DUPLICATE = 32
LATE = 64
FLAT = 128

NULL_FAULTS = FAULTS[1:5]
MALFORMED_FAULTS = FAULTS[5:10]
MISTYPED_FAULTS = FAULTS[10:12]
FIREHOSE_FAULTS = FAULTS[1:12]
BATCH_FAULTS = ("null", "missing", "wrong_type", *FAULTS[12:])

FIRST_MALFORMED = FAULTS.index(MALFORMED_FAULTS[0])
LAST_MALFORMED = FAULTS.index(MALFORMED_FAULTS[-1])


def is_malformed(tags: int) -> bool:
    """Whether the record is not valid JSON text."""
    return FIRST_MALFORMED <= tags & FAULT_MASK <= LAST_MALFORMED
