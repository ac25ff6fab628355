"""The benchmark of the dashboards: that it asks what the pages ask."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from benchmarks.dashboard import queries_of
from weblogs_platform.dashboard.views import PAGES

_PLACE = re.compile(r"(?<!:):([a-z_0-9]+)")


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_every_place_of_a_pages_queries_has_a_value(path: str) -> None:
    """A query gains a parameter, and the benchmark breaks after minutes of filling tables."""
    first, until = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 8, tzinfo=UTC)
    asked = queries_of(path, first, until)
    assert asked
    for text, parameters in asked:
        assert set(parameters) == set(_PLACE.findall(text))
