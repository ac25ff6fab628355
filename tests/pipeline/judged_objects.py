"""Objects of every stream with all that validation tells apart: what it says of them may change with RULES_VERSION only."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

from weblogs_platform.core.spec import StreamSpec

SOUND: dict[str, dict[str, Any]] = {
    "web_logs": {
        "event_type": "Click",
        "browser": "Edge",
        "device_type": "Desktop",
        "page": "cart",
        "user_id": 5001,
        "session_id": "s-1",
        "timestamp": 1704067200.5,
    },
    "customer_interactions": {
        "customer_id": 7001,
        "interaction_type": "Feedback",
        "channel": "Email",
        "rating": 4,
        "message_excerpt": "late",
        "timestamp": 1704067200.5,
    },
    "pos": {
        "transaction_id": "t-1",
        "store_id": 7,
        "product_id": 1001,
        "quantity": 2,
        "revenue": "19.90",
        "discount_applied": "1.35",
        "timestamp": 1704067200,
    },
    "inventory": {
        "inventory_id": "i-1",
        "product_id": 1001,
        "warehouse_id": 3,
        "stock_level": 120,
        "restock_threshold": 15,
        "last_updated": 1704067200,
    },
}
_VALUES = (
    None, "", "null", " 7 ", "7", "+7", "007", "7.0", "7e2", "1e400", "-1", "NaN", True, [], [7], {}, {"a": 7}, 7, -1, 0, 7.5,
    7.0, 2**31, 2**63, 10**40, 1e300, "2024-01-01T00:00:00", "2024-01-01 00:00:00.123456", "2024-02-30", "9999-12-31", "x" * 300,
    "\u00e9" * 200, "\ud800", "\x00", "\x07", "a\nb", "\u2028", "\U0001f600",
)  # fmt: skip
_DAMAGED = (
    b'{"payload": {', b"}", b"[]", b"7", b"null", b'"text"', b"{}", b'{"payload": null}', b'{"payload": 7}', b"{'a': 1}",
    b'{"a": NaN}', b'{"a": 1,}', b"\xff\xfe", b'{"payload": {"page": "\xe9"}}', b'{"a": "b\nc"}', b'{"a": 1, "a": 2}', b"noise",
    b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", b'\xef\xbb\xbf{"a": 1}',
)  # fmt: skip


def objects(spec: StreamSpec) -> Iterator[tuple[str, bytes]]:
    """Names (of delivery: POS has to be CSV) and contents."""
    yield from _csv(spec) if spec.content == "csv" else _json(spec)


def _json(spec: StreamSpec) -> Iterator[tuple[str, bytes]]:
    sound, damaged = _encoded(_enveloped(spec)), b"\n".join(_DAMAGED)
    yield (
        "values",
        b"\n".join(_encoded(_enveloped(spec, name, v)) for name in SOUND[spec.name] for v in _VALUES),
    )
    yield "missing", b"".join(_encoded(_enveloped(spec, name, ...)) for name in SOUND[spec.name])
    yield "flat", _encoded({**SOUND[spec.name], "ingestion_timestamp": "2024-01-01T00:00:00"})
    yield "damaged", b"\n".join([sound, damaged, sound])
    yield from ((f"damaged {n}", sound + b"\n" + one + b"\n" + sound) for n, one in enumerate(_DAMAGED))
    yield "array", b"[" + b", ".join([sound, b'{"a": 1}', sound]) + b"]"
    yield "array cut short", b"[" + sound + b", " + sound[:-9]
    yield "commas", sound + b", " + sound + b"," + sound
    yield from _stored(sound * 30 + b'{"a": 1}' + sound)


def _csv(spec: StreamSpec) -> Iterator[tuple[str, bytes]]:
    names = list(SOUND[spec.name])
    sound, head = _row(SOUND[spec.name]), ",".join(names).encode() + b"\r\n"
    texts = [v for v in _VALUES if isinstance(v, str) and v != "\ud800"]
    yield "values", head + b"".join(_row({**SOUND[spec.name], name: v}) for name in names for v in texts)
    yield "reordered", ",".join(reversed(names)).encode() + b"\n" + b",".join(sound.strip().split(b",")[::-1])
    yield "no header", sound
    yield "a column less", ",".join(names[:-1]).encode() + b"\n" + sound
    yield "a column more", head.strip() + b",extra\n" + sound.strip() + b",e\n" + sound
    yield "a column twice", head.strip() + b"," + names[0].encode() + b"\n" + sound
    yield "BOM, blank lines", b"\xef\xbb\xbf" + head + b"\n\n" + sound + b"\r\n" + sound.strip()
    yield (
        "damaged",
        head + sound + b'a,"b\n' + sound + b'"c"d,e\n' + sound + b"\xff\xfe,1\n" + sound + b'"open',
    )
    yield from _stored(head + sound * 30 + b"a,b\n" + sound)


def _stored(content: bytes) -> Iterator[tuple[str, bytes]]:
    packed = _packed(content)
    member = (
        _packed(content[: len(content) // 2]),
        _packed(content[len(content) // 2 :]),
    )
    yield "empty", b""
    yield "blank", b" \n\r\n\t"
    yield "noise", bytes(range(256)) * 8
    yield "gzip", packed
    yield "gzip of nothing", _packed(b"")
    yield "gzip of gzip", _packed(packed)
    yield from (
        (f"gzip cut at {cut}", packed[:cut])
        for cut in (2, 9, 40, len(packed) // 2, len(packed) - 8, len(packed) - 1)
    )
    yield "gzip with a wrong checksum", packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:]
    yield "two members, the second cut", member[0] + member[1][:-12]
    yield "two members, the second wrong", member[0] + member[1][:-6] + b"\0\0\0\0\0\0"
    yield "gzip and noise", packed + b"noise"


def _packed(content: bytes) -> bytes:
    """Not compressed: the bytes, and where a cut falls, are the same with every zlib."""
    return gzip.compress(content, compresslevel=0, mtime=0)


def _enveloped(spec: StreamSpec, name: str = "", value: Any = ...) -> dict[str, Any]:
    record = {k: v for k, v in SOUND[spec.name].items() if k != name}
    record |= {} if not name or value is ... else {name: value}
    return {"timestamp": "2024-01-01T00:00:00", "payload": record} if spec.payload_members else record


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def _row(values: dict[str, Any]) -> bytes:
    texts = [str(v) for v in values.values()]
    quoted = ['"' + t.replace('"', '""') + '"' if set(t) & set(',"\n\r') else t for t in texts]
    return ",".join(quoted).encode() + b"\n"
