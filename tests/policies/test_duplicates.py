"""Dropped duplicates, held against a small oracle: contents of the table, and numbers of the ledger, per object."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assets.checks import EXACT_DUPLICATES, evaluate_table, evaluate_validated
from tests import calendar_shares
from tests.pipeline.hours import Hour, Roles, in_order
from tests.pipeline.records import Content, encoded, flat, interaction, row_of, web_log
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import CountMismatch, InvalidSpec
from weblogs_platform.core.plan import LoadedFile
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline import load as load_module
from weblogs_platform.pipeline.ledger import loaded_hour
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, INVENTORY, STREAMS, WEB_LOGS

DROPPING = replace(WEB_LOGS, duplicates="drop", duplicate_window_hours=2, on_rewritten="ignore")
NAMED = replace(DROPPING, duplicate_fields=("session_id", "page"))
ONE_HOUR = replace(WEB_LOGS, duplicates="drop", duplicate_window_hours=0)

_SPANS = calendar_shares.DUPLICATES.starts()
"""Stretches of hours that no other test's rows are near of."""

Place = tuple[int, str]
"""An object: offset of its hour, and name."""


@pytest.fixture
def span(hour: Hour) -> Hour:
    """An hour with nothing near it, of web logs without duplicates."""
    return replace(hour, spec=DROPPING, hour=next(_SPANS))


def at(hour: Hour, offset: int) -> Hour:
    return replace(hour, hour=hour.hour.plus(offset))


def loaded(hour: Hour) -> tuple[LoadedFile, ...]:
    return loaded_hour(hour.warehouse, hour.spec, hour.hour)


def numbers(hour: Hour) -> dict[str, tuple[int, int, int, int]]:
    """Records, loaded, quarantined and dropped of each object of the hour, by name."""
    return {
        line.key.rsplit("/", 1)[-1]: (line.records, line.loaded, line.quarantined, line.duplicates)
        for line in loaded(hour)
    }


def rows_of(*records: Mapping[str, Any]) -> list[Any]:
    return in_order([row_of(WEB_LOGS, encoded(r)) for r in records])


def drop(hour: Hour, name: str, *records: Mapping[str, Any]) -> str:
    return hour.drop(name, b"\n".join(encoded(r) for r in records))


@dataclass
class Oracle:
    """What the rule says, row by row: whoever is loaded first stays."""

    spec: StreamSpec
    compared: tuple[str, ...] | None
    rows: dict[int, list[Any]] = field(default_factory=dict)
    counts: dict[Place, tuple[int, int, int, int]] = field(default_factory=dict)

    def load(self, offset: int, files: Mapping[str, Sequence[bytes | None]]) -> None:
        """Loads those objects of an hour that are not loaded; None is a bad record."""
        for name in sorted(files):
            if (offset, name) not in self.counts:
                self._load_file((offset, name), files[name])

    def _load_file(self, place: Place, records: Sequence[bytes | None]) -> None:
        offset = place[0]
        good = sorted((row_of(self.spec, raw) for raw in records if raw is not None), key=_nulls_last)
        fresh = 0
        for row in good:
            if self._key(row) not in self._seen(offset):
                self.rows.setdefault(offset, []).append(row)
                fresh += 1
        bad = len(records) - len(good)
        self.counts[place] = (len(records), fresh, bad, len(good) - fresh)

    def _seen(self, offset: int) -> set[Any]:
        near = range(offset - self.spec.duplicate_window_hours, offset + self.spec.duplicate_window_hours + 1)
        return {self._key(row) for other in near for row in self.rows.get(other, [])}

    def _key(self, row: Any) -> Any:
        if self.compared is None:
            return row
        return tuple(v for v, f in zip(row, self.spec.fields, strict=True) if f.column in self.compared)


def _nulls_last(row: Any) -> list[tuple[bool, Any]]:
    return [(value is None, value if value is not None else "") for value in row]


@st.composite
def record_bytes(draw: st.DrawFn) -> bytes | None:
    """One of few records, in one of its spellings; or a bad one."""
    if draw(st.integers(0, 9)) == 0:
        return None
    n = draw(st.integers(1, 2))
    changes: dict[str, Any] = {}
    # A text with a blank more is another text; null and absent are the same.
    changes["page"] = draw(st.sampled_from(["a", "a ", "b", "A", None, ...]))
    changes["timestamp"] = draw(st.sampled_from([1746269854.25, 1746269854.5, None]))
    if draw(st.booleans()):
        return encoded(flat(WEB_LOGS, n, **changes))
    return encoded(web_log(n, **changes), indent=draw(st.sampled_from([None, 1])))


Files = dict[Place, list[bytes | None]]
FILES = st.dictionaries(
    st.tuples(st.integers(0, 4), st.sampled_from(["a", "b", "c"])),
    st.lists(record_bytes(), max_size=6),
    min_size=2,
    max_size=7,
)


@hypothesis_settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(spec=st.sampled_from([DROPPING, NAMED, ONE_HOUR]), files=FILES, data=st.data())
def test_the_table_and_the_ledger_are_what_the_rule_says(
    hour: Hour, spec: StreamSpec, files: Files, data: st.DataObject
) -> None:
    """In some order of deliveries, hours and re-runs a record is lost, loaded twice, or booked to another object."""
    first = replace(hour, spec=spec, hour=next(_SPANS))
    oracle = Oracle(spec, spec.duplicate_fields)
    landed: dict[int, dict[str, list[bytes | None]]] = {}
    for offset, name in data.draw(st.permutations(sorted(files))):
        landed.setdefault(offset, {})[name] = files[offset, name]
        content = b"\n".join(b'{"payload": {}}' if raw is None else raw for raw in files[offset, name])
        at(first, offset).drop(name, content)
        for again in data.draw(st.lists(st.sampled_from(sorted(landed)), max_size=2)):
            oracle.load(again, landed[again])
            at(first, again).run()
    for offset in sorted(landed):
        oracle.load(offset, landed[offset])
        at(first, offset).run()
    for offset in landed:
        hour = at(first, offset)
        assert Counter(map(repr, hour.rows())) == Counter(map(repr, oracle.rows.get(offset, [])))
        assert numbers(hour) == {name: n for (o, name), n in oracle.counts.items() if o == offset}
        report, outcome = hour.run()
        assert outcome.action == "nothing"
        verdicts = evaluate_table(spec, report, outcome.ledger, outcome.table_rows)
        assert all(verdict.passed for verdict in verdicts), verdicts


def test_duplicates_are_counted_with_their_own_object(span: Hour) -> None:
    """The hour's numbers add up and those of its objects do not."""
    drop(span, "a", web_log(1), web_log(1), web_log(2))
    span.drop("b", gzipped(web_log(2), web_log(3)))
    span.drop("c", encoded(web_log(3)) + b'\n{"broken": \n' + encoded(web_log(4)))
    report, outcome = span.run()
    assert numbers(span) == {"a": (3, 2, 0, 1), "b": (2, 1, 0, 1), "c": (3, 1, 1, 1)}
    assert (outcome.rows_loaded, len(outcome.manifest_keys)) == (4, 3)
    assert sum(outcome.changed_hours.values()) == 4
    assert span.rows() == rows_of(*map(web_log, (1, 2, 3, 4)))
    verdicts = evaluate_table(span.spec, report, outcome.ledger, outcome.table_rows)
    assert all(verdict.passed for verdict in verdicts)
    assert verdicts[1].numbers["duplicates_dropped"] == 3


def gzipped(*records: Mapping[str, Any]) -> bytes:
    content = Content(WEB_LOGS)
    for n in records:
        content.good(n).between(b"\n")
    return content.gzipped().stored


def test_who_is_loaded_first_stays_also_before_an_older_hour(span: Hour) -> None:
    """A late object of an older hour doubles what a newer hour has, or takes it away."""
    drop(at(span, 2), "a", web_log(1))
    at(span, 2).run()
    drop(span, "late", web_log(1), web_log(2))
    span.run()
    assert numbers(span) == {"late": (2, 1, 0, 1)}
    assert (span.rows(), at(span, 2).rows()) == (rows_of(web_log(2)), rows_of(web_log(1)))


def test_outside_of_the_window_the_same_record_loads_again(span: Hour) -> None:
    """The window is an hour too wide, or has no end."""
    for offset in (0, 2, 3, -3):
        drop(at(span, offset), "a", web_log(1))
        at(span, offset).run()
    assert [len(at(span, offset).rows()) for offset in (0, 2, 3, -3)] == [1, 0, 1, 1]


def test_the_last_hour_of_what_stays_counts_not_that_of_what_was_dropped(span: Hour) -> None:
    """Duplicates of duplicates keep a record out for ever."""
    for offset in (0, 2, 4):
        drop(at(span, offset), "a", web_log(1))
        at(span, offset).run()
    assert [len(at(span, offset).rows()) for offset in (0, 2, 4)] == [1, 0, 1]


NEARLY_EQUAL = [
    web_log(1),
    web_log(1, page="explore/tags/categories "),
    web_log(1, page="explore/tags/Categories"),
    web_log(1, page=None),
    web_log(1, browser=None),
    web_log(1, browser="edge"),
    web_log(1, browser="Édge"),
    web_log(1, browser="E\u0301dge"),
    web_log(1, timestamp=1746269854.2904356),
    web_log(1, timestamp=None),
    {**web_log(1), "timestamp": "2025-07-17T20:40:36.066374"},
    {**web_log(1), "timestamp": None},
]


def test_records_that_differ_in_anything_both_load(span: Hour) -> None:
    """Blanks at the end, case, accents, a null or a microsecond make two records one."""
    drop(span, "a", *NEARLY_EQUAL)
    drop(at(span, 1), "a", *NEARLY_EQUAL)
    span.run()
    at(span, 1).run()
    count = len(NEARLY_EQUAL)
    assert numbers(span) == {"a": (count, count, 0, 0)}
    assert numbers(at(span, 1)) == {"a": (count, 0, 0, count)}


def test_named_fields_decide_and_the_least_record_of_an_object_stays(span: Hour) -> None:
    """Which of two records with one key is loaded depends on how COPY happens to read."""
    named = span.of(replace(DROPPING, duplicate_fields=("session_id",)))
    drop(named, "b", web_log(1, page="a"))
    drop(named, "a", web_log(1, page="z"), web_log(1, page="k"), web_log(1, page=None))
    named.run()
    assert named.rows() == rows_of(web_log(1, page="k"))
    assert numbers(named) == {"a": (3, 1, 0, 2), "b": (1, 0, 0, 1)}


def test_an_hour_that_is_replaced_keeps_none_of_its_old_rows_in_mind(span: Hour) -> None:
    """The new version of an object counts as a duplicate of the old one."""
    single = span.of(ONE_HOUR)
    drop(single, "a", web_log(1), web_log(2))
    drop(single, "b", web_log(2), web_log(3))
    single.run()
    drop(single, "a", web_log(1), web_log(4), web_log(4))
    _, outcome = single.run()
    assert (outcome.action, outcome.rows_deleted) == ("replace", 3)
    assert single.rows() == rows_of(*map(web_log, (1, 2, 3, 4)))
    assert numbers(single) == {"a": (3, 2, 0, 1), "b": (2, 2, 0, 0)}


def test_records_with_numbers_are_compared_without_them(
    roles: Roles, lake: Lake, warehouse: Warehouse
) -> None:
    """The number in the file makes every record of a batch source another, or the later of two stays."""
    spec = replace(INVENTORY, duplicates="drop", on_rewritten="alert")
    hour = Hour(roles, lake, warehouse, spec, next(_SPANS))
    stock = {
        "inventory_id": "w1",
        "product_id": 1,
        "warehouse_id": 2,
        "stock_level": 3,
        "restock_threshold": None,
    }
    stock["last_updated"] = hour.hour.start.timestamp()
    other = {**stock, "stock_level": 4}
    for minute in ("05", "06"):
        hour.drop(f"{minute}00.json", json.dumps([other, stock, stock]).encode())
    hour.run()
    assert sorted(numbers(hour).values()) == [(3, 0, 0, 3), (3, 2, 0, 1)]


def test_concurrent_loads_drop_as_if_one_had_come_after_the_other(span: Hour) -> None:
    """Two loads at once each see nothing of the other, and both keep the record."""
    hours = [at(span, offset) for offset in (0, 1, 2)]
    for each in hours:
        drop(each, "a", web_log(1), web_log(1))
        each.validate()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda h: h.load(), hours * 2))
    found = [len(h.rows()) for h in hours]
    assert sum(found) == 1
    assert [n["a"] for n in map(numbers, hours)] == [(2, rows, 0, 2 - rows) for rows in found]


def test_a_load_that_breaks_off_leaves_nothing(span: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are in the table whose duplicates nobody counted."""
    drop(span, "a", web_log(1), web_log(1))
    span.validate()

    def broken(*_: object) -> int:
        raise CountMismatch("planted")

    with monkeypatch.context() as patched:
        patched.setattr(load_module, "_count", broken)
        with pytest.raises(CountMismatch, match="planted"):
            span.load()
    assert (span.rows(), span.ledger()) == ([], [])
    assert span.load().rows_loaded == 1
    assert numbers(span) == {"a": (2, 1, 0, 1)}


def test_keeping_streams_load_every_copy(span: Hour) -> None:
    """The default drops, or copies object by object, which costs a COPY each."""
    keeping = span.of(WEB_LOGS)
    drop(keeping, "a", web_log(1), web_log(1))
    drop(keeping, "b", web_log(1))
    _, outcome = keeping.run()
    assert (outcome.rows_loaded, len(outcome.manifest_keys)) == (3, 1)
    assert numbers(keeping) == {"a": (2, 2, 0, 0), "b": (1, 1, 0, 0)}
    assert {spec.duplicates for spec in STREAMS} == {"keep"}


def test_the_check_warns_of_duplicates_that_are_kept_only(span: Hour) -> None:
    """A stream that drops its duplicates is warned about every day."""
    drop(span, "a", web_log(1), web_log(1))
    report = span.validate()
    for spec, passes in ((DROPPING, True), (WEB_LOGS, False)):
        [verdict] = [c for c in evaluate_validated(spec, report) if c.declaration is EXACT_DUPLICATES]
        assert (verdict.passed, verdict.numbers["duplicates"]) == (passes, 1)


@pytest.mark.parametrize(
    ("spec", "changes", "problem"),
    [
        (WEB_LOGS, {}, "needs on_vanished='keep' and on_rewritten='ignore' or 'alert'"),
        (DROPPING, {"on_vanished": "replace", "on_rewritten": "replace"}, "over several hours needs"),
        (DROPPING, {"duplicate_fields": ("nobody",)}, "no column 'nobody'"),
        (DROPPING, {"duplicate_fields": ()}, "must name a column"),
        (DROPPING, {"duplicate_window_hours": -1}, "must not be negative"),
        (CUSTOMER_INTERACTIONS, {"on_rewritten": "alert"}, "ingestion_timestamp has a default"),
    ],
)
def test_policies_that_cannot_be_kept_are_refused(
    spec: StreamSpec, changes: dict[str, Any], problem: str
) -> None:
    """An hour's replacement loses rows of other hours, or a default is taken for what a record said."""
    with pytest.raises(InvalidSpec, match=problem):
        replace(spec, **{"duplicates": "drop", **changes})


def test_interactions_are_compared_by_what_has_no_default(span: Hour) -> None:
    """A time that the load filled in makes two deliveries of one record differ."""
    named = tuple(f.column for f in CUSTOMER_INTERACTIONS.fields if not f.default_sql)
    spec = replace(CUSTOMER_INTERACTIONS, duplicates="drop", duplicate_fields=named, on_rewritten="ignore")
    contact = span.of(spec)
    unsaid = {**interaction(1), "timestamp": None}
    for offset in (0, 1):
        drop(at(contact, offset), "a", unsaid, interaction(2))
        at(contact, offset).run()
    assert [numbers(at(contact, o))["a"] for o in (0, 1)] == [(2, 2, 0, 0), (2, 0, 0, 2)]
