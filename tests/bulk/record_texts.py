"""Hypothesis strategies for the text of records: sound ones, odd ones, and what is no record at all."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from weblogs_platform.core.spec import Double, Field, Integer, StreamSpec, Timestamp, Varchar

WHITE = st.sampled_from(["", "", "", " ", "\t", "\n", "\r\n", "  "])
NUMBERS = st.sampled_from(
    [
        "0", "-0", "0.0", "1", "3", "-7", "1.10", "5.0", "1e999", "-1e999", "1e-400", "1E2", "1e+3", "123456789",
        "2147483647", "2147483648", "-2147483648", "-2147483649", "12345678901234567890", "1746269854.2904353",
        "1746269854290", "253402300799", "253402300800", "0.1e-310", "4.9e-324", "1746269854." + "0" * 420,
    ]
)  # fmt: skip
NOT_JSON = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "-nan",
        "inf",
        "-inf",
        "01",
        "+1",
        "1.",
        ".5",
        "0x1F",
        "tRue",
        "'a'",
        "1_0",
        "",
    ]
)
STRINGS = st.sampled_from(
    [
        '""', '"a"', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\/"',
        '"\\u0041"', '"\\""', '"\\\\"', '"a,]b"', '"a, }b"', '"x\\ty"', '"a\tb"', '"a\nb"', '"\\x41"', '"' + "é" * 127 + '"',
        '"' + "é" * 128 + '"', '"' + "a" * 255 + '"', '"' + "a" * 256 + '"', '"😀"', '": nan"', '"{\\"payload\\": 1}"',
        '"}{"', '"null"', '"\x7f"', '"\u2028"', '"٣"',
    ]
)  # fmt: skip
TIMES = st.sampled_from(
    [
        "2025-07-17T20:40:36.066373", "2025-07-17 20:40:36", "2025-07-17T20:40:36Z", "2025-07-17T20:40:36.1",
        "2025-07-17T20:40:36.1234567", "2025-07-17T20:40:36+02:00", "2025-07-17T20:40:36.", "2025-07-17", "20:40",
        "0000-01-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "10000-01-01T00:00:00",
        "2025-13-01T00:00:00", "2025-02-30T00:00:00", "2024-02-29T00:00:00", "2023-02-29T00:00:00",
        "2025-07-17T24:00:00", "2025-07-17T23:59:60", "2025-07-17T23:60:00", "2025-07-17T20:40:36z",
        "2025-07-17t20:40:36", " 2025-07-17T20:40:36", "2025-07-17T20:40:36 ", "1746269854", "infinity", "epoch",
        "2025-07-17T20:40:36 UTC", "-2025-07-17T20:40:36", "2025-07-17T２0:40:36", "2025\\u002d07-17T20:40:36",
    ]
).map(lambda text: f'"{text}"')  # fmt: skip
ANY_JSON = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["true", "false", "null"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(st.tuples(st.sampled_from(['"a"', '"payload"', '"b"']), inner), max_size=3).map(
            lambda items: "{" + ",".join(f"{k}:{v}" for k, v in items) + "}"
        ),
    ),
    max_leaves=6,
)
DEEP = st.sampled_from([30, 61, 62, 63, 64, 65, 80]).map(lambda n: "[" * n + "]" * n)
ODD = st.one_of(NUMBERS, NOT_JSON, STRINGS, TIMES, ANY_JSON, DEEP, st.text(max_size=8).map(json.dumps))
NAMES = st.sampled_from(
    ['"source"', '"payload"', '"timestamp"', '"user_id"', '"a\\u0000"', '"\\u0070ayload"', '"x y"']
)


def sound_value(f: Field) -> st.SearchStrategy[Any]:
    """A value that loads as it stands."""
    match f.type:
        case Varchar():
            return st.one_of(st.sampled_from(["Click", "a/b"]), st.integers(0, 9999))
        case Integer():
            low = 1 if f.minimum is None else f.minimum
            return st.integers(low, 99_999 if f.maximum is None else f.maximum)
        case Double():
            return st.sampled_from([1746269854.2904353, 12, 0.5])
        case Timestamp(source="iso"):
            return st.just("2025-07-17T20:40:36.066373")
        case Timestamp():
            return st.sampled_from([1746269854.29, 1746269854])
        case other:
            raise NotImplementedError(f"no sound value of {other} is known here")


@st.composite
def sound_record(draw: st.DrawFn, spec: StreamSpec) -> dict[str, Any]:
    """An envelope that loads as it stands."""
    root: dict[str, Any] = {}
    for f in spec.fields:
        if f.required or draw(st.integers(0, 9)):
            value = draw(sound_value(f)) if f.required or draw(st.integers(0, 9)) else None
            holder = root.setdefault(spec.payload, {}) if len(f.members) == 2 else root
            holder[f.members[-1]] = value
    return root


@st.composite
def odd_text(draw: st.DrawFn, spec: StreamSpec) -> bytes:
    """A record in which a few things are odd: values, members, spelling, or single bytes."""
    record = draw(sound_record(spec))
    levels: list[list[tuple[str, str]]] = [[], []]
    for name, value in record.items():
        if name != spec.payload:
            levels[0].append((f'"{name}"', json.dumps(value)))
    levels[1] += [(f'"{name}"', json.dumps(value)) for name, value in record[spec.payload].items()]
    for _ in range(draw(st.integers(0, 3))):
        level = levels[draw(st.integers(0, 1))]
        if level and draw(st.booleans()):
            at = draw(st.integers(0, len(level) - 1))
            level[at] = (level[at][0], draw(ODD))
        else:
            level.insert(draw(st.integers(0, len(level))), (draw(NAMES), draw(ODD)))
    inner = _object_text(draw, levels[1])
    levels[0].insert(draw(st.integers(0, len(levels[0]))), (f'"{spec.payload}"', inner))
    text = (draw(WHITE) + _object_text(draw, levels[0]) + draw(WHITE)).encode("utf-8", "surrogatepass")
    return draw(mutated(text)) if draw(st.integers(0, 3)) == 0 else text


def _object_text(draw: st.DrawFn, members: list[tuple[str, str]]) -> str:
    colon, comma = draw(st.sampled_from([":", ": ", " : "])), draw(st.sampled_from([",", ", ", " ,\n"]))
    trailing = draw(st.sampled_from([""] * 8 + [",", ", ", ",\n"]))
    return "{" + comma.join(f"{name}{colon}{value}" for name, value in members) + trailing + "}"


@st.composite
def mutated(draw: st.DrawFn, text: bytes) -> bytes:
    """One byte replaced, removed or put in."""
    at = draw(st.integers(0, max(0, len(text) - 1)))
    new = draw(
        st.sampled_from([b"", *(bytes([b]) for b in b'{}[]",:\\ \n\r\t\x00\x0b\x0c0eE.-NnIaZ\x80\xc3\xff')])
    )
    return text[:at] + new + text[at + draw(st.integers(0, 1)) :]
