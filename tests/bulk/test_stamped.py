"""JSON whose records are stamped: each is numbered by its place in the file, whatever stands between and wherever
blocks are cut, and a broken one costs no neighbour."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bulk.sinks import Recorder, in_blocks, screen_of
from weblogs_platform.bulk.object_scan import BLOCK_BYTES
from weblogs_platform.bulk.scan import Scan
from weblogs_platform.core.spec import MAX_RECORD_BYTES
from weblogs_platform.streams import INVENTORY

SEARCH = settings(
    deadline=None,
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
DELIVERED_AT = datetime(2025, 7, 20, 10, 0, tzinfo=UTC)


def stock(n: int, **changes: Any) -> dict[str, Any]:
    sound = {
        "inventory_id": f"i{n}", "product_id": 1000, "warehouse_id": 1, "stock_level": n, "restock_threshold": None,
        "last_updated": 1752000000.25,
    }  # fmt: skip
    return {**sound, **changes}


def found(content: bytes, size: int = BLOCK_BYTES) -> tuple[Recorder, Scan]:
    recorder = Recorder()
    scan = Scan(INVENTORY, screen_of(INVENTORY.name), recorder, DELIVERED_AT)
    for block in in_blocks(content, size):
        scan.feed(block)
    scan.close()
    assert len(scan.fingerprints()) == scan.good == scan.conformed == len(recorder.conformed_bodies)
    assert recorder.loaded == b"".join(body + b"\n" for body in recorder.conformed_bodies)
    return recorder, scan


BROKEN = [
    json.dumps(stock(99))[:-20].encode(),
    b'{"inventory_id": "a", "product_id": ',
    b'{"inventory_id": "a", "product_id": {"x": [',
    b'{"inventory_id": "cut',
    b"rubbish",
]
BAD = [json.dumps(stock(99, stock_level=-1)).encode(), b'{"inventory_id": null}', b"{}"]


@SEARCH
@given(
    st.lists(st.sampled_from([None, *BAD, *BROKEN]), max_size=8),
    st.sampled_from([b"\n", b"\r\n", b" \n\n"]),
    st.booleans(),
    st.sampled_from([1, 7, 64, BLOCK_BYTES]),
)
def test_good_lines_are_loaded_with_their_numbers(
    lines: list[bytes | None], end: bytes, bom: bool, size: int
) -> None:
    """A record that was cut takes the next one with it, or the numbers depend on what is good."""
    rows = [json.dumps(stock(n)).encode() if line is None else line for n, line in enumerate(lines)]
    recorder, scan = found(b"\xef\xbb\xbf" * bom + end.join(rows), size)
    records = [json.loads(body) for body in recorder.conformed_bodies]
    assert [r["stock_level"] for r in records] == [n for n, line in enumerate(lines) if line is None]
    numbers = [r["record_number"] for r in records]
    assert numbers == sorted(set(numbers))
    if not set(BROKEN) & set(lines):
        assert numbers == [n for n, line in enumerate(lines, 1) if line is None]
        assert scan.records == len(lines)
    assert {r["delivered_at"] for r in records} <= {"2025-07-20T10:00:00"}


@SEARCH
@given(
    st.lists(st.sampled_from([None, *BAD]), max_size=8), st.sampled_from([None, 1, "\t"]), st.integers(1, 300)
)
def test_an_array_is_its_elements(elements: list[bytes | None], indent: Any, size: int) -> None:
    """Brackets and commas are taken for records, or reach COPY."""
    values = [stock(n) if e is None else json.loads(e) for n, e in enumerate(elements)]
    recorder, scan = found(json.dumps(values, indent=indent).encode(), size)
    records = [json.loads(body) for body in recorder.conformed_bodies]
    assert [(r["stock_level"], r["record_number"]) for r in records] == [
        (n, n + 1) for n, e in enumerate(elements) if e is None
    ]
    assert scan.records == len(elements)
    assert [json.loads(bad.raw or b"") for bad in recorder.bad_records] == [
        json.loads(e) for e in elements if e is not None
    ]


def test_values_keep_their_text_and_only_declared_members_are_kept() -> None:
    """A number is spelled anew, what a producer calls `record_number` is believed, or junk goes into the copy."""
    raw = (
        b'{"last_updated":1752000000.2500,"x":{"y":[1]},"record_number":7,"delivered_at":"1999-01-01",'
        b'"inventory_id":"\\u00e9\\"","product_id":0012,"stock_level":"5","warehouse_id":1}'
    )
    recorder, scan = found(raw.replace(b"0012", b"12"))
    assert recorder.conformed_bodies == [
        '{"inventory_id": "é\\"", "product_id": 12, "warehouse_id": 1, "stock_level": "5", "last_updated": '
        '1752000000.2500, "delivered_at": "2025-07-20T10:00:00", "record_number": 1}'.encode()
    ]
    assert scan.present["$.record_number"] == scan.present["$.x"] == 1
    recorder, _ = found(raw)
    assert recorder.bad_records[0].reasons == ("malformed_json",)


def test_a_record_that_is_too_large_has_a_number_too() -> None:
    """What comes after an oversized record is numbered as if it had not been there."""
    large = json.dumps(stock(1, note="x" * (MAX_RECORD_BYTES + 1))).encode()
    lines = [json.dumps(stock(0)).encode(), large, json.dumps(stock(2)).encode()]
    for size in (64 * 1024, BLOCK_BYTES):
        recorder, scan = found(b"\n".join(lines), size)
        assert [json.loads(body)["record_number"] for body in recorder.conformed_bodies] == [1, 3]
        assert dict(scan.reasons) == {"record_too_large": 1}
