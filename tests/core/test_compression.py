"""Gzip: what is not exactly what was packed is noticed, and how far it can be trusted."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weblogs_platform.core import compression
from weblogs_platform.core.compression import UnreadableContent, decompressed, is_gzip, trusted_part

CONTENT = b"".join(b'{"number": %d, "square": %d}' % (n, n * n) for n in range(1_000))
PACKED = gzip.compress(CONTENT, mtime=0)


def unpacked(body: bytes, size: int = 1 << 20, block_bytes: int = 10_000) -> bytes:
    return b"".join(decompressed([body[at : at + size] for at in range(0, len(body), size)], block_bytes))


def reason(body: bytes, size: int = 1 << 20) -> str:
    with pytest.raises(UnreadableContent) as caught:
        unpacked(body, size)
    return caught.value.reason


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_content_comes_back_in_blocks(size: int) -> None:
    """A header, a trailer or a piece of content is lost at a block's edge."""
    blocks = list(decompressed([PACKED[at : at + size] for at in range(0, len(PACKED), size)], 10_000))
    assert b"".join(blocks) == CONTENT
    assert all(10_000 <= len(block) < 10_000 + (1 << 20) for block in blocks[:-1])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.integers(1, 500))
def test_members_are_one_content(parts: list[bytes], size: int) -> None:
    """Only the first member is read, silently; or one that ends with a block ends the content."""
    assert unpacked(b"".join(gzip.compress(part) for part in parts), size) == b"".join(parts)


def test_every_cut_is_truncation() -> None:
    """A cut object loads as far as it goes."""
    small = gzip.compress(b'{"a": 1}' * 20, mtime=0)
    for end in range(2, len(small)):
        assert reason(small[:end]) == "truncated_gzip", end
        assert reason(small + small[:end], 64) == "truncated_gzip", end


def test_what_can_be_trusted_of_a_cut_object_is_its_beginning() -> None:
    """Bytes are made up, lost or doubled at the cut, or of a member that nothing vouches for."""
    small = b'{"a": 1}' * 20
    packed = gzip.compress(small, mtime=0)
    for end in range(2, len(packed)):
        for before in (b"", small):
            body = (packed if before else b"") + packed[:end]
            with pytest.raises(UnreadableContent) as caught:
                unpacked(body)
            found = b"".join(trusted_part([body], caught.value.trusted)) if caught.value.trusted else b""
            assert (before + small).startswith(found)
            assert len(found) == caught.value.trusted >= len(before)
    flipped = packed + packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:]
    with pytest.raises(UnreadableContent) as caught:
        unpacked(flipped)
    assert b"".join(trusted_part([flipped], caught.value.trusted)) == small


def test_every_flipped_byte_is_noticed() -> None:
    """The CRC is not checked: changed records load."""
    for at in range(len(PACKED)):
        broken = PACKED[:at] + bytes([PACKED[at] ^ 0x10]) + PACKED[at + 1 :]
        if not is_gzip(broken):
            continue
        try:
            content = unpacked(broken)
        except UnreadableContent as unreadable:
            assert unreadable.reason in ("corrupt_gzip", "truncated_gzip")  # noqa: PT017 - one of many positions
        else:
            assert content == CONTENT, at  # a bit of the header, or beside the last code, says nothing of it


@pytest.mark.parametrize("rest", [b"garbage", b"\0" * 512, b"{}", b"\n"])
def test_trailing_bytes_are_refused(rest: bytes) -> None:
    """What follows the members is dropped without a word."""
    assert reason(PACKED + rest) == ("corrupt_gzip" if len(rest) > 1 else "truncated_gzip")


def test_nothing_packed_is_nothing() -> None:
    """An empty member is no content, and no fault."""
    assert list(decompressed([gzip.compress(b"")], 1000)) == []
    assert list(decompressed([], 1000)) == []


def test_wrong_length_is_noticed() -> None:
    """The trailer's length is not compared."""
    assert reason(PACKED[:-4] + (len(CONTENT) + 1).to_bytes(4, "little")) == "corrupt_gzip"
    assert reason(PACKED[:-8] + zlib.crc32(b"other").to_bytes(4, "little") + PACKED[-4:]) == "corrupt_gzip"


def test_content_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb is unpacked to its end."""
    monkeypatch.setattr(compression, "MAX_CONTENT_BYTES", 5 << 20)
    assert unpacked(gzip.compress(bytes(5 << 20))) == bytes(5 << 20)
    assert reason(gzip.compress(bytes(6 << 20))) == "content_too_large"


@pytest.mark.parametrize(
    ("head", "expected"), [(PACKED[:2], True), (b"", False), (b"\x1f", False), (b'{"a"', False)]
)
def test_gzip_is_known_by_its_magic(head: bytes, expected: bool) -> None:
    """A plain object named .gz is taken for gzip."""
    assert is_gzip(head) is expected


def test_what_zlib_holds_back_at_a_cut_is_trusted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much of a cut object can be read depends on the pieces it is read in, so a second validation finds others."""
    packed = gzip.compress(b"0" * 5_000 + CONTENT[:500], mtime=0)
    for inflated in (1, 64, 300):
        monkeypatch.setattr(compression, "_INFLATED_BYTES", inflated)
        for end in range(20, len(packed) - 8):
            with pytest.raises(UnreadableContent) as caught:
                unpacked(packed[:end], 16)
            assert caught.value.trusted == len(zlib.decompressobj(wbits=31).decompress(packed[:end])), end
