"""Names of landing objects: every hour's prefix finds its objects, and a name that fits no layout is a stray."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.core.errors import InvalidName, InvalidSpec
from weblogs_platform.core.layout import DatedNames, HourFolders
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import STAMPS, Decimal, Field, Integer, StreamSpec
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, INVENTORY, POS, WEB_LOGS

MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001 - Hypothesis wants them naive
    lambda moment: moment.replace(tzinfo=UTC, microsecond=0)
)


@given(MOMENTS)
def test_dated_names_are_found_by_hour_and_day(moment: datetime) -> None:
    """A file is listed in another hour than the one it is loaded for, or in none."""
    for key in (f"pos/pos_{moment:%Y%m%d_%H%M%S}.csv", f"pos/pos_{moment:%Y%m%d_%H%M%S}.csv.gz"):
        hour = LandingHour.containing(moment)
        assert POS.landing_hour_of(key) == hour
        assert POS.delivered_at(key) == moment
        assert key.startswith(POS.landing_hour_prefix(hour))
        assert key.startswith(POS.landing_day_prefix(moment.date()))
        assert not key.startswith(POS.landing_hour_prefix(hour.plus(-1)))


@given(MOMENTS)
def test_folders_are_found_by_hour_and_day(moment: datetime) -> None:
    """Firehose's objects are no longer found under the hour they were delivered in."""
    hour = LandingHour.containing(moment)
    key = f"firehose/web_redshift/{hour.path}/any/name"
    assert WEB_LOGS.landing_hour_of(key) == hour
    assert WEB_LOGS.delivered_at(key) == hour.start
    assert key.startswith(WEB_LOGS.landing_hour_prefix(hour))
    assert key.startswith(WEB_LOGS.landing_day_prefix(moment.date()))


@pytest.mark.parametrize(
    "key",
    [
        "pos/pos_20250720_103000.json",
        "pos/pos_20250720_103000.csv.tmp",
        "pos/pos_20250720_103000xcsv",
        "pos/pos_20250720_1030.csv",
        "pos/pos_20250231_103000.csv",
        "pos/pos_20250720_250000.csv",
        "pos/pos_２０２５0720_103000.csv",
        "pos/inventory_20250720_103000.csv",
        "pos/2025/pos_20250720_103000.csv",
        "pos_20250720_103000.csv",
        "other/pos_20250720_103000.csv",
    ],
)
def test_other_names_belong_to_no_hour(key: str) -> None:
    """Half an upload, or a file of another source, is loaded as if it were one."""
    assert POS.landing_hour_of(key) is None
    assert INVENTORY.landing_hour_of(key) is None
    with pytest.raises(InvalidName, match=r"pos/pos_YYYYMMDD_HHMMSS\.csv"):
        POS.delivered_at(key)


def test_a_stem_is_no_pattern() -> None:
    """A dot in a declared name matches any character."""
    layout = DatedNames("a.b", "c.v")
    assert layout.hour_of("p", "p/a.b_20250720_103000.c.v")
    assert layout.hour_of("p", "p/axb_20250720_103000.c.v") is None
    assert layout.hour_of("p", "p/a.b_20250720_103000.cxv") is None
    assert HourFolders().hour_of("p", "p/2025/07/20") is None


ID = Field(column="id", type=Integer(), path="$.id", required=True, description="It.")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"fields": (ID,), "content": "csv"}, "need STAMPS"),
        ({"fields": (*STAMPS, ID)}, "at the end"),
        ({"fields": (ID, STAMPS[0])}, "stamps are STAMPS"),
        (
            {
                "fields": (
                    ID,
                    Field(column="b", type=Integer(), path="$.payload.b", description="B."),
                    *STAMPS,
                )
            },
            "stand at the root",
        ),
        (
            {"fields": (ID, Field(column="b", type=Decimal(39, 2), path="$.b", description="B."), *STAMPS)},
            "no DECIMAL",
        ),
    ],
)
def test_contradictory_batch_sources_are_refused(changes: dict[str, Any], problem: str) -> None:
    """A source is declared whose records cannot be written, and fails in the middle of its first load."""
    said: dict[str, Any] = {
        "name": "s",
        "landing_prefix": "s",
        "schema": "s",
        "table": "t",
        "description": "S.",
        "owner": "team:s",
    }
    with pytest.raises(InvalidSpec, match=problem):
        StreamSpec(**{**said, **changes})


def test_rules_of_the_streams_have_not_changed() -> None:
    """Declaring something new has every hour ever loaded validated again."""
    assert (WEB_LOGS.rules_digest, CUSTOMER_INTERACTIONS.rules_digest) == ("b366984bd104", "e5b8ff8504fa")
