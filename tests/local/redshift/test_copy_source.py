"""Where COPY reads from: prefixes, manifests, jsonpaths files, compression, and what S3 refuses."""

from __future__ import annotations

import bz2
import gzip
import json
from typing import Any

import pyarrow as pa
import pytest

from tests.clients.dripping_server import dripping_server
from tests.local.redshift.copy_fixtures import ROLE, CopyBench, bench
from weblogs_platform.clients.patience import SlowestRead
from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError, S3Credentials
from weblogs_platform.local.redshift.copy.jsonpaths import read_jsonpaths
from weblogs_platform.local.redshift.copy.source import S3Object, S3Source, decompressed

__all__ = ["bench"]

MANIFEST = "FORMAT JSON 'auto' MANIFEST"


@pytest.fixture
def table(bench: CopyBench) -> CopyBench:
    bench.table("t", [ColumnInfo("a", "integer")], "a INTEGER")
    return bench


def put_manifest(bench: CopyBench, *entries: dict[str, Any]) -> None:
    bench.put("manifest", json.dumps({"entries": entries}))


def values(bench: CopyBench) -> list[int]:
    return [row[0] for row in bench.rows("t")]


def test_a_prefix_is_listed_page_by_page(table: CopyBench) -> None:
    """More objects than one listing page holds all load, in key order."""
    client = table.stack.s3("admin")
    for number in range(1005):
        key = f"{table.prefix}many/{number:04}"
        client.put_object(Bucket=table.stack.bucket, Key=key, Body=f'{{"a": {number}}}'.encode())
    outcome = table.copy("t", "many/")
    assert (outcome.files, values(table)) == (1005, list(range(1005)))
    assert len(table.session.files) == 1005


def test_a_manifest_names_exact_keys(table: CopyBench) -> None:
    """Keys with blanks, quotes, `%2F` and letters beyond ASCII are taken as they stand, and nothing beside them."""
    names = ["with space", "quote's\"", "per%2Fcent", "ünïcode", "plus+sign"]
    entries = [
        {"url": table.put(name, f'{{"a": {number}}}'), "mandatory": True} for number, name in enumerate(names)
    ]
    table.put("with space and more", '{"a": 99}')
    put_manifest(table, *entries)
    assert table.copy("t", "manifest", MANIFEST).files == 5
    assert values(table) == [0, 1, 2, 3, 4]


def test_missing_files_of_a_manifest(table: CopyBench) -> None:
    """A missing mandatory file fails the load by name, another one is skipped; no file at all fails."""
    there, missing = table.put("there", '{"a": 1}'), table.url("missing")
    put_manifest(table, {"url": there}, {"url": missing, "mandatory": False, "meta": {"content_length": 5}})
    assert table.copy("t", "manifest", MANIFEST).files == 1
    put_manifest(table, {"url": there}, {"url": missing, "mandatory": True})
    with pytest.raises(RedshiftError, match=r"Status 404.*missing"):
        table.copy("t", "manifest", MANIFEST)
    put_manifest(table, {"url": missing})
    with pytest.raises(RedshiftError, match="None of the files"):
        table.copy("t", "manifest", MANIFEST)
    assert table.session.began == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("nope", "not JSON"),
        ("[]", "one JSON object"),
        ("{}", "entries"),
        ('{"entries": []}', "entries"),
        ('{"entries": [{"mandatory": true}]}', "url"),
        ('{"entries": [{"url": "http://x/y"}]}', "url"),
        ('{"entries": [{"url": "s3://b/k", "mandatory": "yes"}]}', "mandatory"),
        ('{"entries": [{"url": "s3://b/k", "mandatry": true}]}', "mandatry"),
        ('{"entries": [{"url": "s3://b/k"}, {"url": "s3://b/k"}]}', "twice"),
    ],
)
def test_a_malformed_manifest_is_refused(table: CopyBench, content: str, problem: str) -> None:
    """A manifest that is not understood loads nothing rather than something."""
    table.put("manifest", content)
    with pytest.raises(RedshiftError, match=problem):
        table.copy("t", "manifest", MANIFEST)


def test_what_s3_refuses(table: CopyBench) -> None:
    """The COPY role cannot read quarantined data; the error says so and names the key. So does a missing object."""
    bucket = table.stack.bucket
    table.stack.s3("admin").put_object(Bucket=bucket, Key="invalid/x", Body=b"{}")
    for source, named in ((f"s3://{bucket}/invalid/x", "invalid/x"), (table.url("none"), "none")):
        with pytest.raises(RedshiftError) as failure:
            table.run(f"COPY t FROM '{source}' IAM_ROLE '{ROLE}' {MANIFEST}")
        assert failure.value.message.startswith("S3ServiceException:")
        assert named in failure.value.message
    with pytest.raises(RedshiftError, match="does not exist"):
        table.copy("t", "none")
    with pytest.raises(RedshiftError, match="is not known"):
        table.run(f"COPY t FROM '{table.url()}' IAM_ROLE 'arn:aws:iam::0:role/other' JSON 'auto'")
    assert table.session.began == 0


def test_an_unreachable_s3_is_named(table: CopyBench) -> None:
    """A server that is down gives one clear error, within seconds."""
    table.session.s3_endpoint = "http://127.0.0.1:1"
    with pytest.raises(RedshiftError, match="is the S3 server running"):
        table.copy("t", "x")


def test_cancelling_stops_the_load(table: CopyBench) -> None:
    """A cancelled COPY ends between chunks with 57014 and leaves nothing."""
    table.put("x1", '{"a": 1}')
    table.put("x2", '{"a": 1}')
    table.session.cancel_after = 1
    with pytest.raises(RedshiftError) as failure:
        table.copy("t", "x")
    assert (failure.value.sqlstate, values(table)) == ("57014", [])


def test_bzip2(table: CopyBench) -> None:
    """BZIP2 is read like GZIP, streams joined."""
    table.put("b", bz2.compress(b'{"a": 1}') + bz2.compress(b'{"a": 2}'))
    table.copy("t", "b", "FORMAT JSON 'auto' BZIP2")
    assert values(table) == [1, 2]


def test_zstd(table: CopyBench) -> None:
    """ZSTD is read like GZIP, frames joined; the validated copies of the platform are stored so."""
    codec = pa.Codec("zstd")
    table.put("z", codec.compress(b'{"a": 1}', asbytes=True) + codec.compress(b'{"a": 2}', asbytes=True))
    table.copy("t", "z", "FORMAT JSON 'auto' ZSTD")
    assert values(table) == [1, 2]


ZPACKED = pa.Codec("zstd").compress(b'{"a": 1}' * 1000, asbytes=True)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(ZPACKED[:-1], id="no-last-byte"),
        pytest.param(ZPACKED[:9], id="no-end"),
        pytest.param(ZPACKED + b"x", id="rubbish-behind"),
        pytest.param(b"plain", id="plain"),
        pytest.param(ZPACKED + ZPACKED[:5], id="second-frame-cut"),
    ],
)
@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_damaged_zstd_is_an_error(content: bytes, block: int) -> None:
    """Cut off, or rubbish behind the end: each names the file, however it arrives."""
    blocks = iter([content[at : at + block] for at in range(0, len(content), block)])
    with pytest.raises(RedshiftError, match="s3://b/k"):
        list(decompressed(blocks, "zstd", "s3://b/k"))


def test_a_zstd_bomb_comes_in_small_pieces() -> None:
    """A few kilobytes that expand to 200 MB are never in memory at once."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        for _ in range(200):
            out.write(bytes(1_000_000))
    sizes = [len(piece) for piece in decompressed(iter([sink.getvalue().to_pybytes()]), "zstd", "s3://b/k")]
    assert (sum(sizes), max(sizes) <= 4 * 1024 * 1024) == (200_000_000, True)


PACKED = gzip.compress(b'{"a": 1}' * 1000, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PACKED[:-1], id="no-last-byte"),
        pytest.param(PACKED[:-9], id="no-trailer"),
        pytest.param(PACKED[:20], id="no-end"),
        pytest.param(PACKED[:-6] + b"\0" + PACKED[-5:], id="crc-flipped"),
        pytest.param(PACKED + b"x", id="rubbish-behind"),
        pytest.param(b"plain", id="plain"),
        pytest.param(PACKED + PACKED[:30], id="second-member-cut"),
    ],
)
@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_damaged_gzip_is_an_error(content: bytes, block: int) -> None:
    """Cut off, a flipped byte in data or CRC, rubbish behind the end: each names the file, however it arrives."""
    blocks = iter([content[at : at + block] for at in range(0, len(content), block)])
    with pytest.raises(RedshiftError, match="s3://b/k"):
        list(decompressed(blocks, "gzip", "s3://b/k"))


@pytest.mark.parametrize("block", [1, 5, 10_000])
def test_gzip_members_and_padding(block: int) -> None:
    """Members one after the other are one text, and zero bytes behind the last are padding."""
    content = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + b"\0" * 20
    blocks = iter([content[at : at + block] for at in range(0, len(content), block)])
    assert b"".join(decompressed(blocks, "gzip", "s3://b/k")) == b"one two"


def test_a_gzip_bomb_comes_in_small_pieces() -> None:
    """A few kilobytes that expand to 200 MB are never in memory at once."""
    pieces = decompressed(iter([gzip.compress(bytes(200_000_000), 6)]), "gzip", "s3://b/k")
    sizes = [len(piece) for piece in pieces]
    assert (sum(sizes), max(sizes) <= 4 * 1024 * 1024) == (200_000_000, True)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('{"jsonpaths": ["$.a", "$.b.c[0]"]}', (("a",), ("b", "c", 0))),
        ("""{"jsonpaths": ["$['a']['b c'][2]", "$[0]"]}""", (("a", "b c", 2), (0,))),
        ('{"jsonpath": ["$.a"]}', None),
    ],
)
def test_jsonpaths_are_read(text: str, paths: object) -> None:
    """Both notations; any other key than `jsonpaths` means 'auto'."""
    assert read_jsonpaths(text.encode(), "s3://b/p") == paths


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "[]",
            "{}{}",
            '{"jsonpaths": []}',
            '{"jsonpaths": "$.a"}',
            '{"jsonpaths": [""]}',
            '{"jsonpaths": [1]}',
        ),
        *(
            '{"jsonpaths": ["a"]}',
            '{"jsonpaths": ["$"]}',
            '{"jsonpaths": ["$.*"]}',
            '{"jsonpaths": ["$..a"]}',
        ),
        *("""{"jsonpaths": ["$.a['b']"]}""", """{"jsonpaths": ["$['a'].b"]}""", '{"jsonpaths": ["$.a[-1]"]}'),
    ],
)
def test_malformed_jsonpaths_fail(text: str) -> None:
    """A path that is not understood would load the wrong element; mixed notations and wildcards are refused."""
    with pytest.raises(RedshiftError, match="s3://b/p"):
        read_jsonpaths(text.encode(), "s3://b/p")


def test_an_object_that_drips_is_given_up() -> None:
    """A COPY that reads a byte now and then holds the lock of all loads for ever."""
    with dripping_server(1_000_000) as server:
        source = S3Source(
            S3Credentials("key", "secret"),
            endpoint=f"http://127.0.0.1:{server.port}",
            region="eu-west-1",
            slowest=SlowestRead(base_secs=0.5, bytes_per_sec=10**9),
        )
        item = S3Object("lake", "drips", 1_000_000, '"x"')
        for read in (lambda: list(source.chunks(item, "none")), lambda: source.read_small(item.url)):
            with pytest.raises(
                RedshiftError, match=r"S3 could not be read \(its 1,000,000 bytes did not .* Key drips"
            ):
                read()
        source.close()
