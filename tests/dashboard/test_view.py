"""What an address asks for: it always parses, says what it refused, and comes back as it was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.dashboard.view import (
    FROM,
    MOST_DAYS,
    MOST_VALUES,
    ROWS,
    TO,
    Asked,
    Dates,
    Span,
    address,
    parse,
    resolve,
)

NAMES = ("browser", "device", "compare")
SPAN = Span(date(2026, 11, 2), date(2026, 11, 15))
TEXTS = st.text(max_size=300) | st.sampled_from(["", "2026-11-15", "2026-11-31", "' OR 1=1 --", "٢٠٢٦-١١-١٥"])
QUERIES = st.dictionaries(st.sampled_from([FROM, TO, ROWS, *NAMES, "other"]), st.lists(TEXTS, max_size=8))
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(QUERIES)
def test_any_address_parses_and_resolves(query: dict[str, list[str]]) -> None:
    """A link that somebody wrote by hand ends in a traceback, or asks for a thousand years."""
    asked = parse(query, NAMES)
    dates, _ = resolve(asked, SPAN)
    assert dates.first <= dates.last
    assert dates.days <= MOST_DAYS
    assert set(asked.choices) <= set(NAMES)
    assert set(asked.refused) <= {FROM, TO, *NAMES}
    for values in asked.choices.values():
        assert 0 < len(values) <= MOST_VALUES
        assert all(len(value.encode()) <= 255 for value in values)
        assert not any(character < " " for value in values for character in value)


def test_a_value_of_the_data_may_be_asked_for() -> None:
    """A page with a no-break space in its name is listed and cannot be chosen."""
    assert parse({"page": ["caf\u00e9\u00a0au lait"]}, ["page"]).one("page") == "caf\u00e9\u00a0au lait"
    assert parse({"page": ["a\x1b[2J"]}, ["page"]).refused == ("page",)


@given(
    DAYS, st.integers(0, MOST_DAYS - 1), st.booleans(), st.sampled_from(["Edge", "żółć", "a b&c=d", "<b>"])
)
def test_an_address_brings_back_what_was_shown(last: date, before: int, rows: bool, value: str) -> None:
    """A shared link shows other days or another filter than its sender saw."""
    first = max(date(2000, 1, 1), last - timedelta(days=before))
    asked = Asked(first, last, {"browser": (value,), "compare": ("1", "2")}, rows)
    again = parse(address(asked, Dates(first, last)), NAMES)
    assert again == asked
    assert resolve(again, SPAN) == (Dates(first, last), [])


@pytest.mark.parametrize(
    "text",
    ["2026-1-5", "15.11.2026", "2026-02-30", "1999-12-31", "2100-01-01", "20261115", " 2026-11-15", "today"],
)
def test_a_day_that_is_none_is_refused_by_name(text: str) -> None:
    """The page shows other days than the address says, without a word."""
    assert parse({FROM: [text]}, NAMES).refused == (FROM,)


def test_without_days_the_newest_seven_that_have_data_are_shown() -> None:
    assert resolve(parse({}, NAMES), SPAN) == (Dates(date(2026, 11, 9), date(2026, 11, 15)), [])
    young = Span(date(2026, 11, 14), date(2026, 11, 15))
    assert resolve(parse({}, NAMES), young)[0] == Dates(young.first, young.last)


def test_days_the_wrong_way_round_and_too_many_days_are_mended_and_said() -> None:
    swapped, notes = resolve(parse({FROM: ["2026-11-15"], TO: ["2026-11-02"]}, NAMES), SPAN)
    assert (swapped.first, swapped.last, len(notes)) == (SPAN.first, SPAN.last, 1)
    long, notes = resolve(parse({FROM: ["2001-01-01"], TO: ["2026-11-15"]}, NAMES), SPAN)
    assert (long.days, long.last, len(notes)) == (MOST_DAYS, SPAN.last, 1)


def test_values_that_cannot_be_names_are_refused_by_name() -> None:
    """A control character, an endless text, or six stores to compare."""
    for wrong in (["a\nb"], ["a" * 256], ["ż" * 128], [""], [str(n) for n in range(6)]):
        assert parse({"compare": wrong}, NAMES).refused == ("compare",)


def test_up_to_three_days_are_shown_by_the_hour() -> None:
    assert Dates(date(2026, 11, 13), date(2026, 11, 15)).hourly
    assert not Dates(date(2026, 11, 12), date(2026, 11, 15)).hourly
    assert not Dates(date(2026, 11, 15), date(2026, 11, 15)).by_day().hourly
