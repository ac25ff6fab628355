"""A new version of a loaded object: loaded, left out, or left out with an alarm; and never asked for again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.automation.requests import HourState
from assets.checks import REWRITTEN, CheckOutcome
from assets.hour_steps import HourSteps
from assets.keys import StreamKeys
from tests.pipeline.hours import Hour, each_stream, in_order
from tests.pipeline.records import Content, record
from weblogs_platform.core.errors import HourNotReplaceable, InvalidSpec
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile, differs, notes_to_write, plan_load, versions_left_out
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import OnRewritten
from weblogs_platform.pipeline.ledger import loaded_hour
from weblogs_platform.streams import STREAMS, WEB_LOGS

HOUR = LandingHour.from_argument("2025-07-20T10")
KEEPING: list[OnRewritten] = ["ignore", "alert"]
Files = dict[str, str]
"""Objects as key -> ETag."""


def landed(key: str, etag: str) -> LandingObject:
    return LandingObject(key, etag, 10, datetime(2025, 7, 20, 10, 5, tzinfo=UTC))


def listing(files: Files) -> list[LandingObject]:
    return [landed(key, etag) for key, etag in sorted(files.items())]


def ledger(files: Files, notes: Files | None = None) -> list[LoadedFile]:
    return [
        LoadedFile(key, etag, "r", 3, 2, 1, 0, noted_etag=(notes or {}).get(key))
        for key, etag in sorted(files.items())
    ]


def report_of(files: Files) -> HourReport:
    reports = [
        FileReport(
            source=landed(key, etag), rules="r", compression="plain", load_key=key, load_bytes=10, invalid_key=None,
            records=3, good=2, bad=1, conformed=0, data_bytes=10,
        )
        for key, etag in sorted(files.items())
    ]  # fmt: skip
    return HourReport(stream="web_logs", hour=HOUR, rules="r", files=tuple(reports))


FILES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"), max_size=4)


@given(FILES, FILES, FILES, FILES, st.sampled_from(KEEPING))
def test_a_loaded_version_stays_whatever_lands(
    listed: Files, loaded: Files, reported: Files, notes: Files, policy: OnRewritten
) -> None:
    """In some state a version to keep is replaced, an object beside it does not load, or the hour is never done."""
    before = ledger(loaded, notes)
    made = plan_load(
        listed=listing(listed),
        report=report_of(reported),
        loaded=before,
        on_vanished="keep",
        on_rewritten=policy,
    )
    assert made.action in ("nothing", "append")
    new = {f.source.key: f.source.etag for f in made.files}
    due = {key: etag for key, etag in listed.items() if key not in loaded and reported.get(key) == etag}
    assert new == due
    other = {key: etag for key, etag in listed.items() if loaded.get(key, etag) != etag}
    assert {o.key: o.etag for o in made.left_out} == other

    changes = notes_to_write(listing(listed), before, made.left_out)
    noted = {f.key: f.noted_etag for f in before} | changes
    after = ledger({**loaded, **new}, {key: etag for key, etag in noted.items() if etag})
    waits = {key for key, etag in listed.items() if key not in loaded and reported.get(key) != etag}
    assert _differs(listed, after, policy) == bool(waits)
    assert _differs(listed, before, policy) == bool(waits or new or changes)


def _differs(listed: Files, loaded: list[LoadedFile], policy: OnRewritten) -> bool:
    return differs(listed=listing(listed), loaded=loaded, on_vanished="keep", on_rewritten=policy)


def test_replace_leaves_nothing_out() -> None:
    """The default policy notes versions, or asks for hours because of notes that another policy left."""
    loaded = ledger({"a": "2"}, {"a": "2"})
    assert versions_left_out(listing({"a": "3"}), loaded, "replace") == ()
    assert not differs(listed=listing({"a": "2"}), loaded=loaded, on_vanished="keep", on_rewritten="replace")
    assert differs(listed=listing({"a": "3"}), loaded=loaded, on_vanished="keep", on_rewritten="replace")


@pytest.mark.parametrize("policy", KEEPING)
def test_what_landing_holds_cannot_both_count_and_not_count(policy: OnRewritten) -> None:
    """An hour that is replaced because an object vanished would lose the versions that were to stay."""
    with pytest.raises(InvalidSpec, match="on_vanished='replace'"):
        replace(WEB_LOGS, on_vanished="replace", on_rewritten=policy)


def test_every_declared_stream_replaces() -> None:
    """A default changes, and with it what a stream that never mentioned it does."""
    assert {spec.on_rewritten for spec in STREAMS} == {"replace"}


def rows_of(hour: Hour, *numbers: int) -> list[Any]:
    content = Content(hour.spec)
    for n in numbers:
        content.good(record(hour.spec, n))
    return in_order(content.rows)


def steps(hour: Hour) -> HourSteps:
    return HourSteps(hour.spec, hour.lake, hour.warehouse, hour.hour, "policies")


def materialized(hour: Hour) -> tuple[dict[str, Any], CheckOutcome]:
    """What the table's asset shows of the hour, and its verdict about rewritten objects."""
    made = steps(hour).by_asset[StreamKeys.of(hour.spec).table].make()
    [verdict] = [c for c in made.checks if c.declaration is REWRITTEN]
    return {name: getattr(value, "value", None) for name, value in made.metadata.items()}, verdict


def is_requested(hour: Hour) -> bool:
    """Whether sensor and reconcile find something to do."""
    loaded = loaded_hour(hour.warehouse, hour.spec, hour.hour)
    return not HourState(hour.hour, hour.listed(), loaded).is_loaded(hour.spec)


@pytest.mark.parametrize(("policy", "passes"), [("ignore", True), ("alert", False)])
@each_stream
def test_the_loaded_version_stays_and_the_new_one_is_noted(
    hour: Hour, policy: OnRewritten, passes: bool
) -> None:
    """A rewritten object takes its rows with it, is left out unseen, or is asked for at every tick."""
    hour = hour.of(replace(hour.spec, on_rewritten=policy))
    key = hour.drop_records("a", 1, 2)
    hour.run()
    assert not is_requested(hour)
    hour.drop_records("a", 3)
    hour.drop_records("b", 4)
    assert is_requested(hour)
    hour.validate()
    shown, verdict = materialized(hour)
    assert hour.rows() == rows_of(hour, 1, 2, 4)
    assert (shown["action"], shown["rows_loaded_now"], shown["rewritten_left_out"]) == ("append", 1, 1)
    assert (verdict.passed, verdict.numbers) == (passes, {"rewritten_left_out": 1})
    assert verdict.details == {"objects": [key]}
    assert key in verdict.summary
    assert not is_requested(hour)
    judged = steps(hour).by_asset[StreamKeys.of(hour.spec).table].judge()
    assert [c for c in judged if c.declaration is REWRITTEN] == [verdict]
    assert all(c.passed for c in judged if c.declaration is not REWRITTEN)


def test_each_further_version_is_noted_once_and_the_old_one_ends_the_alarm(hour: Hour) -> None:
    """The alarm stays about a version that is gone, or the third version goes unseen."""
    hour = hour.of(replace(hour.spec, on_rewritten="alert"))
    hour.drop_records("a", 1)
    hour.run()
    for further in (2, 3):
        hour.drop_records("a", further)
        assert is_requested(hour)
        hour.validate()
        assert not materialized(hour)[1].passed
        assert not is_requested(hour)
    hour.drop_records("a", 1)
    assert is_requested(hour)
    hour.validate()
    shown, verdict = materialized(hour)
    assert (verdict.passed, shown["rewritten_left_out"], shown["rows_loaded_now"]) == (True, 0, 0)
    assert not is_requested(hour)
    assert hour.rows() == rows_of(hour, 1)


def test_a_version_that_nobody_validated_yet_is_left_out_all_the_same(hour: Hour) -> None:
    """It arrives between validation and load, and stops the load of its neighbours or replaces the hour."""
    hour = hour.of(replace(hour.spec, on_rewritten="ignore"))
    hour.drop_records("a", 1)
    hour.run()
    hour.drop_records("b", 2)
    hour.validate()
    hour.drop_records("a", 3)
    outcome = hour.load()
    assert (outcome.action, outcome.rows_loaded, outcome.plan.unreported) == ("append", 1, ())
    assert hour.rows() == rows_of(hour, 1, 2)


def test_replacing_counts_what_was_rewritten_and_ends_an_older_alarm(hour: Hour) -> None:
    """The policy is changed to `replace`: the new version does not come in, or the note outlives it."""
    alarmed = hour.of(replace(hour.spec, on_rewritten="alert"))
    alarmed.drop_records("a", 1)
    alarmed.run()
    alarmed.drop_records("a", 2, 3)
    alarmed.validate()
    assert not materialized(alarmed)[1].passed
    assert is_requested(hour)
    shown, verdict = materialized(hour)
    assert (shown["action"], shown["objects_rewritten_now"], shown["rewritten_left_out"]) == ("replace", 1, 0)
    assert verdict.passed
    assert hour.rows() == rows_of(hour, 2, 3)
    assert not is_requested(hour)


@pytest.mark.parametrize(
    ("policy", "raises"), [("replace", HourNotReplaceable), ("ignore", None), ("alert", None)]
)
def test_a_version_left_out_needs_nobody_elses_rows(
    hour: Hour, policy: OnRewritten, raises: type[Exception] | None
) -> None:
    """One object has expired, another was rewritten: where the old version stays, nothing has to be refused."""
    hour = hour.of(replace(hour.spec, on_rewritten=policy))
    gone = hour.drop_records("a", 1)
    hour.drop_records("b", 2)
    hour.run()
    hour.remove(gone)
    hour.drop_records("b", 3)
    hour.validate()
    load: Callable[[], object] = hour.load
    if raises:
        with pytest.raises(raises):
            load()
    else:
        load()
    assert hour.rows() == rows_of(hour, 1, 2)
