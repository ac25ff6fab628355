"""Figures, foreign text, definitions and CSV files as people get them."""

from __future__ import annotations

import csv
import io
import math
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.core.errors import (
    AccessRefused,
    InvalidSettings,
    LoadConflict,
    StatementRefused,
    WarehouseUnavailable,
    WeblogsError,
)
from weblogs_platform.dashboard import definitions, words
from weblogs_platform.dashboard.palette import scale
from weblogs_platform.dashboard.personal import Gate
from weblogs_platform.dashboard.states import trouble
from weblogs_platform.dashboard.tables import csv_of, whole_numbers
from weblogs_platform.dashboard.views.health import run_url


@pytest.mark.parametrize(
    ("value", "decimals", "said"),
    [
        (1234567, 0, "1,234,567"),
        (Decimal("1234.5"), 2, "1,234.50"),
        (0, 2, "0.00"),
        (None, 0, words.NONE),
        (math.nan, 2, words.NONE),
        (pd.NA, 2, words.NONE),
    ],
)
def test_numbers_have_thousands_separators_and_nothing_is_a_dash(
    value: object, decimals: int, said: str
) -> None:
    """An average of nothing is shown as nan, or as 0."""
    assert words.number(value, decimals) == said


@pytest.mark.parametrize(
    ("secs", "said"),
    [
        (0, "0 s"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (100_000, "1 d 3 h"),
        (-90, "-1 min 30 s"),
        (None, "–"),
    ],
)
def test_durations_have_two_units(secs: object, said: str) -> None:
    assert words.duration(secs) == said


@pytest.mark.parametrize("formula", ['=HYPERLINK("x")', "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_looks_like_a_formula_is_none_in_a_spreadsheet(formula: str) -> None:
    """A page name from the internet runs in the spreadsheet of whoever downloads the table."""
    data = csv_of(pd.DataFrame({"page": [formula], "events": [-5]}), {"page": "Page", "events": "Events"})
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows == [["Page", "Events"], ["'" + formula, "-5"]]


@given(st.text(max_size=40))
def test_foreign_text_is_escaped_for_markdown(text: str) -> None:
    """A stream's or page's name becomes a link, a heading or HTML."""
    escaped = words.escaped(text)
    assert all(f"\\{mark}" in escaped for mark in "*_[]<>`#$:" if mark in text)
    assert "\n" not in escaped


def test_a_name_keeps_its_colour_when_others_go() -> None:
    every = dict(zip(*scale(["Chrome", "Firefox", "Edge", "Other"]), strict=True))
    few = dict(zip(*scale(["Edge", "Chrome"]), strict=True))
    assert few.items() <= every.items()
    assert len(set(every.values())) == 4


def test_definitions_are_those_of_the_declared_tables() -> None:
    assert definitions.of("web_session", "is_bounce").startswith("Whether")
    assert definitions.of("customer_interaction_stream", "rating")
    with pytest.raises(KeyError):
        definitions.of("web_session", "nothing")


def test_ten_tries_a_minute_and_no_more() -> None:
    """Somebody tries codes as fast as the server answers."""
    gate = Gate()
    assert [gate.opens("wrong", "sesame", now=0.0) for _ in range(10)] == [False] * 10
    assert gate.opens("sesame", "sesame", now=59.0) is None
    assert gate.opens("sesame", "sesame", now=60.0) is True


@pytest.mark.parametrize("run_id", [None, "", "../../evil", "javascript:alert(1)", "a" * 65, "5c0ffee0 1111"])
def test_what_is_no_run_has_no_link(run_id: object) -> None:
    assert run_url("http://127.0.0.1:3000", run_id) is None


def test_a_run_is_linked_to_its_page() -> None:
    run_id = "5c0ffee0-1111-4222-8333-444455556666"
    assert run_url("http://127.0.0.1:3000", run_id) == f"http://127.0.0.1:3000/runs/{run_id}"
    assert run_url(None, run_id) is None


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (WarehouseUnavailable("Redshift is not available: refused"), "weblogs up"),
        (InvalidSettings("REDSHIFT_HOST not set"), "weblogs up"),
        (
            StatementRefused('Redshift refused a statement: relation "x" does not exist (42P01)'),
            "weblogs init",
        ),
        (StatementRefused("Redshift refused a statement: no schema (3F000)"), "weblogs init"),
        (
            AccessRefused("Redshift refused: permission denied for schema shopware_ops (42501)"),
            "weblogs init",
        ),
        (
            AccessRefused("Redshift refused: password authentication failed (28P01)"),
            "WEBLOGS_DASHBOARD_PASSWORD",
        ),
        (LoadConflict("canceled on user's request (57014)"), "fewer days"),
        (StatementRefused("Redshift refused a statement: syntax (42601)"), "weblogs init"),
    ],
)
def test_every_trouble_says_what_to_do(error: WeblogsError, remedy: str) -> None:
    assert remedy in trouble(error).remedy


def test_whole_numbers_stay_whole_beside_missing_ones() -> None:
    """A count is 5.0 in the file, and a spreadsheet's formula does not find store 7."""
    columns = {"rating": [5.0, None], "secs": [1.5, None]}
    rows = pd.DataFrame({name: whole_numbers(pd.Series(values)) for name, values in columns.items()})
    assert csv_of(rows, {}).decode("utf-8-sig").splitlines() == ["rating,secs", "5,1.5", ","]


def test_values_of_the_data_stay_apart() -> None:
    """Two browsers whose names differ in case are one on the chart."""
    assert [words.label(name) for name in ("EDGE", "Edge", "HIGH_VALUE")] == ["EDGE", "Edge", "High value"]
