"""Objects that cannot be read: their neighbours load, and the error names them; S3 that is away is said at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.pipeline.hours import Hour, in_order
from tests.pipeline.records import Content, record
from weblogs_platform.clients.lake import Lake
from weblogs_platform.core.errors import (
    AccessRefused,
    HourNotReplaceable,
    HourNotValidated,
    LakeUnavailable,
    ObjectChanged,
    Transient,
    WeblogsError,
)
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.pipeline.validate import read_report, validate_readable


@dataclass(frozen=True)
class _Refusing(Lake):
    """Raises instead of reading these objects. `away`: from the first of them on, it lists nothing either."""

    errors: Mapping[str, WeblogsError] = field(default_factory=dict[str, WeblogsError])
    away: bool = False
    tried: list[str] = field(default_factory=list[str])

    def stream(self, source: LandingObject, block_bytes: int) -> Any:
        self.tried.append(source.key)
        if source.key in self.errors:
            raise self.errors[source.key]
        return super().stream(source, block_bytes)

    def list_prefix(self, prefix: str) -> list[LandingObject]:
        if self.away and self.tried:
            raise LakeUnavailable("S3 is away")
        return super().list_prefix(prefix)


def _refusing(hour: Hour, errors: Mapping[str, WeblogsError], *, away: bool = False) -> _Refusing:
    return _Refusing(hour.lake.client, hour.lake.bucket, errors=errors, away=away)


def _rows(hour: Hour, *numbers: int) -> list[Any]:
    content = Content(hour.spec)
    for n in numbers:
        content.good(record(hour.spec, n))
    return in_order(content.rows)


@pytest.mark.parametrize("error", [AccessRefused, LakeUnavailable, ObjectChanged])
def test_neighbours_of_an_object_that_cannot_be_read_load(hour: Hour, error: type[WeblogsError]) -> None:
    """One object without a right keeps its hour out; or it counts as read, and is never loaded."""
    hour.drop_records("a", 1, 2)
    key = hour.drop_records("b", 3)
    hour.drop_records("c", 1)
    lake = _refusing(hour, {key: error(f"cannot read {key}")})
    made = validate_readable(lake, hour.spec, hour.hour)
    assert [f.source.key[-1] for f in made.report.files] == ["a", "c"]
    assert made.report == read_report(hour.lake, hour.spec, hour.hour)
    assert made.report.duplicates == 1
    assert (type(made.unread), str(made.unread)) == (error, f"cannot read {key}")
    outcome = hour.load()
    assert (outcome.table_rows, outcome.plan.unreported) == (3, (key,))
    lake.tried.clear()
    with pytest.raises(error):
        replace(hour, lake=lake).validate()
    assert lake.tried == [key]
    report, outcome = hour.run()
    assert (report.duplicates, outcome.action, outcome.rows_loaded) == (1, "append", 1)
    assert hour.rows() == _rows(hour, 1, 1, 2, 3)


def test_an_hour_without_an_object_that_could_be_read_has_no_report(hour: Hour) -> None:
    """It counts as an hour without records."""
    key = hour.drop_records("a", 1)
    with pytest.raises(AccessRefused):
        validate_readable(_refusing(hour, {key: AccessRefused("no")}), hour.spec, hour.hour)
    with pytest.raises(HourNotValidated):
        hour.load()


@pytest.mark.parametrize("error", [LakeUnavailable("no answer"), AccessRefused("expired")])
def test_an_outage_is_said_at_once(hour: Hour, error: WeblogsError) -> None:
    """Every object of an hour is tried, and waited for, while S3 is away."""
    keys = [hour.drop_records(f"{n:02}", n) for n in range(20)]
    lake = _refusing(hour, dict.fromkeys(keys[2:], error), away=True)
    with pytest.raises(LakeUnavailable, match="S3 is away"):
        validate_readable(lake, hour.spec, hour.hour)
    assert len(lake.tried) <= 4
    with pytest.raises(HourNotValidated):
        hour.load()


def test_several_are_named_and_tried_again_while_that_may_help(hour: Hour) -> None:
    """Only the first is told, or one without a right ends the attempts for all."""
    hour.drop_records("a", 1)
    keys = [hour.drop_records(f"b{n}", n) for n in range(5)]
    errors: dict[str, WeblogsError] = {key: AccessRefused(f"cannot read {key}") for key in keys}
    errors[keys[-1]] = LakeUnavailable(f"cannot read {keys[-1]}")
    unread = validate_readable(_refusing(hour, errors), hour.spec, hour.hour).unread
    assert isinstance(unread, Transient)
    assert str(unread).startswith("5 objects could not be read: ")
    assert sum(key in str(unread) for key in keys) == 3
    assert str(unread).endswith("; and 2 more")


def test_a_loaded_object_whose_new_version_cannot_be_read_keeps_its_rows(hour: Hour) -> None:
    """Its rows go with the rest of the hour when another object is rewritten."""
    key = hour.drop_records("a", 1)
    hour.drop_records("b", 2)
    hour.run()
    hour.drop_records("a", 3)
    lake = _refusing(hour, {key: AccessRefused("no")})
    hour.drop_records("c", 4)
    validate_readable(lake, hour.spec, hour.hour)
    assert hour.load().action == "append"
    assert hour.rows() == _rows(hour, 1, 2, 4)
    hour.drop_records("b", 5)
    validate_readable(lake, hour.spec, hour.hour)
    with pytest.raises(HourNotReplaceable, match=key):
        hour.load()
    assert hour.rows() == _rows(hour, 1, 2, 4)
    assert hour.run()[1].action == "replace"
    assert hour.rows() == _rows(hour, 3, 4, 5)
