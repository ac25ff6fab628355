"""Where fuzzing begins: the contents that tests of framing, scans and CSV are made of, and the words of their languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bulk.test_rows import HEADER, good
from tests.bulk.test_scan import MALFORMED, NOT_UTF8, NULL, flat, web_log
from tests.core.test_framing import CONTACT, ENVELOPE, HOSTILE, SHAPES

_HEADS = (b"\x00\xff", b"\x01\x40", b"\x02\x07", b"\x00\x00", b"\x01\x01", b"\x02\x02")
_STOCK = (
    b'{"inventory_id": "i-1", "product_id": 5, "warehouse_id": 2, "stock_level": 7, "restock_threshold": null, '
    b'"last_updated": 1746269854.25}'
)
WORDS = (
    "{", "}", "[", "]", ",", ":", '"', '""', "\\", "\\u0000", "\\ud800", "\r\n", "\n", "\t", " ", "\x00", "\ufeff", "null", "NaN",
    "-Infinity", "1e999", "1e-400", "253402300800", "-0", "0.5", '"payload"', '"payload":{', '"timestamp"', '"user_id"',
    '"event_type"', '"session_id"', '"ingestion_timestamp"', '"customer_id"', '"interaction_type"', '"rating"', "}{", "}\n{",
    "2025-07-17T20:40:36", "24:00:00", "store_id", "transaction_id", '","', '"\n"',
)  # fmt: skip


def seeds(target: str) -> Iterator[bytes]:
    """Contents for a target, with the bytes that choose stream and blocks before them."""
    for content in _contents(target):
        for head in _HEADS if target == "validation" else (_HEADS[len(content) % len(_HEADS)],):
            yield head + content


def write(target: str, folder: Path) -> None:
    """A corpus of the seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (folder / f"seed-{number:03}").write_bytes(seed)


def write_words(file: Path) -> None:
    """Whole words to put in: a dictionary of libFuzzer's."""
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"' for word in WORDS)
    file.write_text("\n".join(lines) + "\n", encoding="ascii")


def _contents(target: str) -> Iterator[bytes]:
    if target == "growth":
        yield from (make(40) for make in HOSTILE.values())
        yield from (b'","', b'"\n', b'a,"', good(1) + b'\n"')
    elif target == "csv_scan":
        yield from _tables()
    else:
        records = [record for _, record in SHAPES.values()] + [_STOCK, flat(3), NULL, NOT_UTF8, *MALFORMED]
        yield from records
        if target == "validation":
            yield from _values()
        else:
            yield from (
                between.join([ENVELOPE, record, CONTACT]) for record in records for between in (b"", b"\n")
            )
            yield from (make(200) for make in HOSTILE.values())
            yield b"\xef\xbb\xbf[" + web_log(1) + b", " + web_log(2) + b",]\n" + flat(3) + b"[]"


def _values() -> Iterator[bytes]:
    """A record's values, a line each, as the target puts them into a record."""
    yield b'"Click"\n"Edge"\nnull\n"a/b"\n5089\n"s"\n"2025-07-17T20:40:36.066373"\n1746269854.25'
    yield b'7\n"Loyalty"\n"Email"\n5\n"x"\n1746269854.5\n"2025-07-17T20:40:36"\n"extra": {"a": [1.10, true]}'
    yield b'"i-1"\n5\n2\n7\nnull\n1746269854.25\n"note": "\\ud83d\\ude00"'
    yield b'"i-1"\n"5"\n2147483647\n0\n""\n"1746269854"'


def _tables() -> Iterator[bytes]:
    yield HEADER + good(1) + b"\r\n" + good(2) + b"\r" + good(3)
    yield HEADER + b'"t\n1",1,1000,2,20.50,,1752000000\n"t""2",1,1000,2,"20.50",,1752000000\n'
    yield HEADER + b't1,1,1000,2,"20.50,,1752000000\n' + good(2) + b'\nt3,1,1000,2,20.50",,1752000000'
    yield b"\xef\xbb\xbfnote," + HEADER + b"x," + good(1) + b"\n\n \n" + b',"' + good(2)
    yield b"a,b,c\n" + good(1)
    yield good(1) + b'\n"'
