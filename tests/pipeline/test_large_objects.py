"""Size end to end: records at Redshift's limit, objects far beyond memory, and what validation needs of it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from tests.pipeline.hours import Hour, assert_arrives
from tests.pipeline.records import Content, encoded, record, web_log
from weblogs_platform.core.compression import MAX_CONTENT_BYTES
from weblogs_platform.core.spec import MAX_RECORD_BYTES

MEMORY_BOUND_MB = 450
"""Peak resident memory of a process that validates, whatever the size of its objects."""

MB = 1024 * 1024
Result = Callable[[str], dict[str, Any]]


def _sized(n: int, size: int) -> bytes:
    """A sound record of exactly `size` bytes; the filling is a member that nobody maps."""
    empty = encoded({**web_log(n), "filling": ""})
    return encoded({**web_log(n), "filling": "x" * (size - len(empty))})


@pytest.mark.parametrize("separator", [b"\n", b""], ids=["new lines", "concatenated"])
def test_a_record_may_have_4_mb_and_no_byte_more(hour: Hour, separator: bytes) -> None:
    """Redshift fails a COPY at 4 MB: a larger record has to go, its neighbours and one just under must not."""
    just_fits = Content(hour.spec).good(web_log(1)).between(separator)
    just_fits.good(_sized(2, MAX_RECORD_BYTES)).between(separator).good(web_log(3))
    too_large = Content(hour.spec).good(web_log(4)).between(separator)
    too_large.bad(_sized(5, MAX_RECORD_BYTES + 1), "record_too_large").between(separator).good(web_log(6))
    far_too_large = Content(hour.spec).good(web_log(7)).between(separator)
    far_too_large.bad(_sized(8, 3 * MAX_RECORD_BYTES), "record_too_large").between(separator)
    far_too_large.good(web_log(9)).between(separator).bad(b"{", "malformed_json")
    zipped = Content(hour.spec).good(web_log(10)).between(separator)
    zipped.bad(_sized(11, 2 * MAX_RECORD_BYTES), "record_too_large").between(separator).good(web_log(12))
    files = assert_arrives(
        hour, fits=just_fits, over=too_large, far_over=far_too_large, zipped=zipped.gzipped()
    )
    assert files["fits"].load_key == files["fits"].source.key


def test_a_record_without_end_is_one_bad_record(hour: Hour) -> None:
    """A string that is never closed swallows the object, or is read into memory as a whole."""
    content = Content(hour.spec).good(web_log(1)).between(b"\n")
    content.bad(b'{"payload": {"page": "' + b"x" * 20 * MB, "record_too_large")
    assert_arrives(hour, part=content)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_200_mb_object_loads_in_bounded_memory(hour: Hour, result: Result) -> None:
    """Validation holds an object in memory, or an object of some hundred MB cannot be loaded at all."""
    block = Content(hour.spec)
    for n in range(4000):
        block.good(record(hour.spec, n)) if n % 50 else block.bad(record(hour.spec, n, user_id=None), "-")
    copies = 200 * MB // len(block.body) + 1
    key = hour.spec.landing_hour_prefix(hour.hour) + "large"
    hour.roles.delivery.upload_fileobj(BytesIO(bytes(block.body) * copies), hour.roles.bucket, key)
    validated = result("validate")
    assert (validated["good"], validated["bad"]) == (
        len(block.rows) * copies,
        len(block.quarantined) * copies,
    )
    assert validated["peak_mb"] < MEMORY_BOUND_MB
    loaded = result("load")
    assert (loaded["action"], loaded["rows"]) == ("append", len(block.rows) * copies)
    assert loaded["peak_mb"] < MEMORY_BOUND_MB
    assert hour.ledger() == [(key, validated["good"], validated["bad"], False)]


@pytest.mark.slow
def test_a_gzip_bomb_is_refused_in_bounded_memory(hour: Hour, result: Result) -> None:
    """A few MB that decompress to more than the limit take the process, and every other load, down."""
    member = gzip.compress(encoded(web_log(1)) + b"\n") + _zipped_run(b" ", MAX_CONTENT_BYTES)
    hour.drop("bomb.gz", member)
    validated = result("validate")
    assert (validated["good"], validated["bad"]) == (0, 1)
    assert validated["peak_mb"] < MEMORY_BOUND_MB


@pytest.mark.slow
def test_objects_without_a_record_are_read_in_bounded_memory(hour: Hour, result: Result) -> None:
    """Text or brackets without end are kept until they close, which they never do."""
    fillings = [b"x", b"[", b"{", b'"', b"\0"]
    for n, filling in enumerate(fillings):
        hour.drop(f"{n}.gz", gzip.compress(filling * (24 * MB)))
    validated = result("validate")
    assert (validated["good"], validated["bad"]) == (0, len(fillings))
    assert validated["peak_mb"] < MEMORY_BOUND_MB


def _zipped_run(filling: bytes, size: int) -> bytes:
    compressor = zlib.compressobj(1, wbits=31)
    chunk = filling * MB
    parts = [compressor.compress(chunk) for _ in range(size // MB)]
    return b"".join([*parts, compressor.flush()])
