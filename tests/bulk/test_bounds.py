"""Memory that does not grow with the content, time that grows no faster, whatever the content is."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.bulk.scan_probe import RECORD
from tests.bulk.sinks import Bad, in_blocks, scanned
from weblogs_platform.bulk.scan import HELD_BYTES
from weblogs_platform.core.spec import MAX_RECORD_BYTES
from weblogs_platform.streams import WEB_LOGS

GROWTH_MIB = 300
"""What a scan may take beside the interpreter and its libraries. The worst seen is 250: a JSON object of any size
in lines of a few bytes."""
MB = 1_000_000


def probe(kind: str, size: int) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "tests.bulk.scan_probe", kind, str(size)],
        capture_output=True,
        check=True,
        timeout=100,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("one object", 200 * MB),
        ("one object of many", 16 * MB),
        ("one indented object", 16 * MB),
        ("unterminated string", 30 * MB),
        ("deep", MB // 2),
        ("braces", MB),
        ("brackets", 16 * MB),
        ("zeros", 50 * MB),
        ("names", 16 * MB),
    ],
)
def test_one_bad_stretch_is_one_bad_record_between_neighbours(kind: str, size: int) -> None:
    """A record without end takes the memory of the machine, the time of a parse at every byte, or its neighbours."""
    said = probe(kind, size)
    assert (said["good"], said["bad"]) == (2, 1)
    [(offset, length)] = said["places"]
    assert offset == len(RECORD)
    assert 0.9 * size < length <= 1.1 * size
    assert said["grown_mib"] < GROWTH_MIB
    assert said["seconds"] < 10


@pytest.mark.parametrize(("kind", "size"), [("spaces", 50 * MB), ("new lines", 50 * MB)])
def test_white_space_is_nothing(kind: str, size: int) -> None:
    """A row for each empty line: 50 MB of them are 50 million."""
    said = probe(kind, size)
    assert (said["good"], said["bad"]) == (2, 0)
    assert said["grown_mib"] < GROWTH_MIB
    assert said["seconds"] < 10


@pytest.mark.parametrize("kind", ["sound lines", "gzip members"])
def test_sound_content_streams(kind: str) -> None:
    """Memory grows with the object, or each member of a gzip object costs a copy of its block."""
    said = probe(kind, 60 * MB if kind == "sound lines" else 10 * MB)
    assert (said["bad"], said["good"] > 50_000) == (0, True)
    assert said["grown_mib"] < GROWTH_MIB
    assert said["seconds"] < 10


def test_gzip_bomb_takes_the_memory_of_a_block() -> None:
    """200 kB that are 200 MB of zeros."""
    said = probe("gzip bomb", 200 * MB)
    assert said["reasons"] == {"record_too_large": 1}
    assert said["grown_mib"] < GROWTH_MIB


def sized(size: int) -> bytes:
    head, tail = RECORD[:-1] + b', "x": "', b'"}'
    return head + b"a" * (size - len(head) - len(tail)) + tail


@pytest.mark.parametrize("between", [b"", b"\n", b" "])
@pytest.mark.parametrize("block", [1 << 20, 8 << 20, 64 << 20])
def test_limit_is_four_mebibytes(between: bytes, block: int) -> None:
    """COPY fails on a record over 4 MB; one just under it is lost at a block's edge."""
    fits, over = sized(MAX_RECORD_BYTES), sized(MAX_RECORD_BYTES + 1)
    outcome = scanned(WEB_LOGS, in_blocks(between.join([RECORD, fits, over, RECORD, fits]), block))
    assert outcome.good == 4
    place = len(RECORD) + len(fits) + 2 * len(between)
    assert outcome.bad_records == [Bad(place, len(over), None, ("record_too_large",))]


@pytest.mark.parametrize(
    ("size", "block"),
    [(MAX_RECORD_BYTES + 600, 1 << 20), (HELD_BYTES - 600, 8 << 20), (HELD_BYTES + (5 << 20), 5 << 20)],
)
@pytest.mark.parametrize("shape", ["object", "lines", "string"])
def test_large_stretch_ends_where_it_ends(shape: str, size: int, block: int) -> None:
    """A large record is cut at the first line that begins with a brace, or takes its neighbours with it."""
    line = b'\n{"event_type": "a", "user_id": 1, "session_id": "s"},'
    large = {
        "object": b'{"a": "' + (b"x" * 500 + b'}{\\"') * (size // 504) + b'"}',
        "lines": b'{"a": [' + line * (size // len(line)) + b"1]}",
        "string": b'{"a": "' + b"x" * size,
    }[shape]
    outcome = scanned(WEB_LOGS, in_blocks(b"\n".join([RECORD, large, RECORD, RECORD]), block))
    assert outcome.good == 3
    assert [(b.offset, b.length) for b in outcome.bad_records] == [(len(RECORD) + 1, len(large))]


def test_brackets_within_the_limit_are_doubted_and_not_fatal() -> None:
    """DuckDB's parser ran out of its memory on 4 MiB of brackets, and the hour could not be validated at all."""
    half = MAX_RECORD_BYTES // 2 - 8
    brackets = b'{"a": ' + b"[" * half + b"]" * half + b"}"
    outcome = scanned(WEB_LOGS, [b"\n".join([RECORD, brackets, b" " + RECORD])])
    assert (outcome.good, outcome.reasons) == (2, {"nested_too_deep": 1})


def test_deep_record_between_neighbours() -> None:
    """100,000 brackets exhaust a stack."""
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    outcome = scanned(WEB_LOGS, in_blocks(RECORD + deep + RECORD + deep[:-1] + RECORD, 1 << 20))
    assert (outcome.good, outcome.reasons["nested_too_deep"]) == (3, 1)


def test_record_of_many_names_is_good() -> None:
    """20,000 members are no reason to refuse, nor to name them all in the report."""
    names = b"".join(b', "k%d": %d' % (n, n) for n in range(20_000))
    outcome = scanned(WEB_LOGS, [RECORD + RECORD[:-2] + names + b"}}" + RECORD])
    assert (outcome.good, outcome.bad) == (3, 0)
    assert len(outcome.present) <= 500


def test_garbage_is_one_bad_record() -> None:
    """A picture under the prefix."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)).replace(b"{", b"") * 1000
    outcome = scanned(WEB_LOGS, in_blocks(picture, 64 * 1024))
    assert (outcome.good, outcome.bad, outcome.loaded) == (0, 1, b"")
    assert outcome.bad_records[0].raw == picture.rstrip()
