"""What a load does, in every state of listing, report and ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.core.errors import HourNotReplaceable
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile, LoadPlan, plan_load
from weblogs_platform.core.report import FileReport, HourReport

HOUR = LandingHour.from_argument("2025-07-20T10")
Files = dict[str, str]
"""Objects as key -> ETag."""


def landed(key: str, etag: str) -> LandingObject:
    return LandingObject(key, etag, 10, datetime(2025, 7, 20, 10, 5, tzinfo=UTC))


def report_of(files: Files) -> HourReport:
    reports = [
        FileReport(
            source=landed(key, etag), rules="r", compression="plain", load_key=key, load_bytes=10, invalid_key=None,
            records=3, good=2, bad=1, conformed=0, data_bytes=10,
        )
        for key, etag in files.items()
    ]  # fmt: skip
    return HourReport(stream="web_logs", hour=HOUR, rules="r", files=tuple(reports))


def plan(
    listed: Files,
    loaded: Files,
    reported: Files | None = None,
    on_vanished: Literal["keep", "replace"] = "keep",
) -> LoadPlan:
    ledger = [
        LoadedFile(key=key, etag=etag, rules="r", records=3, loaded=2, quarantined=1, duplicates=0)
        for key, etag in loaded.items()
    ]
    return plan_load(
        listed=[landed(key, etag) for key, etag in listed.items()],
        report=report_of(listed if reported is None else reported),
        loaded=ledger,
        on_vanished=on_vanished,
    )


def keys(made: LoadPlan) -> list[str]:
    return [f.source.key for f in made.files]


def test_empty_hour_needs_nothing() -> None:
    """An hour without objects fails, or writes an empty manifest."""
    assert plan({}, {}) == LoadPlan("nothing")


def test_new_objects_are_appended() -> None:
    """A late object makes the hour load twice."""
    made = plan({"a": "1", "b": "1", "c": "1"}, {"b": "1"})
    assert (made.action, keys(made), made.rows) == ("append", ["a", "c"], 4)


def test_loaded_hour_needs_nothing() -> None:
    """A re-run doubles the rows."""
    assert plan({"a": "1", "b": "1"}, {"a": "1", "b": "1"}) == LoadPlan("nothing")


def test_unreported_object_waits() -> None:
    """An object that arrived after validation is loaded unseen."""
    made = plan({"a": "1", "b": "1"}, {}, reported={"a": "1"})
    assert (made.action, keys(made), made.unreported) == ("append", ["a"], ("b",))
    assert plan({"a": "1"}, {}, reported={}) == LoadPlan("nothing", unreported=("a",))


def test_rewritten_object_replaces_the_hour() -> None:
    """The rows of the old content stay beside the new ones."""
    made = plan({"a": "2", "b": "1"}, {"a": "1", "b": "1"})
    assert (made.action, keys(made), made.rewritten) == ("replace", ["a", "b"], ("a",))


def test_vanished_object_keeps_its_rows() -> None:
    """Landing objects expire: their rows must not go with them."""
    made = plan({"b": "1", "c": "1"}, {"a": "1", "b": "1"})
    assert (made.action, keys(made), made.vanished) == ("append", ["c"], ("a",))
    assert plan({}, {"a": "1"}) == LoadPlan("nothing", vanished=("a",))


def test_vanished_object_replaces_where_that_is_declared() -> None:
    """A stream whose landing is the truth keeps rows of objects that were taken back."""
    made = plan({"b": "1"}, {"a": "1", "b": "1"}, on_vanished="replace")
    assert (made.action, keys(made), made.vanished) == ("replace", ["b"], ("a",))
    assert plan({}, {"a": "1"}, on_vanished="replace").action == "replace"


def test_hour_that_would_lose_rows_is_not_replaced() -> None:
    """One object rewritten, another expired: replacing the hour deletes rows that nothing can bring back."""
    with pytest.raises(HourNotReplaceable, match=r"'a' was rewritten, but 'b'"):
        plan({"a": "2"}, {"a": "1", "b": "1"})


def test_object_rewritten_after_validation_is_not_dropped() -> None:
    """The hour is replaced without the object that nobody validated yet."""
    with pytest.raises(HourNotReplaceable, match="materialize `validated` again"):
        plan({"a": "2", "b": "3"}, {"a": "1", "b": "1"}, reported={"a": "2", "b": "2"})


def test_object_rewritten_alone_after_validation_waits() -> None:
    """Its rows stay until it is validated."""
    assert plan({"a": "3"}, {"a": "1"}, reported={"a": "2"}) == LoadPlan("nothing", unreported=("a",))


FILES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), max_size=4)


@given(FILES, FILES, FILES, st.sampled_from(["keep", "replace"]))
def test_every_state_leads_to_the_listing_or_is_refused(
    listed: Files, loaded: Files, reported: Files, on_vanished: Literal["keep", "replace"]
) -> None:
    """A record is loaded twice, or lost, in a state that nobody thought of."""
    try:
        made = plan(listed, loaded, reported, on_vanished)
    except HourNotReplaceable:
        return
    new = {f.source.key: f.source.etag for f in made.files}
    after = new if made.action == "replace" else {**loaded, **new}
    assert made.action != "append" or not (new.keys() & loaded.keys())
    assert all(reported[key] == etag == listed[key] for key, etag in new.items())
    for key, etag in listed.items():
        if reported.get(key) == etag:
            assert after[key] == etag
    lost = loaded.keys() - after.keys()
    assert not lost or (on_vanished == "replace" and not lost & listed.keys())
    again = plan(listed, after, reported, on_vanished)
    assert again.action == "nothing"
