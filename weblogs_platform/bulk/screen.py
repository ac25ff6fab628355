"""Proves records good, many at a time. What it cannot prove, `core.validation.judge` decides.

The one rule: a stretch that the screen calls good is a whole JSON object that `judge` calls good as it stands,
with nothing truncated. It may doubt good records; it must never pass a bad one. Templates prove most; what they
leave is for DuckDB's JSON reader, which takes any spelling and accepts more than JSON does (NaN, trailing commas,
repeated keys, any depth): each of these is ruled out below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from weblogs_platform.bulk.fingerprints import Hashes, fingerprints
from weblogs_platform.bulk.lines import (
    Offsets,
    as_arrow,
    brackets_per_line,
    chosen_lines,
    without_invalid_utf8,
)
from weblogs_platform.bulk.stream_templates import layout_of
from weblogs_platform.bulk.templates import NO_TEMPLATE, Templates
from weblogs_platform.core.framing import MAX_DEPTH
from weblogs_platform.core.spec import (
    MAX_RECORD_BYTES,
    BigInteger,
    Decimal,
    Double,
    Field,
    Integer,
    StreamSpec,
    Timestamp,
    Varchar,
)
from weblogs_platform.core.validation import ISO_TIMESTAMP, MAX_EPOCH_SECS, MAX_PRESENT

_TRAILING_COMMA = r",\s*[}\]]"
_NOT_A_NUMBER = r"[:\[,]\s*-?(?i:nan|inf)"
_KNOWN_PATHS = 200_000

WORTH_A_CLOSER_LOOK = 1000
"""Judging so many records one by one takes as long as preparing a query for them."""


@dataclass(frozen=True)
class _Shape:
    """Which members a record has: sound when none repeats and the envelope is there."""

    sound: bool
    paths: tuple[str, ...]
    mapped: bool


@dataclass(frozen=True)
class Screened:
    """good[i]: stretch i is proven good. fingerprints[i]: its 64-bit hash. shapes[i]: a key of `known` when good."""

    good: npt.NDArray[np.bool_]
    fingerprints: Hashes
    shapes: Hashes
    known: Mapping[int, _Shape]

    @classmethod
    def nothing(cls, count: int) -> Screened:
        """So many stretches, none of them proven."""
        return cls(
            np.zeros(count, dtype=np.bool_), np.zeros(count, np.uint64), np.zeros(count, np.uint64), {}
        )

    def present_in(self, chosen: npt.NDArray[np.bool_]) -> Counter[str]:
        """Of the chosen good stretches: how many have which member, by JSONPath."""
        present: Counter[str] = Counter()
        kinds, counts = np.unique(self.shapes[chosen], return_counts=True)
        for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
            for path in self.known[kind].paths:
                present[path] += count
        return present


class Screen:
    """One stream's screen; it owns an in-memory DuckDB and is used by one thread at a time.

    Fewer stretches than `closer_look_from` that no template proves are doubted without a closer look: see
    WORTH_A_CLOSER_LOOK.
    """

    def __init__(self, spec: StreamSpec, *, closer_look_from: int = 1) -> None:
        self._spec = spec
        self._closer_look_from = closer_look_from
        self._declared = {f.path for f in spec.fields}
        self._nested = any(len(f.members) == 2 for f in spec.fields)
        self._connection = duckdb.connect(
            config={"threads": 1, "python_enable_replacements": False, "memory_limit": "256MB"}
        )
        self._templates = Templates(layout_of(spec))
        self._query, self._keys_query = _query(spec), _keys_query(spec)
        self._shapes: dict[int, _Shape] = {}
        self._paths_known = 0

    def close(self) -> None:
        self._connection.close()

    def examine(self, buffer: bytes, offsets: Offsets) -> Screened:
        """Screens the stretches of `buffer` between `offsets`."""
        found = self._templates.match(buffer, offsets)
        good, shapes = found != NO_TEMPLATE, found.astype(np.uint64)
        known = {number: self._template_shape(number) for number in np.unique(found[good]).tolist()}
        left = np.flatnonzero(~good)
        if len(left) >= self._closer_look_from:
            # Brackets upon brackets take DuckDB's parser fifty times their text: what it cannot hold stays doubted.
            with suppress(duckdb.OutOfMemoryException):
                good[left], shapes[left], others = self._examine_closely(*chosen_lines(buffer, offsets, left))
                known |= others
        return Screened(good, fingerprints(self._connection, buffer, offsets), shapes, known)

    def fingerprints_of(self, records: list[bytes]) -> Hashes:
        """The hashes of good records that were judged one by one, comparable to those of `examine`."""
        return fingerprints(self._connection, b"".join(records), _offsets_of(records))

    def _template_shape(self, number: int) -> _Shape:
        return _Shape(sound=True, paths=self._templates.paths_of(number), mapped=True)

    def _examine_closely(
        self, buffer: bytes, offsets: Offsets
    ) -> tuple[npt.NDArray[np.bool_], Hashes, dict[int, _Shape]]:
        """Which stretches are good, in any spelling; the shape of each, and what is known of the shapes."""
        safe = without_invalid_utf8(buffer, offsets)
        columns = self._run(self._query, safe, offsets)
        good = np.array(columns["good"], dtype=np.bool_)
        shapes = np.array(columns["shape"], dtype=np.uint64)
        known = self._shapes_at(np.flatnonzero(good), shapes, safe, offsets)
        good &= ~np.isin(shapes, [kind for kind, shape in known.items() if not shape.sound])
        unmapped = np.flatnonzero(good & np.isin(shapes, _unmapped(known)))
        if len(unmapped):
            good[unmapped] = self._sound_throughout(*chosen_lines(safe, offsets, unmapped))
        return good, shapes, known

    def _sound_throughout(self, buffer: bytes, offsets: Offsets) -> npt.NDArray[np.bool_]:
        """Whether there is nothing in the whole of a stretch that is no JSON, its unmapped members included."""
        loose = np.asarray(self._run(_CLOSER_LOOK, buffer, offsets)["loose"], dtype=np.bool_)
        return ~loose & (brackets_per_line(buffer, offsets) <= MAX_DEPTH)

    def _run(self, query: str, buffer: bytes, offsets: Offsets) -> dict[str, Any]:
        self._connection.register("lines", as_arrow(buffer, offsets))
        try:
            return self._connection.execute(query).fetchnumpy()
        finally:
            self._connection.unregister("lines")

    def _shapes_at(
        self, lines: npt.NDArray[np.int64], shapes: Hashes, buffer: bytes, offsets: Offsets
    ) -> dict[int, _Shape]:
        kinds, first = np.unique(shapes[lines], return_index=True)
        known = {kind: self._shapes[kind] for kind in kinds.tolist() if kind in self._shapes}
        examples = {
            kind: buffer[offsets[line] : offsets[line + 1]]
            for kind, line in zip(kinds.tolist(), lines[first].tolist(), strict=True)
            if kind not in known
        }
        if examples:
            self._learn(examples)
            known |= {kind: self._shapes[kind] for kind in examples}
        return known

    def _learn(self, examples: Mapping[int, bytes]) -> None:
        if self._paths_known > _KNOWN_PATHS:
            self._shapes, self._paths_known = {}, 0
        keys = self._run(self._keys_query, b"".join(examples.values()), _offsets_of(examples.values()))
        for kind, root, inner in zip(examples, keys["root"], keys["inner"], strict=True):
            shape = self._shapes[kind] = self._shape(_names(root), _names(inner))
            self._paths_known += len(shape.paths)

    def _shape(self, root: list[str] | None, inner: list[str] | None) -> _Shape:
        payload = self._spec.payload
        if root is None or (inner is None and (self._nested or payload in root)):
            return _Shape(sound=False, paths=(), mapped=False)
        inner = inner or []
        paths = [f"$.{k}" for k in root if k != payload] + [f"$.{payload}.{k}" for k in inner]
        repeated = len(set(root)) < len(root) or len(set(inner)) < len(inner)
        return _Shape(not repeated, tuple(paths[:MAX_PRESENT]), self._declared.issuperset(paths))


def _names(keys: Any) -> list[str] | None:
    """A list of keys as DuckDB hands it over: an array, or a masked nothing for NULL."""
    return None if keys is None or keys is np.ma.masked else list(keys)


def _offsets_of(records: Iterable[bytes]) -> Offsets:
    return np.concatenate([[0], np.cumsum([len(r) for r in records])]).astype(np.int64)


def _unmapped(known: Mapping[int, _Shape]) -> list[int]:
    return [kind for kind, shape in known.items() if not shape.mapped]


# The main query sees the declared values only.
_CLOSER_LOOK = f"SELECT regexp_matches(line, '{_NOT_A_NUMBER}') AS loose FROM lines"


def _keys_query(spec: StreamSpec) -> str:
    return f"""
        SELECT CASE WHEN json_valid(line) THEN json_keys(line) END AS root,
               CASE WHEN json_valid(line) THEN json_keys(line, '$.{spec.payload}') END AS inner
        FROM lines"""


def _query(spec: StreamSpec) -> str:
    paths = ", ".join(f"'{f.path}'" for f in spec.fields)
    conditions = " AND ".join(_condition(f, f"v[{i}]") for i, f in enumerate(spec.fields, start=1))
    return f"""
        SELECT coalesce(valid AND NOT contains(line, '\\u0000')
                        AND NOT regexp_matches(line, '{_TRAILING_COMMA}') AND {conditions}, false) AS good,
               coalesce(hash(k), 0) AS shape
        FROM (SELECT line, valid,
                     CASE WHEN valid THEN json_extract(line, [{paths}])::VARCHAR[] END AS v,
                     CASE WHEN valid THEN json_keys(line, ['$', '$.{spec.payload}']) END AS k
              FROM (SELECT line, CASE WHEN strlen(line) <= {MAX_RECORD_BYTES} THEN json_valid(line) ELSE false END AS valid
                    FROM lines))"""


def _condition(f: Field, v: str) -> str:
    proof = _proof(f, v)
    return proof if f.required else f"({proof} OR {v} IS NULL OR {v} = 'null')"


def _proof(f: Field, v: str) -> str:
    """SQL that is true only for JSON text that COPY loads unchanged into the column."""
    # A comparison sees the first characters without following a pointer: cheaper than starts_with.
    is_text = f"{v} >= '\"' AND {v} < '#'"
    match f.type:
        case Varchar(max_bytes=limit):
            shortest = 3 if f.required else 2
            digits = f"regexp_full_match({v}, '-?[0-9]{{1,18}}') AND strlen({v}) <= {limit}"
            return f"(({is_text} AND strlen({v}) BETWEEN {shortest} AND {limit + 2}) OR ({digits}))"
        case Integer():
            low = "" if f.minimum is None else f" AND try_cast({v} AS INTEGER) >= {f.minimum}"
            high = "" if f.maximum is None else f" AND try_cast({v} AS INTEGER) <= {f.maximum}"
            return f"(regexp_full_match({v}, '-?[0-9]{{1,9}}'){low}{high})"
        case BigInteger() | Decimal():
            return "false"  # left to the judge
        case Double():
            number = f"try_cast({v} AS DOUBLE)"
            # Zero is doubted: it may be the rest of a number too small for a DOUBLE.
            return f"(NOT ({is_text}) AND abs({number}) BETWEEN 1e-290 AND 1e300)"
        case Timestamp(source="iso"):
            inner = f"substr({v}, 2, strlen({v}) - 2)"
            return (
                f"(regexp_full_match({v}, '\"{ISO_TIMESTAMP}\"') AND {v} >= '\"0001' "
                f"AND try_cast({inner} AS TIMESTAMP) IS NOT NULL)"
            )
        case Timestamp():
            return f"(NOT ({is_text}) AND try_cast({v} AS DOUBLE) BETWEEN {f.minimum or 1e-290} AND {MAX_EPOCH_SECS - 1})"
