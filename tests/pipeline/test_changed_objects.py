"""Objects that change while they are loaded: the table never holds records of a version that the ledger does not name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.pipeline.hours import Hour, in_order
from tests.pipeline.records import Content, encoded, record, web_log
from weblogs_platform.core import failpoints
from weblogs_platform.core.errors import ObjectChanged
from weblogs_platform.core.spec import OnRewritten
from weblogs_platform.pipeline.ledger import loaded_hour

POLICIES: list[OnRewritten] = ["replace", "ignore", "alert"]
BEFORE_COPY = "load:manifests_written"
AFTER_COPY = "load:before_commit"

At = Callable[[str, Callable[[], Any]], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Makes something happen once, when a load comes to a place."""
    due: dict[str, Callable[[], Any]] = {}
    monkeypatch.setattr(failpoints, "reach", lambda name: due.pop(name, lambda: None)())
    return due.__setitem__


def _rows(hour: Hour, *numbers: int) -> list[Any]:
    content = Content(hour.spec)
    for n in numbers:
        content.good(record(hour.spec, n))
    return in_order(content.rows)


def _versions(hour: Hour) -> list[tuple[str, str, str | None]]:
    """Object, loaded ETag and the ETag that was noted."""
    return [(f.key, f.etag, f.noted_etag) for f in loaded_hour(hour.warehouse, hour.spec, hour.hour)]


def _listed(hour: Hour) -> dict[str, str]:
    return {o.key: o.etag for o in hour.listed()}


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_version_that_came_before_copy_is_not_taken_for_the_validated_one(
    hour: Hour, at: At, policy: OnRewritten, duplicates: Any
) -> None:
    """COPY reads records that nobody has judged; with the same count they stay, under the ETag of another version."""
    how: dict[str, Any] = {"on_rewritten": policy, "duplicates": duplicates, "duplicate_window_hours": 0}
    hour = hour.of(replace(hour.spec, **how))
    key = hour.drop_records("a", 1, 2)
    hour.drop_records("b", 3)
    hour.validate()
    at(BEFORE_COPY, lambda: hour.drop("a", encoded(web_log(4, user_id=None)) + encoded(web_log(5))))
    with pytest.raises(ObjectChanged, match="rewritten or removed while it was loaded") as changed:
        hour.load()
    assert hour.lake.url(key) in str(changed.value)
    assert (hour.rows(), hour.ledger()) == ([], [])
    report, outcome = hour.run()
    assert (report.bad, outcome.action, outcome.rows_loaded) == (1, "append", 2)
    assert hour.rows() == _rows(hour, 3, 5)
    assert {k: etag for k, etag, _ in _versions(hour)} == _listed(hour)


def test_a_version_with_another_count_is_no_mismatch(hour: Hour, at: At) -> None:
    """A run that may be tried again ends as one that may not, and says that table and ledger differ."""
    hour.drop_records("a", 1, 2)
    hour.validate()
    at(BEFORE_COPY, lambda: hour.drop_records("a", 4))
    with pytest.raises(ObjectChanged):
        hour.load()
    hour.run()
    assert hour.rows() == _rows(hour, 4)


@pytest.mark.parametrize("new", [b'{"payload": 7} noise', None])
def test_a_version_that_copy_refuses_is_no_mistake_of_the_statement(
    hour: Hour, at: At, new: bytes | None
) -> None:
    """A run that may be tried again ends with what Redshift says of the object, and is not."""
    key = hour.drop_records("a", 1, 2)
    hour.drop_records("b", 3)
    hour.validate()
    at(BEFORE_COPY, lambda: hour.remove(key) if new is None else hour.drop("a", new))
    with pytest.raises(ObjectChanged, match="rewritten or removed while it was loaded"):
        hour.load()
    hour.run()
    assert hour.rows() == _rows(hour, 3)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_version_that_came_after_copy_follows_the_policy(hour: Hour, at: At, policy: OnRewritten) -> None:
    """It is loaded under `ignore`, or never seen again."""
    hour = hour.of(replace(hour.spec, on_rewritten=policy))
    key = hour.drop_records("a", 1)
    first = _listed(hour)[key]
    hour.validate()
    at(AFTER_COPY, lambda: hour.drop_records("a", 2))
    assert hour.load().action == "append"
    assert (hour.rows(), _versions(hour)) == (_rows(hour, 1), [(key, first, None)])
    hour.run()
    if policy == "replace":
        assert (hour.rows(), _versions(hour)) == (_rows(hour, 2), [(key, _listed(hour)[key], None)])
    else:
        assert (hour.rows(), _versions(hour)) == (_rows(hour, 1), [(key, first, _listed(hour)[key])])


def test_an_hour_that_is_replaced_keeps_its_rows_when_the_new_version_changes(hour: Hour, at: At) -> None:
    """The rows of the first version are gone, and those of the third stand for the second."""
    hour.drop_records("a", 1)
    hour.run()
    hour.drop_records("a", 2)
    hour.validate()
    at(BEFORE_COPY, lambda: hour.drop_records("a", 3))
    with pytest.raises(ObjectChanged):
        hour.load()
    assert hour.rows() == _rows(hour, 1)
    assert hour.run()[1].action == "replace"
    assert hour.rows() == _rows(hour, 3)


@pytest.mark.parametrize("policy", POLICIES)
def test_an_object_that_vanishes_while_it_is_loaded_is_not_loaded(
    hour: Hour, at: At, policy: OnRewritten
) -> None:
    """Nobody can say any more which version COPY has read."""
    hour = hour.of(replace(hour.spec, on_rewritten=policy))
    key = hour.drop_records("a", 1)
    hour.drop_records("b", 2)
    hour.validate()
    at("load:copied", lambda: hour.remove(key))
    with pytest.raises(ObjectChanged):
        hour.load()
    assert (hour.rows(), hour.ledger()) == ([], [])
    hour.run()
    assert hour.rows() == _rows(hour, 2)


@pytest.mark.parametrize("policy", POLICIES)
def test_an_object_that_was_split_is_loaded_as_it_was_validated(
    hour: Hour, at: At, policy: OnRewritten
) -> None:
    """A load is refused because of an object that COPY does not read: its split copy cannot change."""
    hour = hour.of(replace(hour.spec, on_rewritten=policy))
    key = hour.drop("a", Content(hour.spec).good(web_log(1)).bad(b"{", "malformed_json").stored)
    first = _listed(hour)[key]
    hour.validate()
    at(BEFORE_COPY, lambda: hour.drop_records("a", 2))
    assert hour.load().rows_loaded == 1
    assert (hour.rows(), _versions(hour)) == (_rows(hour, 1), [(key, first, None)])
