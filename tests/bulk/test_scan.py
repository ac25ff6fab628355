"""The scan of whole contents: known records in known places, in every framing, cut into any blocks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bulk.record_texts import mutated, odd_text, sound_record
from tests.bulk.sinks import Bad, Outcome, in_blocks, scanned
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, FIREHOSE_STREAMS, WEB_LOGS

SEARCH = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

MALFORMED = [
    b'{"timestamp": "2025-07-17T20:40:36", "payload": {"event_type": "Cli',
    b'{"timestamp": "2025-07-17T20:40:36", "payload":',
    b'{"timestamp": "2025-07-17T20:40:36", "payload": {"event_type": "a", "x": NaN}}',
    b'{"timestamp": "2025-07-17T20:40:36", "payload": {"event_type": "a"b"}}',
    b'{"timestamp": "2025-07-17T20:40:36", "payload": {"event_type": "a",}}',
    b'{"timestamp": "2025-07-17T20:40:36", "payload": {"event_type": "a"}',
    b'{"timestamp": "2025-07-17T20:40:36"; "payload": {"event_type": "a", "user_id": 1, "session_id": "s"}}',
    b"{'event_type': 1}",
    b"WARN producer-7 restarted, record lost",
    b"42",
    b"{",
]
NULL = b'{"payload": {"event_type": null}}'
NOT_UTF8 = b'{"payload": {"event_type": "\xc3\x28"}}'


@dataclass
class Content:
    """Content made of known parts, and what the scan must say of it."""

    body: bytearray = field(default_factory=bytearray)
    good: list[bytes] = field(default_factory=list)
    bad: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, text: bytes, *, good: bool, between: bytes) -> None:
        if good:
            self.good.append(text)
        else:
            self.bad.append((len(self.body), text))
        self.body += text + between


def known_content(
    draw: st.DrawFn, spec: StreamSpec, betweens: list[bytes], indents: list[int | None]
) -> Content:
    content = Content()
    between, indent = draw(st.sampled_from(betweens)), draw(st.sampled_from(indents))
    last_was_broken = False
    for kind in draw(st.lists(st.integers(0, 7), max_size=14)):
        sound = kind < 5 or last_was_broken
        if sound:
            text = json.dumps(draw(sound_record(spec)), indent=indent, ensure_ascii=False).encode()
            content.add(text, good=True, between=between)
        elif kind < 7:
            content.add(draw(st.sampled_from(MALFORMED)), good=False, between=between)
        else:
            content.add(draw(st.sampled_from([NULL, NOT_UTF8])), good=False, between=between)
        last_was_broken = not sound and kind < 7
    return content


def check(spec: StreamSpec, content: Content, outcome: Outcome) -> None:
    assert [(b.offset, b.raw) for b in outcome.bad_records] == content.bad
    assert outcome.good == len(content.good)
    assert outcome.conformed == 0
    assert b"".join(outcome.loaded.split()) == b"".join(b"".join(content.good).split())
    decoder, text, at = json.JSONDecoder(), outcome.loaded.decode(), 0
    for expected in content.good:
        at += len(text[at:]) - len(text[at:].lstrip())
        _, end = decoder.raw_decode(text, at)
        assert text[at:end].encode() == expected
        at = end
    assert not text[at:].strip()


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda spec: spec.name)
def test_every_known_record_is_loaded_or_quarantined_in_its_place(spec: StreamSpec) -> None:
    """A bad record costs a neighbour, a good one is altered, or the quarantine names the wrong bytes."""

    @SEARCH
    @given(st.data())
    def search(data: st.DataObject) -> None:
        betweens = [b"", b"\n", b"\r\n", b"\n\n", b" ", b"\n \n\t"]
        content = data.draw(st.composite(known_content)(spec, betweens, [None, None, 2]))
        size = data.draw(st.sampled_from([1, 2, 7, 64, 1000, 1 << 20]))
        check(spec, content, scanned(spec, in_blocks(bytes(content.body), size)))

    search()


@st.composite
def any_content(draw: st.DrawFn, spec: StreamSpec) -> bytes:
    """Sound and odd records, arrays, junk and punctuation in any mixture."""
    body = bytearray(draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\n", b"[", b"\xef\xbb"])))
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.integers(0, 11))
        record: dict[str, Any] = draw(sound_record(spec))
        text = json.dumps(record, indent=draw(st.sampled_from([None, None, None, 1]))).encode()
        if kind == 5:
            text = draw(odd_text(spec))
        elif kind == 6:
            text = draw(mutated(text))
        elif kind == 7:
            text = text[: draw(st.integers(0, len(text)))]
        elif kind == 8:
            text = draw(st.sampled_from([*MALFORMED, NULL, NOT_UTF8]))
        elif kind == 9:
            text = json.dumps({**record[spec.payload], "ingestion_timestamp": "2025-07-17T20:40:36"}).encode()
        elif kind == 10:
            text = (
                b"["
                + text
                + draw(st.sampled_from([b",", b", \n", b"\n"]))
                + text
                + draw(st.sampled_from([b"]", b""]))
            )
        elif kind == 11:
            text = draw(
                st.sampled_from(
                    [b"[", b"]", b",", b"}", b"{", b'"', b":", b"\x00", b"[]", b"[[", b"{}", b"\\"]
                )
            )
        body += text + draw(st.sampled_from([b"", b"", b"\n", b"\r\n", b" ", b"\n\n", b"\r\n\r\n", b", "]))
    return bytes(body)


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda spec: spec.name)
def test_verdicts_do_not_depend_on_where_blocks_are_cut(spec: StreamSpec) -> None:
    """A record at a block's edge is judged by its first half, or a run of blocks is framed otherwise."""

    @SEARCH
    @given(any_content(spec), st.lists(st.integers(1, 400), min_size=1, max_size=6))
    def search(content: bytes, sizes: list[int]) -> None:
        whole = scanned(spec, [content])
        check_covered(content, whole)
        blocks, at = [], 0
        while at < len(content):
            size = sizes[len(blocks) % len(sizes)]
            blocks.append(content[at : at + size])
            at += size
        for pieces in (blocks, in_blocks(content, data_block(sizes))):
            cut = scanned(spec, pieces)
            assert cut.bad_records == whole.bad_records
            assert cut.conformed_bodies == whole.conformed_bodies
            assert b"".join(cut.loaded.split()) == b"".join(whole.loaded.split())
            counts = ("good", "bad", "conformed", "reasons", "truncated", "present", "duplicates")
            assert [getattr(cut, name) for name in counts] == [getattr(whole, name) for name in counts]

    search()


def data_block(sizes: list[int]) -> int:
    """A block's size for the second cut: single bytes now and then."""
    return 1 if sizes[0] < 40 else sizes[0]


def check_covered(content: bytes, outcome: Outcome) -> None:
    """What is neither loaded as it stands nor quarantined is white space, a BOM, array punctuation, or re-spelled."""
    rest = bytearray(content)
    for bad in reversed(outcome.bad_records):
        raw = content[bad.offset : bad.offset + bad.length]
        assert bad.raw == raw == raw.strip(b" \t\r\n") != b""
        del rest[bad.offset : bad.offset + bad.length]
    if outcome.conformed == 0:
        left = bytes(rest).removeprefix(b"\xef\xbb\xbf").translate(None, b" \t\r\n[],")
        assert left == outcome.loaded.translate(None, b" \t\r\n[],")


def web_log(number: int, **members: Any) -> bytes:
    payload = {"event_type": "Click", "user_id": number, "session_id": f"s{number}", **members}
    return json.dumps({"timestamp": "2025-07-17T20:40:36", "payload": payload}).encode()


def flat(number: int) -> bytes:
    record = {"event_type": "Click", "user_id": number, "session_id": "s", "price": 0}
    return (
        json.dumps({**record, "ingestion_timestamp": "2025-07-17T20:40:36"})
        .replace(": 0,", ": 1.10,")
        .encode()
    )


@pytest.mark.parametrize("between", [b"", b"\n"])
def test_flat_records_are_put_into_the_envelope(between: bytes) -> None:
    """A flat valid record is quarantined, or its values are re-spelled (1.10 as 1.1)."""
    outcome = scanned(WEB_LOGS, [between.join([web_log(1), flat(2), web_log(3)])])
    assert (outcome.good, outcome.conformed, outcome.bad) == (3, 1, 0)
    payload = b'{"event_type": "Click", "user_id": 2, "session_id": "s", "price": 1.10}'
    assert outcome.conformed_bodies == [b'{"timestamp": "2025-07-17T20:40:36", "payload": ' + payload + b"}"]


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_arrays_are_unwrapped_and_the_file_goes_on(block: int) -> None:
    """What follows an array is taken for its elements, or a broken element costs the array's end."""
    bad = b'{"payload": {"event_type": NaN}}'
    cut = b'{"payload": {"event_type": "x}'
    parts = [b"[", web_log(1), b", ", bad, b",\n", web_log(2), b"]\n", web_log(3), b"[]", web_log(4)]
    parts += [b"[", flat(5), b",", cut, b"\n,", flat(6), b"\n]\n", web_log(7)]
    outcome = scanned(WEB_LOGS, in_blocks(b"".join(parts), block))
    assert (outcome.good, outcome.conformed) == (7, 4)
    assert [b.raw for b in outcome.bad_records] == [bad, cut]
    assert [b.reasons for b in outcome.bad_records] == [("malformed_json",)] * 2


def test_stray_bracket_does_not_open_an_array() -> None:
    """A log line such as `[2025-07-17] WARN` switched the rest of the file to the slow path, re-spelled."""
    line = b"[2025-07-17 10:00:00] WARN restarted"
    outcome = scanned(WEB_LOGS, [b"\n".join([web_log(1), line, web_log(2), web_log(3)])])
    assert (outcome.good, outcome.conformed, outcome.bad) == (3, 0, 1)
    assert outcome.bad_records[0] == Bad(len(web_log(1)) + 1, len(line), line, ("not_an_object",))


def test_records_between_spaces_are_not_one_record() -> None:
    """COPY takes any white space between records; without new lines all after the first 4 MiB was skipped."""
    content = b" ".join(web_log(n) for n in range(50_000))
    assert len(content) > 5 << 20
    outcome = scanned(WEB_LOGS, in_blocks(content, 8 << 20))
    assert (outcome.good, outcome.bad) == (50_000, 0)


@pytest.mark.parametrize("content", [b"", b" \r\n\t \n", b"\xef\xbb\xbf", b"[]", b" [ ] \n", b"\n" * 100_000])
def test_nothing_is_no_record(content: bytes) -> None:
    """An empty file counts as a bad record, or fails."""
    outcome = scanned(WEB_LOGS, in_blocks(content, 1000))
    assert (outcome.good, outcome.bad, outcome.loaded.strip()) == (0, 0, b"")


@pytest.mark.parametrize("block", [1, 2, 4096])
def test_byte_order_mark_is_dropped_in_blocks_of_any_size(block: int) -> None:
    """A BOM that comes in two blocks made the first record bad."""
    outcome = scanned(WEB_LOGS, in_blocks(b"\xef\xbb\xbf" + web_log(1) + b"oops", block))
    assert (outcome.good, outcome.bad_records[0].offset) == (1, 3 + len(web_log(1)))


def test_duplicates_are_counted_whatever_path_judged_them() -> None:
    """The hashes of proven and of judged records cannot be compared, or those of odd ones all collide."""
    odd = web_log(2, price=12345678901234567890, rate=0)
    content = [
        web_log(1),
        odd,
        flat(3),
        web_log(1),
        odd,
        flat(3),
        web_log(4),
        web_log(5, note="\ud83d\ude00"),
    ]
    outcome = scanned(WEB_LOGS, [b"\n".join(content), b"\n\n[", odd, b"]"])
    assert (outcome.good, outcome.duplicates) == (9, 4)


def test_rating_out_of_range_is_bad() -> None:
    """A rating of 6 bends every average."""
    rows = [
        b'{"payload": {"customer_id": 1, "interaction_type": "Feedback", "timestamp": 1746269854.5, "rating": %s}}'
        % r
        for r in (b"1", b"5", b"6", b"0", b"null", b'"3"', b"3.0")
    ]
    outcome = scanned(CUSTOMER_INTERACTIONS, rows)
    assert outcome.good == 4
    assert outcome.reasons == {"out_of_range:rating": 2, "wrong_type:rating": 1}
