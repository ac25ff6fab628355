"""Framing and encoding end to end: whatever way the records stand in the object, each is judged on its own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.pipeline.hours import Hour, assert_arrives, each_stream
from tests.pipeline.records import Content, encoded, record, web_log
from weblogs_platform.core.framing import MAX_DEPTH
from weblogs_platform.core.spec import StreamSpec

SEPARATORS = {
    "concatenated": b"",
    "new lines": b"\n",
    "CRLF": b"\r\n",
    "blank lines": b"\n \t\n",
    "spaces": b"  ",
}

CASES: dict[str, Callable[[StreamSpec], Content]] = {}
Case = Callable[[StreamSpec], Content]


def case(name: str) -> Callable[[Case], Case]:
    """Names a way that an object can look."""

    def register(make: Case) -> Case:
        CASES[name] = make
        return make

    return register


@each_stream
def test_records_are_found_whatever_stands_between_them(hour: Hour) -> None:
    """Firehose concatenates; other producers write lines. Records get lost, or the last one without a new line."""
    contents: dict[str, Content] = {}
    for name, separator in SEPARATORS.items():
        contents[name] = Content(hour.spec)
        for n in range(20):
            contents[name].good(record(hour.spec, n)).between(separator)
        contents[f"{name}, none at the end"] = content = Content(hour.spec).good(record(hour.spec, 30))
        content.between(separator).good(record(hour.spec, 31))
    for file in assert_arrives(hour, **contents).values():
        assert file.load_key == file.source.key  # nothing was bad: nothing is rewritten
        assert file.conformed == 0


MALFORMED = {
    "no closing quote": b'{"payload": {"event_type": "Click}}',
    "no closing brace": b'{"payload": {"event_type": "Click"}',
    "single quotes": b"{'payload': {'event_type': 'Click'}}",
    "trailing comma": b'{"payload": {"event_type": "Click",}}',
    "not a number": b'{"payload": {"event_type": NaN}}',
    "no quotes": b"{payload: 1}",
    "two values": b'{"payload": 1 2}',
    "stray text": b"ERROR: producer restarted",
    "a number": b"42",
    "a string": b'"hello"',
    "closing braces": b"}}",
    "control character": b'{"payload": {"event_type": "Cl\nick"}}',
    "comment": b'{"payload": /* none */ {}}',
    "leading zero": b'{"payload": {"user_id": 007}}',
}
LINES = {"new lines": b"\n", "concatenated": b""}


@pytest.mark.parametrize("separator", LINES.values(), ids=LINES)
def test_a_malformed_record_costs_no_neighbour(hour: Hour, separator: bytes) -> None:
    """One bad record in the middle takes the next ones, or the whole object, with it."""
    contents: dict[str, Content] = {}
    for name, broken in MALFORMED.items():
        content = contents[name] = Content(hour.spec)
        content.good(web_log(1)).between(separator).good(web_log(2)).between(separator)
        content.bad(broken, "malformed_json" if broken.startswith(b"{") else "not_an_object")
        content.between(separator).good(web_log(3)).between(separator).good(web_log(4))
    assert_arrives(hour, **contents)


@each_stream
def test_a_truncated_last_record_is_quarantined(hour: Hour) -> None:
    """A producer that died leaves half a record: it is dropped in silence, or takes the one before with it."""
    contents: dict[str, Content] = {}
    for name, separator in LINES.items():
        for cut_at in (1, 2, 25, 60, -30, -1):
            content = contents[f"{name}, {cut_at}"] = Content(hour.spec).good(record(hour.spec, 1))
            content.between(separator).good(record(hour.spec, 2)).between(separator)
            content.bad(encoded(record(hour.spec, 3))[:cut_at], "malformed_json")
    assert_arrives(hour, **contents)


@case("pretty-printed")
def pretty(spec: StreamSpec) -> Content:
    content = Content(spec)
    for n in range(3):
        content.good(encoded(record(spec, n), indent=2)).between(b"\n")
    return content


@case("pretty-printed, with a bad one between")
def pretty_with_bad(spec: StreamSpec) -> Content:
    content = Content(spec).good(encoded(record(spec, 1), indent=4)).between(b"\n")
    content.bad(encoded(record(spec, 2), indent=4)[:-8], "malformed_json").between(b"\n")
    return content.good(encoded(record(spec, 3), indent=4)).between(b"\n").good(record(spec, 4))


@case("one record alone")
def single(spec: StreamSpec) -> Content:
    return Content(spec).good(record(spec))


@case("byte order mark")
def bom(spec: StreamSpec) -> Content:
    return Content(spec).between(b"\xef\xbb\xbf").good(record(spec, 1)).between(b"\n").good(record(spec, 2))


@case("byte order mark, with a bad record")
def bom_with_bad(spec: StreamSpec) -> Content:
    return Content(spec).between(b"\xef\xbb\xbf").bad(b"{]", "malformed_json").good(record(spec, 2))


@case("byte order mark inside")
def bom_inside(spec: StreamSpec) -> Content:
    # Two objects joined by cat: the second one's mark is no white space to COPY.
    content = Content(spec).good(record(spec, 1)).between(b"\n").bad(b"\xef\xbb\xbf", "not_an_object")
    return content.good(record(spec, 2))


@case("only a byte order mark")
def bom_alone(spec: StreamSpec) -> Content:
    return Content(spec).between(b"\xef\xbb\xbf")


@case("empty")
def empty(spec: StreamSpec) -> Content:
    return Content(spec)


@case("white space only")
def white_space(spec: StreamSpec) -> Content:
    return Content(spec).between(b" \n\t\r\n  ")


@case("white space around")
def padded(spec: StreamSpec) -> Content:
    return Content(spec).between(b"\n\n \t").good(record(spec)).between(b"\n" * 1000)


@case("invalid UTF-8 in a value")
def invalid_utf8(spec: StreamSpec) -> Content:
    broken = encoded({**record(spec, 2), "note": "@"}).replace(b"@", b"caf\xe9")
    return Content(spec).good(record(spec, 1)).bad(broken, "invalid_utf8").good(record(spec, 3))


@case("kinds of invalid UTF-8")
def kinds_of_invalid_utf8(spec: StreamSpec) -> Content:
    content = Content(spec)
    for n, fault in enumerate([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe6\x9d"]):
        broken = encoded({**record(spec, n), "note": "@"}).replace(b"@", fault)
        content.good(record(spec, n)).between(b"\n").bad(broken, "invalid_utf8").between(b"\n")
    return content.good(record(spec, 9))


@case("valid UTF-8 beyond the first plane, beside an invalid one")
def mixed_utf8(spec: StreamSpec) -> Content:
    sound = {**record(spec, 1), "note": "\U0001f600 東京 \ufeff \u2028 \x7f"}
    broken = encoded({**record(spec, 2), "note": "@"}).replace(b"@", b"\x80")
    return Content(spec).good(sound).bad(broken, "invalid_utf8").good(sound)


@case("NUL bytes")
def nul_bytes(spec: StreamSpec) -> Content:
    broken = encoded({**record(spec, 2), "note": "@"}).replace(b"@", b"a\0b")
    content = Content(spec).good(record(spec, 1)).between(b"\n").bad(broken, "malformed_json").between(b"\n")
    return content.good(record(spec, 3)).between(b"\n").bad(b"\0" * 512, "not_an_object")


@case("repeated keys")
def repeated_keys(spec: StreamSpec) -> Content:
    sound = encoded(record(spec, 1))
    at_root = sound[:-1] + b', "timestamp": null}'
    in_payload = sound[:-2] + b', "timestamp": 5}}'
    same_value = sound[:-2] + b', "timestamp": 1746269854.2904353}}'
    unmapped = sound[:-1] + b', "extra": 1, "extra": 2}'
    content = Content(spec)
    for broken in (at_root, in_payload, same_value, unmapped):
        content.good(record(spec, 2)).bad(broken, "duplicate_key")
    nested_where_nobody_looks = {**record(spec, 3), "extra": "@"}
    return content.good(encoded(nested_where_nobody_looks).replace(b'"@"', b'{"a": 1, "a": 2}'))


@case("nesting at the limit")
def nested(spec: StreamSpec) -> Content:
    deepest = json.loads("[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    content = Content(spec).good({**record(spec, 1), "extra": deepest})
    return content.bad({**record(spec, 2), "extra": [deepest]}, "nested_too_deep").good(record(spec, 3))


@case("nesting 100,000 deep")
def nested_deep(spec: StreamSpec) -> Content:
    arrays = encoded({**record(spec, 2), "extra": "@"}).replace(b'"@"', b"[" * 100_000 + b"]" * 100_000)
    objects = encoded({**record(spec, 3), "extra": "@"})
    objects = objects.replace(b'"@"', b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    content = Content(spec).good(record(spec, 1)).bad(arrays, "nested_too_deep").good(record(spec, 4))
    return content.between(b"\n").bad(objects, "nested_too_deep").between(b"\n").good(record(spec, 5))


@case("brackets in text are not nesting")
def brackets_in_text(spec: StreamSpec) -> Content:
    return Content(spec).good({**record(spec, 1), "note": "}{" * 100 + '[{\\"'}).good(record(spec, 2))


@case("20,000 keys")
def many_keys(spec: StreamSpec) -> Content:
    keys = {f"key_{n}": n for n in range(20_000)}
    content = Content(spec).good({**record(spec, 1), **keys}).good(record(spec, 2, **keys))
    return content.good(record(spec, 3))


@case("20,000 keys, and a required field null")
def many_keys_bad(spec: StreamSpec) -> Content:
    required = next(f for f in spec.fields if f.required)
    nothing = {required.path.removeprefix("$.payload."): None}
    keys = {f"key_{n}": n for n in range(20_000)}
    return (
        Content(spec)
        .bad(record(spec, 1, **nothing, **keys), f"null_required:{required.column}")
        .good(record(spec, 2))
    )


@case("empty arrays beside records")
def empty_arrays(spec: StreamSpec) -> Content:
    return Content(spec).between(b"[]\n").good(record(spec, 1)).between(b"\n[ ]").good(record(spec, 2))


@case("only an empty array")
def only_empty_array(spec: StreamSpec) -> Content:
    return Content(spec).between(b"[\n]")


@case("a picture")
def picture(spec: StreamSpec) -> Content:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc"
    return Content(spec).bad(png, "not_an_object")


@case("CSV")
def csv(spec: StreamSpec) -> Content:
    return Content(spec).bad(b"event_type,browser\nClick,Edge\nView,Firefox", "not_an_object").between(b"\n")


@case("UTF-16")
def utf16(spec: StreamSpec) -> Content:
    body = json.dumps(record(spec)).encode("utf-16")
    return Content(spec).bad(body, "not_an_object")


@each_stream
def test_objects_come_to_what_they_hold(hour: Hour) -> None:
    """Framing, encoding or content of an object costs a sound record, or lets an unsound one through."""
    assert_arrives(hour, **{name: make(hour.spec) for name, make in CASES.items()})


@each_stream
def test_root_arrays_are_unwrapped(hour: Hour) -> None:
    """COPY with jsonpaths takes an array for a record: its elements are lost, or fail the load."""
    contents: dict[str, Content] = {}
    for name, space in {"one line": b"", "lines": b"\n", "spaced": b" \n "}.items():
        content = contents[name] = Content(hour.spec).between(b"[" + space).good(record(hour.spec, 1))
        content.between(space + b"," + space).good(record(hour.spec, 2)).between(space + b"]" + space)
        content.between(b"[]" + space).between(b"[").good(record(hour.spec, 3)).between(b"]")
    files = assert_arrives(hour, **contents)
    assert {files[name].conformed for name in contents} == {3}


@each_stream
def test_a_bad_element_costs_no_other_of_its_array(hour: Hour) -> None:
    """An array with one broken element is quarantined as a whole."""
    content = Content(hour.spec).between(b"[").good(record(hour.spec, 1)).between(b", ")
    content.bad(b'{"payload": nothing}', "malformed_json").between(b", ").good(record(hour.spec, 2))
    content.between(b"]\n").good(record(hour.spec, 3))
    assert_arrives(hour, part=content)


def test_nul_characters_and_lone_surrogates_in_text(hour: Hour) -> None:
    """An escaped NUL or half a surrogate pair stops COPY, or arrives as something else."""
    content = Content(hour.spec)
    for n, (text, reason) in enumerate(
        [
            (b'"a\\u0000b"', "nul_character:page"),
            (b'"\\ud83d"', "invalid_unicode"),
            (b'"\\ude00\\ud83d"', "invalid_unicode"),
        ]
    ):
        broken = encoded(web_log(n, page="@")).replace(b'"@"', text)
        content.good(web_log(n)).bad(broken, reason).between(b"\n")
    content.good(encoded(web_log(8, page="@")).replace(b'"@"', b'"a\\\\u0000b"'))
    assert_arrives(hour, part=content)
