"""Batch files as the shop systems write them: names, CSV in several dialects, JSON arrays and lines, gzip.

A file's name carries the second of its delivery, UTC: `pos/pos_YYYYMMDD_HHMMSS.csv`,
`inventory/inventory_YYYYMMDD_HHMMSS.json`, with `.gz` when compressed.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from weblogs_platform.local.traffic.batch_rows import POS, BatchShares, Line, Source
from weblogs_platform.local.traffic.firehose import SECOND_US, DeliveredObject, gzipped

CSV_HEADER = (
    "transaction_id", "store_id", "product_id", "quantity", "revenue", "discount_applied", "timestamp",
)  # fmt: skip
EXTRA_COLUMN = "payment_method"
_PAYMENTS = ("card", "cash", "voucher, card")


@dataclass(frozen=True, order=True)
class BatchFile:
    """A file and when it lands, in microseconds since 1970 UTC."""

    at_us: int
    key: str
    delivered: DeliveredObject


def batch_file(
    source: Source, lines: Sequence[Line], at_us: int, *, shares: BatchShares, rng: Random, gzip: bool
) -> BatchFile:
    """The lines as one file in a dialect that the shares choose."""
    text = _csv(lines, shares, rng) if source is POS else _json(lines, rng.random() < shares.json_lines)
    body = text.encode()
    suffix = "csv" if source is POS else "json"
    stamp = time.strftime("%Y%m%d_%H%M%S", time.gmtime(at_us // SECOND_US))
    key = f"{source.name}/{source.name}_{stamp}.{suffix}{'.gz' if gzip else ''}"
    delivered = DeliveredObject(
        stream=source.name,
        key=key,
        body=gzipped(body) if gzip else body,
        record_bytes=len(body),
        tally=Counter(line.tags for line in lines),
    )
    return BatchFile(at_us, key, delivered)


def _csv(lines: Sequence[Line], shares: BatchShares, rng: Random) -> str:
    columns: list[str] = list(CSV_HEADER)
    # Every draw is made whether it counts or not, so that one share does not choose another's files.
    mixed = sorted(columns, key=lambda _: rng.random())
    bom, crlf, quoted, reordered, extra = (rng.random() for _ in range(5))
    if reordered < shares.reordered:
        columns = mixed
    if extra < shares.extra_column:
        columns.insert(int(rng.random() * (len(columns) + 1)), EXTRA_COLUMN)
    out = io.StringIO()
    writer = csv.writer(
        out,
        quoting=csv.QUOTE_ALL if quoted < shares.quoted else csv.QUOTE_MINIMAL,
        lineterminator="\r\n" if crlf < shares.crlf else "\n",
    )
    writer.writerow(columns)
    for line in lines:
        writer.writerow(_values(line, columns, rng))
    return ("\ufeff" if bom < shares.bom else "") + out.getvalue()


def _values(line: Line, columns: Sequence[str], rng: Random) -> list[str]:
    extra = {EXTRA_COLUMN: _PAYMENTS[int(rng.random() * len(_PAYMENTS))]}
    values = [_text(name, (line.row | extra)[name]) for name in columns]
    if line.surplus < 0:
        return values[: line.surplus]
    return values + ["?"] * line.surplus


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) and name != "timestamp" else str(value)


def _json(lines: Sequence[Line], as_lines: bool) -> str:
    records = [json.dumps(line.row) for line in lines]
    if as_lines:
        return "".join(record + "\n" for record in records)
    return "[" + ",\n ".join(records) + "]\n"
