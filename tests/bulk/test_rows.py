"""CSV: what the csv module writes comes back cell by cell, and a bad row costs no good one, wherever blocks are cut."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.bulk.sinks import Bad, Recorder, in_blocks, screen_of
from weblogs_platform.bulk.object_scan import BLOCK_BYTES
from weblogs_platform.bulk.rows import RowScan
from weblogs_platform.core.csv_rows import MAX_HEADER_BYTES
from weblogs_platform.core.spec import MAX_RECORD_BYTES
from weblogs_platform.streams import POS

SEARCH = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
DELIVERED_AT = datetime(2025, 7, 20, 10, 30, tzinfo=UTC)
COLUMNS = ("transaction_id", "store_id", "product_id", "quantity", "revenue", "discount_applied", "timestamp")
HEADER = (",".join(COLUMNS) + "\n").encode()


class Found(Recorder):
    """What a scan of the content said."""

    def __init__(self, content: bytes, size: int = BLOCK_BYTES) -> None:
        super().__init__()
        self.scan = RowScan(POS, screen_of(POS.name), self, DELIVERED_AT)
        for block in in_blocks(content, size):
            self.scan.feed(block)
        self.scan.close()
        assert len(self.scan.fingerprints()) == self.scan.good == len(self.conformed_bodies)
        assert self.scan.bad == len(self.bad_records)

    @property
    def records(self) -> list[dict[str, str]]:
        return [json.loads(body) for body in self.conformed_bodies]

    @property
    def ids(self) -> list[str]:
        return [record["transaction_id"] for record in self.records]

    @property
    def reasons(self) -> list[tuple[bytes | None, tuple[str, ...]]]:
        return [(bad.raw, bad.reasons) for bad in self.bad_records]

    @property
    def said(self) -> tuple[list[bytes], list[Bad], list[str], dict[str, int]]:
        return self.conformed_bodies, self.bad_records, self.headings, dict(self.scan.present)


def good(n: object) -> bytes:
    return f"t{n},1,1000,2,20.50,,1752000000".encode()


NUMBERS = st.decimals(0, 10**9, places=2).map(str)
ROWS = st.fixed_dictionaries(
    {
        "transaction_id": st.text(
            st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=16
        ),
        "store_id": st.integers(-(2**31), 2**31 - 1).map(str),
        "product_id": st.integers(0, 2**31 - 1).map(str),
        "quantity": st.integers(0, 9).map(str),
        "revenue": NUMBERS,
        "discount_applied": NUMBERS | st.just(""),
        "timestamp": st.floats(1, 1_752_000_000).map(repr),
        "note": st.text(st.characters(codec="utf-8"), max_size=12),
    }
)


@SEARCH
@given(
    st.lists(ROWS, max_size=6),
    st.permutations([*COLUMNS, "note"]),
    # Beside other line ends, the module leaves some of those in cells without quotes when it may.
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), *((end, csv.QUOTE_ALL) for end in ("\n", "\r\n", "\r"))]),
    st.sampled_from([1, 3, 64, BLOCK_BYTES]),
    st.booleans(),
)
def test_what_the_csv_module_writes_comes_back(
    rows: list[dict[str, str]], columns: list[str], how: tuple[str, Any], size: int, bom: bool
) -> None:
    """A cell is shifted, changed or lost: by its quotes, its line ends, its column's place, or a block's edge."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator=how[0], quoting=how[1])
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    found = Found(b"\xef\xbb\xbf" * bom + content, size)
    assume(not found.bad_records or not _swallowed_on_purpose(rows))
    assert found.reasons == []
    stamps = [{"delivered_at": "2025-07-20T10:30:00", "record_number": n} for n in range(1, len(rows) + 1)]
    declared = [{c: row[c] for c in COLUMNS if row[c]} for row in rows]
    assert found.records == [row | stamp for row, stamp in zip(declared, stamps, strict=True)]
    assert dict(found.scan.present) == ({f"$.{c}": len(rows) for c in columns} if rows else {})


def _swallowed_on_purpose(rows: Iterable[dict[str, str]]) -> bool:
    """Whether a cell holds a whole good record on a line of its own: what no reader can tell from a stray quote."""
    cells = [cell for row in rows for cell in row.values()]
    return any(cell.count(",") >= len(COLUMNS) for cell in cells)


BAD_ROWS = st.one_of(
    st.text(alphabet='t1,"x. ', min_size=1, max_size=20).map(str.encode),
    st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b"")),
    st.sampled_from(
        [
            b'"', b'""', b'"""', b'","', b"\xff", b"\0,1", b'a,"b', b'a"b', b'"a"b', good("x") + b",", good("x") + b'"',
            b'"' + good("x"), good("x")[:-1] + b'"1', b't,1,1000,2,"20.50,,1752000000', b't,1,1000,2,20.50",,1752000000',
            b't,1,1000,2,20.50,",1752000000', b't,1,1000,2,20.50,,"', b't,"1,1000,2,20.50,,1752000000',
        ]
    ),
)  # fmt: skip


@settings(SEARCH, max_examples=200)
@given(
    st.lists(BAD_ROWS | st.none(), max_size=10),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([1, 5, 33, BLOCK_BYTES]),
    st.booleans(),
)
def test_a_bad_row_costs_no_good_one(lines: list[bytes | None], end: bytes, size: int, ended: bool) -> None:
    """A stray quote, or any other rubbish, takes the rows after it with it."""
    rows = [good(n) if line is None else line for n, line in enumerate(lines)]
    content = HEADER + end.join(rows) + end * ended
    found = Found(content, size)
    sound = {f"t{n}" for n, line in enumerate(lines) if line is None}
    assert sound <= set(found.ids)
    rubbish = [line for line in lines if line is not None and line.strip(b" \t")]
    assert found.scan.records >= len(sound) + (1 if rubbish else 0)
    for bad in found.bad_records:
        assert content[bad.offset :].startswith(bad.raw or b"")


@SEARCH
@given(
    st.lists(st.sampled_from([b",", b'"', b"\n", b"\r", b" ", b"1", good(1), HEADER, b"\xff", b"store_id"])),
    st.lists(st.integers(1, 90), min_size=1, max_size=5),
)
def test_verdicts_do_not_depend_on_where_blocks_are_cut(parts: list[bytes], sizes: list[int]) -> None:
    """A row at a block's edge is judged by its first half."""
    content = HEADER[: 7 * len(parts)] + b"\n" + b"".join(parts)
    whole = Found(content)
    for size in sizes:
        assert Found(content, size).said == whole.said


@SEARCH
@given(st.lists(st.sampled_from([b",", b'"', b"\n", b"x", good(1), good(2) + b"\n"])))
def test_every_byte_is_accounted_for(parts: list[bytes]) -> None:
    """Something of a file is neither loaded nor quarantined."""
    content = b"".join(parts)
    found = Found(HEADER + content)
    raws = [bad.raw or b"" for bad in found.bad_records]
    said = sum(raw.count(b"x") + raw.count(b"t") for raw in raws) + sum(
        str(list(record.values())[:7]).count("x") + str(list(record.values())[:7]).count("t")
        for record in found.records
    )
    assert said == content.count(b"x") + content.count(b"t")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (good(1) + b",", "wrong_column_count"),
        (good(1).rsplit(b",", 1)[0], "wrong_column_count"),
        (b'"t1,1,1000,2,20.50,,1752000000', "malformed_csv"),
        (b't"1,1,1000,2,20.50,,1752000000', "malformed_csv"),
        (b'"t"1,1,1000,2,20.50,,1752000000', "malformed_csv"),
        (b"t1,1,1000,2,20.50,\xff,1752000000", "invalid_utf8"),
        (b"t\0,1,1000,2,20.50,,1752000000", "nul_character:transaction_id"),
        (b"t1,1,1000,2,20.50,,NaN", "unparsable_timestamp:transaction_timestamp"),
        (b"t1,1,1000,2,1E3,,1752000000", "wrong_type:revenue"),
        (b"t1,1,1000,2,20.50, ,1752000000", "wrong_type:discount_applied"),
        (b"t1, 1,1000,2,20.50,,1752000000", "wrong_type:store_id"),
        (b"t1,1,1000,2,20.50,,-5", "out_of_range:transaction_timestamp"),
        (b"t1,1,1000,2,0." + b"0" * 40 + b",,1752000000", "out_of_range:revenue"),
    ],
)
def test_a_bad_row_says_why(row: bytes, reason: str) -> None:
    """A reason that names the wrong thing sends whoever repairs it astray."""
    found = Found(HEADER + b"\n".join([good(8), row, good(9)]))
    assert found.ids == ["t8", "t9"]
    assert found.reasons == [(row, (reason,))]
    assert [record["record_number"] for record in found.records] == [1, 3]


def test_a_row_of_several_lines_is_one() -> None:
    """A line end in a quoted cell breaks its row, also when the row is bad for another reason."""
    two = b'"t\n1",1,1000,2,20.50,,1752000000'
    bad = b'"t\n2",1,1000,-2,20.50,,1752000000'
    found = Found(HEADER + b"\n".join([two, bad, good(3)]))
    assert found.ids == ["t\n1", "t3"]
    assert found.reasons == [(bad, ("out_of_range:quantity",))]


def test_two_stray_quotes_do_not_swallow_what_is_between() -> None:
    """Two quotes that were not meant make one well-formed row of three, with the right number of cells."""
    first, last = b't1,1,1000,2,"20.50,,1752000000', b't3,1,1000,2,20.50",,1752000000'
    found = Found(HEADER + b"\n".join([first, good(2), last, good(4)]))
    assert found.ids == ["t2", "t4"]
    assert found.reasons == [(first, ("malformed_csv",)), (last, ("malformed_csv",))]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"a,b,c\n",
        b'"transaction_id,store_id\n',
        b"store_id,transaction_id,store_id\n",
        HEADER.replace(b"store", b"st\xffore"),
        HEADER[:-1] + b"," + b"x" * MAX_HEADER_BYTES + b"\n",
        '"transaction_id\n",store_id\n'.encode("utf-16"),
    ],
)
def test_an_unusable_header_quarantines_everything(header: bytes) -> None:
    """Values are put into columns by guess, or the first line is lost."""
    found = Found(header + good(1) + b"\n\n" + good(2))
    assert found.scan.good == 0
    assert {reasons for _, reasons in found.reasons} == {("unusable_header",)}
    assert found.headings == []
    raws = [raw for raw, _ in found.reasons]
    assert raws[-1] == good(2)
    assert b"".join(header.split()) + good(1) in b"".join(b"".join((raw or b"").split()) for raw in raws)


@pytest.mark.parametrize("size", [64 * 1024, BLOCK_BYTES])
def test_lines_that_are_too_long(size: int) -> None:
    """One line without end is held in memory, or takes the next ones with it."""
    long = b"t1," + b"x" * (2 * MAX_RECORD_BYTES)
    open_quote = b't2,"' + b"\n".join([b"x" * 1000] * 5000)
    content = HEADER + b"\n".join([good(1), long, good(2), open_quote, good(3), long])
    found = Found(content, size)
    assert found.ids == ["t1", "t2", "t3"]
    too_long = [bad for bad in found.bad_records if bad.raw is None]
    place = len(HEADER) + len(good(1)) + 1
    reasons = ("record_too_large",)
    assert too_long == [
        Bad(place, len(long), None, reasons),
        Bad(len(content) - len(long), len(long), None, reasons),
    ]
    assert found.bad_records[1] == Bad(
        place + len(long) + len(good(2)) + 2, 1004, open_quote[:1004], ("malformed_csv",)
    )
    assert len(found.bad_records) == 2 + 5000


@pytest.mark.parametrize(
    "line", [b'",', b'"a\n', b'x,"\n', b'","', b'""x\n', b'"\n', b'"x""\n', b'a,"b",c\n', b"\n", b" "]
)
def test_the_time_is_linear(line: bytes) -> None:
    """A quote in each line has the rest of the file read again for each of them."""
    size = 50_000
    times: list[float] = []
    for length in (size, 8 * size):
        began = time.process_time()
        Found(HEADER + line * (length // len(line)), BLOCK_BYTES)
        times.append(time.process_time() - began)
    assert times[1] < 40 * max(times[0], 0.02)
