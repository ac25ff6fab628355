"""Reads batch files back as a reader of the documented formats does, knowing nothing of how they were made."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable
from typing import Any

from weblogs_platform.local.traffic.firehose import DeliveredObject

Record = dict[str, Any]

POS_FIELDS = {
    "transaction_id": str,
    "store_id": int,
    "product_id": int,
    "quantity": int,
    "revenue": float,
    "discount_applied": float,
    "timestamp": float,
}
INVENTORY_FIELDS = {
    "inventory_id": str,
    "product_id": int,
    "warehouse_id": int,
    "stock_level": int,
    "restock_threshold": int,
    "last_updated": float,
}
_NULLABLE = {"discount_applied", "restock_threshold"}
_TIMES = {"timestamp", "last_updated"}


def content(delivered: DeliveredObject) -> str:
    body = gzip.decompress(delivered.body) if delivered.key.endswith(".gz") else delivered.body
    return body.decode()


def csv_lines(delivered: DeliveredObject) -> tuple[list[str], list[list[str]]]:
    """The header and the values of each line."""
    header, *lines = csv.reader(io.StringIO(content(delivered).removeprefix("\ufeff"), newline=""))
    return header, lines


def records(delivered: DeliveredObject) -> list[Record]:
    """The sound records of a file, in its order."""
    if delivered.stream == "pos":
        header, lines = csv_lines(delivered)
        raw = [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)]
        return [sound for item in raw if (sound := _sound(item, POS_FIELDS)) is not None]
    text = content(delivered)
    listed = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return [sound for item in listed if (sound := _sound(item, INVENTORY_FIELDS)) is not None]


def _sound(raw: Record, fields: dict[str, type]) -> Record | None:
    read: Record = {}
    for name, kind in fields.items():
        value = raw.get(name)
        if value in (None, ""):
            if name not in _NULLABLE:
                return None
            read[name] = None
            continue
        try:
            read[name] = kind(value)
        except ValueError:
            return None
        if kind is not str and read[name] < 0:
            return None
    return read


def in_the_future(record: Record, by_secs: float) -> bool:
    return any(record[name] > by_secs + 86_400 for name in _TIMES & record.keys())


def latest(files: Iterable[DeliveredObject], key: tuple[str, ...]) -> dict[tuple[Any, ...], Record]:
    """The last delivery of each key, by file name, then by place in the file."""
    kept: dict[tuple[Any, ...], Record] = {}
    for delivered in sorted(files, key=lambda item: item.key):
        for record in records(delivered):
            kept[tuple(record[name] for name in key)] = record
    return kept
