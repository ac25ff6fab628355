"""Live traffic with known content, at a rate that follows what is loaded: delivered fast, checked in bounded memory.

Few contents are made, by the oracle, with a blank of eight characters in each record. A delivery is one of them with its
own number in the blank, so that every row and every quarantined record says which object it is of, and making it costs
next to nothing. What is kept of a delivery is its number, content, key and ETag.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.faults.laboratory import Contents
from tests.faults.oracle import Bad, Row, Traffic

_BLANK = "@@@@@@@@"
_BLANKS = {
    "web_logs": (re.compile(rb'"session_id": "[^"]*"'), "session_id", 5),
    "customer_interactions": (
        re.compile(rb'"message_excerpt": (?:null|"(?:[^"\\]|\\.)*")'),
        "message_excerpt",
        4,
    ),
}
"""Of a stream: the member that says the number, its column, and the place of that in a row."""

STREAMS = tuple(_BLANKS)
PREFIXES = {"web_logs": "firehose/web_redshift", "customer_interactions": "firehose/customer_interactions"}
_LANDING_HOUR = -2
_CONTENTS = 4
_RECORDS = 4000
_BAD_SHARES = (0.0, 0.0, 0.002, 0.02)
_MADE_FOR = datetime(2024, 1, 1)  # noqa: DTZ001 - tables have no zones


@dataclass(frozen=True)
class _Content:
    """What is delivered again and again."""

    body: bytes
    rows: tuple[Row, ...]
    bad: tuple[Bad, ...]


@dataclass(frozen=True)
class Sent:
    """One delivery."""

    number: int
    stream: str
    content: int
    key: str
    etag: str
    body_bytes: int
    records: int

    @property
    def hour(self) -> datetime:
        return datetime.strptime("/".join(self.key.split("/")[2:6]), "%Y/%m/%d/%H")  # noqa: DTZ007


class LiveTraffic:
    """Objects for the hour that it is, of both Firehose streams."""

    def __init__(self, traffic: Traffic) -> None:
        self._chance = traffic.chance
        self._contents = {
            stream: [_made(traffic, stream, share) for share in _BAD_SHARES] for stream in STREAMS
        }
        self._number = 0

    def next(self) -> tuple[Sent, bytes]:
        """An object to be put, its ETag not known yet, and its bytes."""
        self._number += 1
        stream = STREAMS[0] if self._chance.random() < 0.7 else STREAMS[1]
        chosen = self._chance.randrange(_CONTENTS)
        content, zipped = self._contents[stream][chosen], self._chance.random() < 0.25
        body = content.body.replace(_BLANK.encode(), _numbered(self._number).encode())
        key = f"{PREFIXES[stream]}/{datetime.now(UTC):%Y/%m/%d/%H}/live-{_numbered(self._number)}"
        sent = Sent(
            self._number,
            stream,
            chosen,
            key + ".gz" * zipped,
            "",
            len(body),
            len(content.rows) + len(content.bad),
        )
        return sent, gzip.compress(body, compresslevel=1, mtime=0) if zipped else body

    def expected(self, page: list[Sent]) -> Contents:
        """All that these deliveries must have come to."""
        contents = Contents(Counter(), Counter(), Counter())
        for sent in page:
            content, number = self._contents[sent.stream][sent.content], _numbered(sent.number)
            at = _BLANKS[sent.stream][2]
            contents.rows.update(_row(row, at, number, sent.hour) for row in content.rows)
            contents.quarantine.update(
                (sent.key, offset, raw.replace(_BLANK.encode(), number.encode()), reasons)
                for _, offset, raw, reasons in content.bad
            )
            contents.ledger[sent.key, sent.etag, len(content.rows), len(content.bad)] += 1
        return contents


def number_column(stream: str) -> str:
    """The column that holds the number of the object that a row is of."""
    return _BLANKS[stream][1]


def numbers(page: list[Sent]) -> tuple[str, str]:
    """The first and the last number of deliveries in their order, as rows have them."""
    return _numbered(page[0].number), _numbered(page[-1].number)


def pages(sent: list[Sent], size: int) -> Iterator[list[Sent]]:
    for at in range(0, len(sent), size):
        yield sent[at : at + size]


def _numbered(number: int) -> str:
    return f"n{number:07}"


def _row(row: Row, at: int, number: str, hour: datetime) -> Row:
    values: list[Any] = list(row)
    values[at], values[_LANDING_HOUR] = number, hour
    return tuple(values)


def _made(traffic: Traffic, stream: str, bad_share: float) -> _Content:
    made = traffic.delivery(stream, _MADE_FOR, records=_RECORDS, zipped=False, bad_share=bad_share)
    pattern, member, _ = _BLANKS[stream]
    blank = f'"{member}": "{_BLANK}"'.encode()
    body, bad, at = bytearray(), list[Bad](), 0
    for key, offset, raw, reasons in made.bad:
        body += pattern.sub(blank, made.body[at:offset])
        changed = pattern.sub(blank, raw)
        bad.append((key, len(body), changed, reasons))
        body += changed
        at = offset + len(raw)
    body += pattern.sub(blank, made.body[at:])
    return _Content(bytes(body), made.rows, tuple(bad))
