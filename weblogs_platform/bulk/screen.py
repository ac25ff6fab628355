"""Proves records good, many at a time. What it cannot prove, `core.validation.judge` decides.

The one rule: a stretch that the screen calls good is a whole JSON object that `judge` calls good as it stands,
with nothing truncated. It may doubt good records; it must never pass a bad one. The engine is DuckDB's JSON
reader, which accepts more than JSON does (NaN, trailing commas, repeated keys, any depth): each of these is
ruled out below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from weblogs_platform.bulk.lines import Offsets, as_arrow, brackets_per_line, without_invalid_utf8
from weblogs_platform.core.framing import MAX_DEPTH
from weblogs_platform.core.spec import (
    MAX_RECORD_BYTES,
    Double,
    Field,
    Integer,
    StreamSpec,
    Timestamp,
    Varchar,
)
from weblogs_platform.core.validation import ISO_TIMESTAMP, MAX_EPOCH_SECS

FINGERPRINT = f"duckdb-{duckdb.__version__}"
"""The hash that `fingerprints` are made with; those of another version cannot be compared."""

_TRAILING_COMMA = r",\s*[}\]]"
_NOT_A_NUMBER = r"[:\[,]\s*-?(?i:nan|inf)"
_KNOWN_SHAPES = 4096

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class _Shape:
    """Which members a record has: sound when none repeats and the envelope is there."""

    sound: bool
    paths: tuple[str, ...]
    mapped: bool


@dataclass(frozen=True)
class Screened:
    """good[i]: stretch i is proven good. fingerprints[i]: its 64-bit hash, white space aside."""

    good: npt.NDArray[np.bool_]
    fingerprints: Hashes
    shapes: Hashes
    known: Mapping[int, _Shape]

    def present_in(self, chosen: npt.NDArray[np.bool_]) -> Counter[str]:
        """Of the chosen good stretches: how many have which member, by JSONPath."""
        present: Counter[str] = Counter()
        kinds, counts = np.unique(self.shapes[chosen], return_counts=True)
        for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
            for path in self.known[kind].paths:
                present[path] += count
        return present


class Screen:
    """One stream's screen; it owns an in-memory DuckDB and is used by one thread at a time."""

    def __init__(self, spec: StreamSpec) -> None:
        self._spec = spec
        self._declared = {f.path for f in spec.fields}
        self._nested = any(len(f.members) == 2 for f in spec.fields)
        self._connection = duckdb.connect(
            config={"threads": 1, "python_enable_replacements": False, "memory_limit": "256MB"}
        )
        self._query = _query(spec)
        self._shapes: dict[int, _Shape] = {}

    def close(self) -> None:
        self._connection.close()

    def examine(self, buffer: bytes, offsets: Offsets) -> Screened:
        """Screens the stretches of `buffer` between `offsets`."""
        safe = without_invalid_utf8(buffer, offsets)
        columns = self._run(self._query, safe, offsets)
        good = np.array(columns["good"], dtype=np.bool_)
        shapes, fingerprints = _hashes(columns, "shape"), _hashes(columns, "fingerprint")
        known = self._shapes_at(np.flatnonzero(good), shapes, safe, offsets)
        for kind, shape in known.items():
            if not shape.sound:
                good &= shapes != kind
        unmapped = np.flatnonzero(good & np.isin(shapes, _unmapped(known)))
        if len(unmapped):
            self._look_closer(unmapped, safe, offsets, good, fingerprints)
        return Screened(good, fingerprints, shapes, known)

    def fingerprints_of(self, records: list[bytes]) -> Hashes:
        """The hashes of good records that were judged one by one, comparable to those of `examine`."""
        if not records:
            return np.empty(0, dtype=np.uint64)
        buffer = b"".join(records)
        offsets = np.concatenate([[0], np.cumsum([len(r) for r in records])]).astype(np.int64)
        columns = self._run(self._query, buffer, offsets)
        shapes, fingerprints = _hashes(columns, "shape"), _hashes(columns, "fingerprint")
        known = self._shapes_at(np.arange(len(records)), shapes, buffer, offsets)
        unmapped = np.flatnonzero(np.isin(shapes, _unmapped(known)))
        if len(unmapped):
            self._look_closer(unmapped, buffer, offsets, np.ones(len(records), dtype=np.bool_), fingerprints)
        return fingerprints

    def _look_closer(
        self,
        lines: npt.NDArray[np.int64],
        buffer: bytes,
        offsets: Offsets,
        good: npt.NDArray[np.bool_],
        fingerprints: Hashes,
    ) -> None:
        """Looks at the whole of `lines`, whose members are not all mapped, and corrects what is said of them."""
        chosen = [buffer[offsets[line] : offsets[line + 1]] for line in lines.tolist()]
        text = b"".join(chosen)
        bounds = np.concatenate([[0], np.cumsum([len(line) for line in chosen])]).astype(np.int64)
        columns = self._run(_CLOSER_LOOK, text, bounds)
        fingerprints[lines] = _hashes(columns, "fingerprint")
        loose = np.asarray(columns["loose"], dtype=np.bool_)
        good[lines] &= ~(loose | (brackets_per_line(text, bounds) > MAX_DEPTH))

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
        examples = lines[first].tolist()
        return {
            kind: self._shape(kind, buffer[offsets[line] : offsets[line + 1]])
            for kind, line in zip(kinds.tolist(), examples, strict=True)
        }

    def _shape(self, kind: int, example: bytes) -> _Shape:
        known = self._shapes.get(kind)
        if known is None:
            if len(self._shapes) >= _KNOWN_SHAPES:
                self._shapes.clear()
            known = self._shapes[kind] = self._shape_of(example)
        return known

    def _shape_of(self, example: bytes) -> _Shape:
        payload = self._spec.payload
        [(root, inner)] = self._connection.execute(
            "SELECT json_keys($line), json_keys($line, $path)",
            {"line": example.decode("utf-8"), "path": f"$.{payload}"},
        ).fetchall()
        if root is None or (inner is None and (self._nested or payload in root)):
            return _Shape(False, (), True)
        inner = inner or []
        paths = [f"$.{k}" for k in root if k != payload] + [f"$.{payload}.{k}" for k in inner]
        repeated = len(set(root)) < len(root) or len(set(inner)) < len(inner)
        return _Shape(not repeated, tuple(paths), self._declared.issuperset(paths))


def _hashes(columns: dict[str, Any], name: str) -> Hashes:
    return np.array(columns[name], dtype=np.uint64)


def _unmapped(known: Mapping[int, _Shape]) -> list[int]:
    return [kind for kind, shape in known.items() if not shape.mapped]


# The main query hashes the declared values only; where there are others, this one hashes the whole record.
_CLOSER_LOOK = f"""
    SELECT coalesce(CASE WHEN json_valid(line) THEN hash(json(line)) END, 0) AS fingerprint,
           regexp_matches(line, '{_NOT_A_NUMBER}') AS loose
    FROM lines"""


def _query(spec: StreamSpec) -> str:
    paths = ", ".join(f"'{f.path}'" for f in spec.fields)
    conditions = " AND ".join(_condition(f, f"v[{i}]") for i, f in enumerate(spec.fields, start=1))
    return f"""
        SELECT coalesce(valid AND strlen(line) <= {MAX_RECORD_BYTES} AND NOT contains(line, '\\u0000')
                        AND NOT regexp_matches(line, '{_TRAILING_COMMA}') AND {conditions}, false) AS good,
               coalesce(hash(v), 0) AS fingerprint,
               coalesce(hash(k), 0) AS shape
        FROM (SELECT line, valid,
                     CASE WHEN valid THEN json_extract(line, [{paths}])::VARCHAR[] END AS v,
                     CASE WHEN valid THEN json_keys(line, ['$', '$.{spec.payload}']) END AS k
              FROM (SELECT line, json_valid(line) AS valid FROM lines))"""


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
        case Double():
            number = f"try_cast({v} AS DOUBLE)"
            return f"(NOT ({is_text}) AND (abs({number}) BETWEEN 1e-290 AND 1e300 OR {number} = 0))"
        case Timestamp(source="iso"):
            inner = f"substr({v}, 2, strlen({v}) - 2)"
            return (
                f"(regexp_full_match({v}, '\"{ISO_TIMESTAMP}\"') AND {v} >= '\"0001' "
                f"AND try_cast({inner} AS TIMESTAMP) IS NOT NULL)"
            )
        case Timestamp():
            return f"(NOT ({is_text}) AND try_cast({v} AS DOUBLE) BETWEEN 1e-290 AND {MAX_EPOCH_SECS - 1})"
