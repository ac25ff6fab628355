"""Traffic with known content: what is put into S3, and the rows and quarantine it must come to.

Shares no code with the platform, by design: values are chosen first, and written as a record and as a row beside
each other. Everything follows from the seed.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = tuple[Any, ...]
Bad = tuple[str, int, bytes, tuple[str, ...]]
"""A quarantined record: object, offset in its content, raw bytes, reasons."""

TABLES = {
    "web_logs": "shopware_stream.web_logs_stream",
    "customer_interactions": "shopware_stream.customer_interaction_stream",
    "pos": "shopware_processed.pos_records",
    "inventory": "shopware_processed.inventory_records",
}


@dataclass(frozen=True)
class Delivery:
    """One object and all that must become of it."""

    key: str
    body: bytes
    rows: tuple[Row, ...]
    bad: tuple[Bad, ...]
    repairs: Mapping[int, tuple[bytes, Row]] = field(default_factory=dict)
    """By the offset of a bad record that can be mended: its mended bytes, and the row they come to."""


@dataclass
class _Writer:
    """Content in the making."""

    key: str
    body: bytearray = field(default_factory=bytearray)
    rows: list[Row] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    repairs: dict[int, tuple[bytes, Row]] = field(default_factory=dict)

    def good(self, raw: bytes, row: Row) -> None:
        self.body += raw
        self.rows.append(row)

    def refuse(self, raw: bytes, reason: str, repair: tuple[bytes, Row] | None = None) -> None:
        if repair:
            self.repairs[len(self.body)] = repair
        self.bad.append((self.key, len(self.body), raw, (reason,)))
        self.body += raw


class Traffic:
    """Deliveries of one seed. `chance` is there for whoever needs more of the same dice."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._names = 0

    def delivery(
        self, stream: str, hour: datetime, *, records: int | None = None, zipped: bool | None = None,
        key: str | None = None, padding: int = 0, bad_share: float = 0.2, mixed: bool = False,
    ) -> Delivery:  # fmt: skip
        """An object of a stream for a landing hour (naive, UTC). `padding`: bytes that each record has for nothing, in a
        member that no column takes. `key`: rewrites the object of that key. `mixed`: with at least one good record and
        one bad one, so that it is split. Unless more are asked for, at most half are bad: the threshold would hold the
        hour back."""
        if zipped is None:
            zipped = key.endswith(".gz") if key else self.chance.random() < 0.4
        key = key or self._key(stream, hour, zipped)
        while True:
            writer = self._written(stream, hour, key, records, padding, bad_share)
            good, bad = len(writer.rows), len(writer.bad)
            if (bad <= good or bad_share > 0.5) and (not mixed or (good and bad)):
                break
        body = bytes(writer.body)
        stored = gzip.compress(body, compresslevel=1, mtime=0) if zipped else body
        return Delivery(writer.key, stored, tuple(writer.rows), tuple(writer.bad), writer.repairs)

    def _written(
        self, stream: str, hour: datetime, key: str, records: int | None, padding: int, bad_share: float
    ) -> _Writer:
        writer = _Writer(key)
        count = self.chance.randint(3, 9) if records is None else records
        _WRITERS[stream](self, writer, hour, count, padding, bad_share)
        return writer

    def _key(self, stream: str, hour: datetime, zipped: bool) -> str:
        self._names += 1
        suffix = ".gz" if zipped else ""
        if stream in {"pos", "inventory"}:
            kind = "csv" if stream == "pos" else "json"
            minute, second = divmod(self._names % 3600, 60)
            return f"{stream}/{stream}_{hour:%Y%m%d_%H}{minute:02}{second:02}.{kind}{suffix}"
        prefix = "web_redshift" if stream == "web_logs" else "customer_interactions"
        return f"firehose/{prefix}/{hour:%Y/%m/%d/%H}/part-{self._names:06}{suffix}"

    def moment(self, hour: datetime) -> tuple[float, datetime]:
        """A time of an event, up to five hours before the end of the hour: as seconds, exactly, and as a time."""
        at = hour + timedelta(hours=1, seconds=-self.chance.randint(1, 5 * 3600 * 4) / 4)
        return at.replace(tzinfo=UTC).timestamp(), at

    def noise(self, size: int) -> str:
        """Text that no compression makes smaller than three quarters."""
        return base64.b64encode(self.chance.randbytes(size * 3 // 4)).decode() if size else ""


def _web_logs(
    traffic: Traffic, writer: _Writer, hour: datetime, count: int, padding: int, bad_share: float
) -> None:
    chance = traffic.chance
    for _ in range(count):
        secs, event_at = traffic.moment(hour)
        ingested = hour + timedelta(microseconds=chance.randrange(3_600_000_000))
        payload = {
            "event_type": chance.choice(("Click", "View", "Scroll")),
            "browser": chance.choice(("Edge", "Firefox", None)),
            "device_type": chance.choice(("Mobile", "Desktop")),
            "page": chance.choice(("explore", "tags/größe", 'a "quoted" one', "{")),
            "user_id": chance.randrange(10_000),
            "session_id": f"s-{chance.randrange(200)}",
            "timestamp": secs,
        }
        values = [payload[name] for name in ("event_type", "browser", "device_type", "page")]
        row = (*values, str(payload["user_id"]), payload["session_id"], ingested, secs, hour, event_at)
        envelope = {"timestamp": ingested.isoformat(), "payload": payload, **_padded(traffic, padding)}
        if chance.random() < bad_share:
            _refuse_json(chance, writer, envelope, payload, "user_id", row)
        else:
            writer.good(_encoded(envelope), row)
        writer.body += chance.choice((b"", b"\n", b" "))


def _interactions(
    traffic: Traffic, writer: _Writer, hour: datetime, count: int, padding: int, bad_share: float
) -> None:
    chance = traffic.chance
    for _ in range(count):
        secs, event_at = traffic.moment(hour)
        ingested = hour + timedelta(microseconds=chance.randrange(3_600_000_000))
        payload = {
            "customer_id": chance.randrange(10_000),
            "interaction_type": chance.choice(("Feedback", "Loyalty", "Complaint")),
            "channel": chance.choice(("Email", "App", "Phone", None)),
            "rating": chance.choice((1, 2, 3, 4, 5, None)),
            "message_excerpt": chance.choice(("Kam zu spät", "\t|,", None)),
            "timestamp": secs,
        }
        values = [v for name, v in payload.items() if name != "timestamp"]
        row = (*values, event_at, ingested, hour, event_at)
        envelope = {"timestamp": ingested.isoformat(), "payload": payload, **_padded(traffic, padding)}
        if chance.random() < bad_share:
            _refuse_json(chance, writer, envelope, payload, "customer_id", row)
        else:
            writer.good(_encoded(envelope), row)
        writer.body += b"\n"


def _inventory(
    traffic: Traffic, writer: _Writer, hour: datetime, count: int, padding: int, bad_share: float
) -> None:
    chance = traffic.chance
    for number in range(1, count + 1):
        secs, event_at = traffic.moment(hour)
        record = {
            "inventory_id": f"i-{chance.randrange(500)}",
            "product_id": chance.randrange(100),
            "warehouse_id": chance.randrange(9),
            "stock_level": chance.randrange(1000),
            "restock_threshold": chance.choice((None, 10)),
        }
        row = (*record.values(), event_at, _delivered(writer.key), number, hour, event_at)
        written = {**record, "last_updated": secs, **_padded(traffic, padding)}
        if chance.random() < bad_share:
            _refuse_json(chance, writer, written, written, "product_id", row)
        else:
            writer.good(_encoded(written), row)
        writer.body += b"\n"


def _pos(
    traffic: Traffic, writer: _Writer, hour: datetime, count: int, padding: int, bad_share: float
) -> None:
    chance = traffic.chance
    names = "transaction_id,store_id,product_id,quantity,revenue,discount_applied,timestamp,note"
    writer.body += f"{names}\n".encode()
    for number in range(1, count + 1):
        secs, event_at = traffic.moment(hour)
        revenue = Decimal(chance.randrange(1, 99_999)) / 100
        discount = chance.choice((None, Decimal(chance.randrange(100)) / 100))
        cells = [
            f"t-{chance.randrange(500)}",
            chance.randrange(9),
            chance.randrange(100),
            chance.randrange(20),
        ]
        row = (*cells, revenue, discount, event_at, _delivered(writer.key), number, hour, event_at)
        bad = chance.random() < bad_share
        texts = [*map(str, cells), f"{revenue:.2f}", "" if discount is None else f"{discount:.2f}", str(secs)]
        texts.append(f'"{traffic.noise(padding)}"')
        raw = ",".join(texts).encode()
        if bad:
            texts[1] = ""
            writer.refuse(",".join(texts).encode(), "null_required:store_id", (raw, row))
        else:
            writer.good(raw, row)
        writer.body += b"\n"


_WRITERS: dict[str, Callable[[Traffic, _Writer, datetime, int, int, float], None]] = {
    "web_logs": _web_logs,
    "customer_interactions": _interactions,
    "inventory": _inventory,
    "pos": _pos,
}


_BROKEN = b'{"broken": nul}'


def _refuse_json(
    chance: random.Random,
    writer: _Writer,
    record: dict[str, Any],
    holder: dict[str, Any],
    required: str,
    row: Row,
) -> None:
    """A record without its required member, which makes the row once it has it, or one that is no JSON; never two of
    these in a row, which would be one bad stretch."""
    before = writer.bad[-1] if writer.bad else None
    follows_broken = before and before[2] == _BROKEN and not writer.body[before[1] + len(_BROKEN) :].strip()
    if follows_broken or chance.random() < 0.5:
        mended = _encoded(record)
        holder[required] = None
        writer.refuse(_encoded(record), f"null_required:{required}", (mended, row))
    else:
        writer.refuse(_BROKEN, "malformed_json")


def _padded(traffic: Traffic, padding: int) -> dict[str, str]:
    return {"padding": traffic.noise(padding)} if padding else {}


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _delivered(key: str) -> datetime:
    stamp = key.partition("_")[2].partition(".")[0]
    return datetime.strptime(stamp, "%Y%m%d_%H%M%S")  # noqa: DTZ007 - tables have no zones


def multiset(items: Iterator[Any] | list[Any] | tuple[Any, ...]) -> Counter[Any]:
    """Items with how often they are there."""
    return Counter(items)
