"""Gzip end to end: known by its first bytes, verified to its last, whatever the object is called."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from tests.pipeline.hours import Hour, assert_arrives, each_stream
from tests.pipeline.records import Content, Quarantined, encoded, record
from weblogs_platform.core import compression
from weblogs_platform.core.spec import StreamSpec


def _content(spec: StreamSpec, records: int = 40) -> Content:
    content = Content(spec)
    for n in range(records):
        content.good(record(spec, n))
    return content


@each_stream
def test_gzip_is_known_by_its_content(hour: Hour) -> None:
    """The name decides: compressed objects without .gz are garbage, and COPY is told the wrong option."""
    gzipped = {name: _content(hour.spec).gzipped() for name in ("part.gz", "part", "part.json")}
    files = assert_arrives(hour, **gzipped)
    for name, content in gzipped.items():
        assert (files[name].compression, files[name].load_key) == ("gzip", files[name].source.key)
        assert files[name].data_bytes == len(content.body)


@each_stream
def test_a_plain_object_named_gz_is_plain(hour: Hour) -> None:
    """COPY with GZIP fails on it and takes the hour with it."""
    name = "plain.gz"
    files = assert_arrives(hour, **{name: _content(hour.spec), "other.gz": _content(hour.spec).gzipped()})
    assert files[name].compression == "plain"


@each_stream
def test_a_gzip_object_with_a_bad_record_is_split(hour: Hour) -> None:
    """Offsets name places of the compressed bytes, or the split copy is listed as what its source is."""
    content = _content(hour.spec).bad(b'{"payload": {', "malformed_json").between(b"\n")
    content.good(record(hour.spec, 77)).gzipped()
    file = assert_arrives(hour, part=content)["part"]
    assert (file.compression, file.load_compression) == ("gzip", "zstd")


def test_every_member_is_read(hour: Hour) -> None:
    """Only the first member of a concatenated gzip loads; a record may lie across the seam."""
    contents: dict[str, Content] = {}
    for at in (0, 1, 1000, 20_000):
        content = contents[f"cut at {at}"] = _content(hour.spec, 200)
        body = bytes(content.body)
        content.compressed = gzip.compress(body[:at]) + gzip.compress(b"") + gzip.compress(body[at:])
    assert_arrives(hour, **contents)


def test_an_empty_gzip_has_no_records(hour: Hour) -> None:
    """It fails validation, or COPY is asked to read it."""
    assert assert_arrives(hour, empty=Content(hour.spec).gzipped())["empty"].load_key is None


def _flipped(body: bytes, at: int) -> bytes:
    at %= len(body)
    return body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :]


def _corrupt(body: bytes) -> dict[str, tuple[bytes, str]]:
    """Of one member that nothing vouches for."""
    return {
        "only the magic": (body[:2], "truncated_gzip"),
        "flipped in the middle": (_flipped(body, len(body) // 2), "corrupt_gzip"),
        "flipped in the CRC": (_flipped(body, -6), "corrupt_gzip"),
        "flipped in the length": (_flipped(body, -2), "corrupt_gzip"),
        "flipped in the header": (_flipped(body, 2), "corrupt_gzip"),
    }


def test_a_corrupt_gzip_is_quarantined_whole(hour: Hour) -> None:
    """Records before the fault load although nothing vouches for them, or the fault fails the hour."""
    sound = _content(hour.spec, 2000).gzipped().stored
    broken = {name: Content(hour.spec).bad(*stored) for name, stored in _corrupt(sound).items()}
    files = assert_arrives(hour, **broken)
    assert {files[name].load_key for name in broken} == {None}


def _damaged(spec: StreamSpec, readable: bytes, stored: bytes, reason: str) -> Content:
    """An object that is `readable` up to its damage: whole records load, the one that the cut went through and the rest
    are two bad ones."""
    content = Content(spec)
    for line in readable.splitlines(keepends=True):
        if line.endswith(b"\n"):
            content.good(line.rstrip(b"\n")).between(b"\n")
        else:
            content.bad(line, "malformed_json")
    content.quarantined.append(Quarantined(len(content.body), stored, (reason,)))
    content.compressed = stored
    return content


def _lines(spec: StreamSpec, records: int) -> bytes:
    return b"".join(encoded(record(spec, n)) + b"\n" for n in range(records))


@each_stream
def test_what_came_before_a_cut_loads(hour: Hour) -> None:
    """A delivery that broke off costs two thousand good records, and nothing can bring them back."""
    lines = _lines(hour.spec, 2000)
    body = gzip.compress(lines, mtime=0)
    objects: dict[str, Content] = {}
    for name, end in {"half": len(body) // 2, "tail": len(body) - 20, "last byte": len(body) - 1}.items():
        readable = zlib.decompressobj(31).decompress(body[:end])
        objects[name] = _damaged(hour.spec, readable, body[:end], "truncated_gzip")
        assert len(objects[name].rows) > 500
    assert len(objects["last byte"].rows) == 2000
    files = assert_arrives(hour, **objects)
    assert {files[name].load_compression for name in objects} == {"zstd"}


@each_stream
def test_members_that_are_sound_load(hour: Hour) -> None:
    """Of several members, one that is damaged costs those before it."""
    lines = _lines(hour.spec, 50)
    body = gzip.compress(lines, mtime=0)
    second = zlib.decompressobj(31).decompress(body[:-20])
    objects = {
        "second cut": _damaged(hour.spec, lines + second, body + body[:-20], "truncated_gzip"),
        "second flipped": _damaged(hour.spec, lines, body + _flipped(body, -6), "corrupt_gzip"),
        "followed by text": _damaged(hour.spec, lines, body + b"and more", "corrupt_gzip"),
    }
    assert_arrives(hour, **objects)


def test_noise_that_was_cut_is_bad(hour: Hour) -> None:
    """What is inflated of it is no record, and fails the hour."""
    noise = random.Random(1).randbytes(50_000).replace(b"{", b"x").replace(b"[", b"x")
    hour.drop("noise", gzip.compress(noise, mtime=0)[:-100])
    hour.drop("sound", _content(hour.spec, 5).gzipped().stored)
    report, outcome = hour.run()
    assert (outcome.rows_loaded, report.good) == (5, 5)
    assert report.bad >= 2


def test_content_beyond_the_limit_is_refused(hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb fills memory and disk before anybody notices."""
    monkeypatch.setattr(compression, "MAX_CONTENT_BYTES", 40 * 1024**2)
    bomb = _content(hour.spec).between(b" " * 41 * 1024**2).gzipped().stored
    assert_arrives(hour, bomb=Content(hour.spec).bad(bomb, "content_too_large"))
