"""Resynchronisation: whatever happens to one record, its neighbours are found, and no part of it is a record."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from weblogs_platform.core.framing import MAX_DEPTH, Framer, Incomplete, Piece
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.validation import judge
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, WEB_LOGS

ENVELOPE = (
    b'{"timestamp": "2025-07-17T20:40:36.066373", "payload": {"event_type": "Click", "browser": "Edge", "page": '
    b'"explore/tags", "user_id": 5089, "session_id": "101ac20c", "timestamp": 1746269854.2904353}}'
)
PAYLOAD_FIRST = b'{"payload": {"event_type": "View", "user_id": 1, "session_id": "s"}, "timestamp": "2025-07-17T20:40:36"}'
ODD = (
    b'{"payload": {"event_type": "a}{\\"b\\": [", "user_id": 1, "items": [{"a": {}}, {"event_type": "x", "user_id": 2, '
    b'"session_id": "t"}, []], "session_id": "s\\\\"}, "x": {"y": {"z": [1, {"q": "{"}]}}}'
)
INDENTED = json.dumps(json.loads(ODD), indent=2).encode()
FLAT = (
    b'{"event_type": "Click", "user_id": 3, "session_id": "s", "ingestion_timestamp": "2025-07-17T20:40:36"}'
)
CONTACT = (
    b'{"timestamp": "2025-07-17T20:40:36", "payload": {"customer_id": 7, "interaction_type": "Loyalty", "channel": '
    b'null, "rating": 5, "timestamp": 1746269854.5}}'
)
SHAPES = {
    "envelope": (WEB_LOGS, ENVELOPE),
    "payload first": (WEB_LOGS, PAYLOAD_FIRST),
    "odd": (WEB_LOGS, ODD),
    "indented": (WEB_LOGS, INDENTED),
    "flat": (WEB_LOGS, FLAT),
    "contact": (CUSTOMER_INTERACTIONS, CONTACT),
}
SEPARATORS = {"concatenated": b"", "lines": b"\n", "CRLF": b"\r\n", "spaces": b" "}
each_shape = pytest.mark.parametrize(("spec", "record"), SHAPES.values(), ids=SHAPES)
each_common_separator = pytest.mark.parametrize("between", [b"", b"\n"], ids=["concatenated", "lines"])
each_separator = pytest.mark.parametrize("between", SEPARATORS.values(), ids=SEPARATORS)


def pieces(content: bytes, spec: StreamSpec = WEB_LOGS) -> Iterator[Piece]:
    framer, text, at = Framer(spec.payload, spec.flat_marks), content.decode("latin-1"), 0
    while piece := framer.next_piece(text, at, final=True):
        assert piece.end > piece.start >= at
        yield piece
        at = piece.end


def loaded(content: bytes, spec: StreamSpec = WEB_LOGS) -> list[tuple[int, bytes]]:
    """The places and bytes of what framing and judgement call good."""
    found = [(p.start, content[p.start : p.end]) for p in pieces(content, spec) if p.problem is None]
    return [(start, raw) for start, raw in found if judge(raw, spec).good]


def spelled(broken: bytes, sound: bytes, changed_at: int) -> list[bytes]:
    """What the broken record may be taken for: the object that it still is, that it begins with, or that begins
    at the changed byte; or the sound record beside a stray byte."""
    objects = [sound] if sound in broken else []
    for start in (len(broken) - len(broken.lstrip()), changed_at):
        try:
            _, length = json.JSONDecoder().raw_decode(broken[start:].decode("latin-1"))
        except ValueError:
            continue
        objects.append(broken[start : start + length])
    return objects


def check_neighbours(
    spec: StreamSpec, sound: bytes, broken: bytes, between: bytes, changed_at: int = 0
) -> None:
    """Sound, broken, sound, sound: the sound ones are loaded, and of the broken one only what it spells."""
    content = between.join([sound, broken, sound, sound])
    after = len(sound + between + broken + between)
    found = loaded(content, spec)
    neighbours = [(0, sound), (after, sound), (after + len(sound + between), sound)]
    assert [each for each in found if each in neighbours] == neighbours, broken
    others = [raw for at, raw in found if at not in dict(neighbours)]
    assert not others or (len(others) == 1 and others[0] in spelled(broken, sound, changed_at)), broken


@each_separator
@each_shape
def test_record_cut_at_any_byte_costs_no_neighbour(spec: StreamSpec, record: bytes, between: bytes) -> None:
    """A record cut just before a value swallows the next one; cut of its last brace, its payload is loaded."""
    for at in range(1, len(record)):
        check_neighbours(spec, record, record[:at], between)


@each_common_separator
@each_shape
def test_record_without_its_beginning_costs_no_neighbour(
    spec: StreamSpec, record: bytes, between: bytes
) -> None:
    """The rest of a beheaded record holds parts that look like flat records (one that begins as a root array
    holds its elements)."""
    for at in range(1, len(record)):
        if not record[at:].lstrip().startswith(b"["):
            check_neighbours(spec, record, record[at:], between)


@each_common_separator
@each_shape
@pytest.mark.parametrize("new", list(b'{}[]",:\\ \n0eaN\x00\x80'), ids=repr)
def test_any_byte_changed_costs_no_neighbour(
    spec: StreamSpec, record: bytes, between: bytes, new: int
) -> None:
    """One wrong byte moves where strings end, opens an array, or frees the payload of its envelope."""
    for at in range(len(record)):
        check_neighbours(spec, record, record[:at] + bytes([new]) + record[at + 1 :], between, at)


@each_common_separator
@each_shape
def test_any_byte_put_in_costs_no_neighbour(spec: StreamSpec, record: bytes, between: bytes) -> None:
    """A stray brace, bracket or quote between or within records."""
    for new in (b"{", b"}", b"[", b"]", b'"', b",", b":", b"x"):
        for at in range(1, len(record)):
            check_neighbours(spec, record, record[:at] + new + record[at:], between, at)


@pytest.mark.parametrize("between", [b"", b"\n", b", "])
def test_element_cut_in_an_array_costs_no_neighbour(between: bytes) -> None:
    """Within a root array records stand where values stand."""
    for at in range(1, len(ENVELOPE)):
        content = (
            b"[" + ENVELOPE + b"," + ENVELOPE[:at] + b"," + between + ENVELOPE + b", " + FLAT + b"]" + FLAT
        )
        found = loaded(content)
        assert [raw for _, raw in found] == [ENVELOPE, ENVELOPE, FLAT, FLAT], ENVELOPE[:at]


def test_flat_neighbour_has_a_line_of_its_own() -> None:
    """A flat record without a mark of its own is found after a cut before a value, when new lines frame it."""
    plain = b'{"event_type": "Click", "user_id": 3, "session_id": "s"}'
    for at in range(1, len(ENVELOPE)):
        assert [raw for _, raw in loaded(b"\n".join([ENVELOPE[:at], plain, ENVELOPE]))] == [plain, ENVELOPE]


def test_flat_neighbour_that_cannot_be_told_from_a_value_is_not_guessed() -> None:
    """The documented limit: concatenated, it might as well be the value of the member before."""
    plain = b'{"event_type": "Click", "user_id": 3, "session_id": "s"}'
    assert [raw for _, raw in loaded(b'{"payload": ' + plain + ENVELOPE)] == [ENVELOPE]


def test_nested_part_of_a_broken_record_is_never_a_record() -> None:
    """A list of objects that would pass for flat records, in an envelope broken before or after them."""
    part = b'{"event_type": "Click", "user_id": 3, "session_id": "s", "ingestion_timestamp": "2025-07-17T20:40:36"}'
    unmarked = b'{"event_type": "Click", "user_id": 3, "session_id": "s"}'
    for nested in (b"[%s, %s]" % (unmarked, unmarked), b'{"a": %s}' % unmarked, unmarked):
        for broken in (
            b'{"payload": {"x": oops, "items": %s}}' % nested,
            b'{"payload": {"items": %s, "x": oops}}' % nested,
            b'{"payload": {"items": %s}' % nested,
            b'{"payload": {"items": %s' % nested,
            b'{"payload": {"items"; %s}}' % nested,
        ):
            assert [raw for _, raw in loaded(broken + ENVELOPE)] == [ENVELOPE], broken
            assert [raw for _, raw in loaded(broken + b"\n" + part)] == [part], broken


@pytest.mark.parametrize("constant", [b"NaN", b"-Infinity"])
def test_bad_number_leaves_its_record_whole(constant: bytes) -> None:
    """A record with NaN is one record, from brace to brace, and its neighbour is another."""
    bad = ENVELOPE.replace(b"5089", constant)
    found = list(pieces(bad + bad + ENVELOPE))
    assert [(p.start, p.end, p.problem) for p in found] == [
        (0, len(bad), "malformed_json"),
        (len(bad), 2 * len(bad), "malformed_json"),
        (2 * len(bad), 2 * len(bad) + len(ENVELOPE), None),
    ]


def test_depth_is_counted_in_brackets_that_are_open() -> None:
    """Brackets in strings, or in members side by side, count as depth."""
    wide = b'{"payload": {"a": [%s], "b": "%s"}}' % (b",".join([b"[]"] * 200), b"[" * 200)
    assert [p.problem for p in pieces(wide)] == [None]
    deepest = b'{"a":' * (MAX_DEPTH - 1) + b"{}" + b"}" * (MAX_DEPTH - 1)
    assert [p.problem for p in pieces(deepest)] == [None]
    too_deep = b'{"a":' * MAX_DEPTH + b"{}" + b"}" * MAX_DEPTH
    assert [p.problem for p in pieces(too_deep + ENVELOPE)] == ["nested_too_deep", None]


@pytest.mark.parametrize(
    ("unit", "depth"),
    [
        (b'{"a":', 500),
        (b'{"a":', 100_000),
        (b'{"a":[', 5_000),
        (b'{"payload":', 500),
        (b'{"payload":', 20_000),
    ],
)
def test_deep_nesting_costs_no_neighbour(unit: bytes, depth: int) -> None:
    """Python's parser gives up before the end: closed or not, the neighbours are found, in good time."""
    ends = {b'{"a":': b"}", b'{"a":[': b"]}", b'{"payload":': b"}"}[unit]
    closed = unit * depth + b"1" + ends * depth
    found = list(pieces(ENVELOPE + closed + ENVELOPE))
    assert [(p.end - p.start, p.problem) for p in found][1] == (len(closed), "nested_too_deep")
    assert [raw for _, raw in loaded(ENVELOPE + closed + ENVELOPE)] == [ENVELOPE, ENVELOPE]
    for rest in (b"", b"1", b'"x', b'1, "b"'):
        content = ENVELOPE + unit * depth + rest + b"\n" + ENVELOPE + ENVELOPE
        assert [raw for _, raw in loaded(content)] == [ENVELOPE, ENVELOPE, ENVELOPE], (unit, rest)


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "braces": lambda n: b"{" * n,
    "brackets": lambda n: b"[" * n,
    "closing": lambda n: b"}" * n,
    "quotes": lambda n: b'"' * n,
    "openings": lambda n: b'{"' * (n // 2),
    "unclosed": lambda n: b'{"a":' * (n // 5),
    "unclosed envelopes": lambda n: b'{"payload":' * (n // 11),
    "unclosed lines": lambda n: b'{"a":\n' * (n // 6),
    "alternating strings": lambda n: b'{",":1,"x":"' * (n // 12),
    "commas": lambda n: b'{"a":1,},' * (n // 9),
    "white space in openings": lambda n: (b"{" + b" " * 1000) * (n // 1000),
    "white space between": lambda n: (b'{"a"' + b" " * 1000) * (n // 1000),
    "one string": lambda n: b'{"a": "' + b"x" * n,
    "escapes": lambda n: b'{"a": "' + b"\\" * n,
    "line of cut records": lambda n: b'{"payload": {"a": "b", "c": [1, {"d":' * (n // 38),
    "lists in vain": lambda n: (b'{"a":' * 900 + b"[" + b"1," * 8000 + b"x") * max(1, n // 20_500),
    "elements": lambda n: b"[" + b'{"a":1},x,' * (n // 10),
    "not a number": lambda n: b'{"a":NaN,' * (n // 9),
    "zeros": bytes,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_is_linear_in_the_text(kind: str) -> None:
    """What looks like the beginning of a record at every byte costs a parse of all the rest at every byte."""
    seconds: list[float] = []
    for size in (60_000, 480_000):
        content = HOSTILE[kind](size) + b"\n" + ENVELOPE
        began = time.process_time()
        last = list(pieces(content))[-1]
        seconds.append(time.process_time() - began)
        assert content[last.start : last.end] == ENVELOPE
    assert seconds[1] < 8 * 3 * seconds[0] + 0.5


def test_what_may_go_on_is_incomplete() -> None:
    """A decision taken at a buffer's edge differs from the one taken with what comes next."""
    content = (
        ENVELOPE[:60] + FLAT + b" " + ODD + b'{"a": NaN}' + b"[" + ENVELOPE + b",oops," + FLAT + b"]"
    ).decode()
    whole = list(pieces(content.encode()))
    for at in range(len(content)):
        found = decided(content[:at])
        assert found == whole[: len(found)], at


def decided(text: str) -> list[Piece]:
    """The pieces that are certain before more of the text is known."""
    framer, at, found = Framer("payload", WEB_LOGS.flat_marks), 0, list[Piece]()
    try:
        while piece := framer.next_piece(text, at, final=False):
            found.append(piece)
            at = piece.end
    except Incomplete as incomplete:
        return found if incomplete.start >= at else []
    return found
