"""The judgement of the checks, on reports and ledgers made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import dagster as dg
import pytest

from assets import checks
from assets.metadata import check_metadata
from weblogs_platform.core.report import Sample
from weblogs_platform.streams import STREAMS, WEB_LOGS

ALL_PATHS = {f.path: 10 for f in WEB_LOGS.fields}


def test_a_clean_hour_passes_every_check(make_file, make_report, make_line):
    """A check that warns about nothing trains people to ignore it."""
    report = make_report(make_file(present=ALL_PATHS))
    outcomes = [
        *checks.evaluate_validated(WEB_LOGS, report),
        *checks.evaluate_table(WEB_LOGS, report, [make_line()], table_rows=10),
    ]
    assert [o.declaration.name for o in outcomes if not o.passed] == []
    assert [o.declaration for o in outcomes] == [*checks.VALIDATED_CHECKS, *checks.TABLE_CHECKS]


@pytest.mark.parametrize("spec", STREAMS, ids=lambda s: s.name)
def test_an_hour_without_objects_passes_every_check(spec, make_report):
    """Shares of nothing must not divide by zero, and no field vanished from no record."""
    outcomes = [
        *checks.evaluate_validated(spec, make_report()),
        *checks.evaluate_table(WEB_LOGS, make_report(), [], table_rows=0),
    ]
    assert all(o.passed for o in outcomes)


def test_null_required_fields_are_counted_by_field_with_share_and_place(make_file, make_report):
    """The one check of the old system that mattered: nulls in required fields made records vanish."""
    samples = (Sample(7, ("null_required:user_id",)), Sample(9, ("malformed_json",)))
    report = make_report(make_file(good=6, bad=2, null_fields={"user_id": 2}, samples=samples))
    outcome = checks.required_fields_not_null(WEB_LOGS, report)
    assert not outcome.passed
    assert (outcome.numbers["user_id_null"], outcome.numbers["user_id_null_share"]) == (2, 0.25)
    assert outcome.numbers["session_id_null"] == 0, "a number that is absent does not plot"
    assert [place.offset for place in outcome.places] == [7]


def test_malformed_counts_whole_record_reasons_only(make_file, make_report):
    """A wrong type in one field is no malformed record."""
    report = make_report(make_file(bad=3, reasons={"malformed_json": 2, "wrong_type:rating": 1}))
    outcome = checks.no_malformed_records(report)
    assert (outcome.passed, outcome.numbers["malformed"]) == (False, 2)


@pytest.mark.parametrize(("bad", "passes"), [(5, True), (6, False)])
def test_the_threshold_itself_is_still_allowed(bad, passes, make_file, make_report):
    """Half of the records invalid is the limit, not over it; over it blocks."""
    outcome = checks.invalid_share_within_threshold(WEB_LOGS, make_report(make_file(good=10 - bad, bad=bad)))
    assert (outcome.passed, outcome.blocks) == (passes, not passes)
    assert outcome.declaration.severity == "ERROR"


def test_drift_names_unmapped_and_vanished_fields(make_file, make_report):
    """A new field that nobody maps is lost silently, and so is one that the producer dropped."""
    present = {path: n for path, n in ALL_PATHS.items() if path != "$.payload.browser"} | {"$.payload.utm": 4}
    outcome = checks.schema_drift(WEB_LOGS, make_report(make_file(present=present)))
    assert not outcome.passed
    assert outcome.details == {"unmapped": {"$.payload.utm": 4}, "vanished": ["$.payload.browser"]}


def test_a_required_field_that_is_gone_is_not_drift_too(make_file, make_report):
    """It is a null required field already; two warnings for one cause hide the cause."""
    present = {path: n for path, n in ALL_PATHS.items() if path != "$.payload.user_id"}
    assert checks.schema_drift(WEB_LOGS, make_report(make_file(present=present))).passed


def test_truncation_is_counted_by_column(make_file, make_report):
    """COPY cuts without a word."""
    outcome = checks.truncation(WEB_LOGS, make_report(make_file(truncated={"page": 3})))
    assert (outcome.passed, outcome.numbers["page_truncated"], outcome.numbers["browser_truncated"]) == (
        False,
        3,
        0,
    )


def test_duplicates_warn(make_file, make_report):
    outcome = checks.exact_duplicates(WEB_LOGS, make_report(make_file(), duplicates=2))
    assert (outcome.passed, outcome.numbers["duplicate_share"]) == (False, 0.2)


@pytest.mark.parametrize(
    ("ledger_rows", "table_rows", "passes"), [(10, 10, True), (9, 9, False), (10, 20, False)]
)
def test_rows_loaded_compares_table_ledger_and_report(
    ledger_rows, table_rows, passes, make_file, make_report, make_line
):
    """A doubled or a lost row shows whichever of the three is wrong."""
    report = make_report(make_file(good=10))
    outcome = checks.rows_loaded_equal_valid(report, [make_line(loaded=ledger_rows)], table_rows)
    assert outcome.passed is passes


def test_an_object_that_arrived_after_the_load_is_no_missing_row(make_file, make_report, make_line):
    """Only objects of the ledger count: the next run brings the others."""
    report = make_report(make_file("a"), make_file("late"))
    assert checks.rows_loaded_equal_valid(report, [make_line("a")], 10).passed


def test_an_expired_landing_object_keeps_its_rows(make_report, make_line):
    """Landing expires by a lifecycle rule; the ledger stands for what is gone."""
    outcomes = checks.evaluate_table(WEB_LOGS, make_report(), [make_line("expired")], table_rows=10)
    assert all(o.passed for o in outcomes)


def test_conservation_names_the_object_that_does_not_add_up(make_file, make_report, make_line):
    """Sums that are right over the hour can hide two objects that are wrong."""
    report = make_report(make_file("a", good=10, bad=1), make_file("b", good=10, bad=1))
    lines = [make_line("a", loaded=10, bad=2), make_line("b", loaded=10, bad=0)]
    outcome = checks.conservation(report, lines)
    assert not outcome.passed
    assert outcome.details["objects"] == [lines[0].key, lines[1].key]


def test_dropped_duplicates_are_part_of_conservation(make_file, make_report, make_line):
    """The equation has three terms, also while the policy keeps duplicates."""
    report = make_report(make_file(good=10))
    assert all(
        o.passed
        for o in checks.evaluate_table(WEB_LOGS, report, [make_line(loaded=9, dropped=1)], table_rows=9)
    )


def test_metadata_has_numbers_and_places_and_no_values(make_file, make_report):
    """What Dagster stores for ever must not hold what a visitor sent."""
    samples = tuple(Sample(offset, ("null_required:user_id",)) for offset in range(20))
    report = make_report(make_file(bad=20, null_fields={"user_id": 20}, samples=samples))
    metadata = check_metadata(checks.required_fields_not_null(WEB_LOGS, report))
    assert metadata["user_id_null"].value == 20
    places = metadata["places"]
    assert isinstance(places, dg.TableMetadataValue)
    places = places.records
    assert len(places) == checks.MAX_PLACES
    assert {tuple(sorted(place.data)) for place in places} == {("object", "offset", "reasons")}
    json.dumps({name: str(value.value) for name, value in metadata.items()})


def test_rows_that_older_rules_judged_are_no_mismatch(make_file, make_report, make_line):
    """After a change of the rules the report counts anew, while the table still holds what was loaded before."""
    report = make_report(make_file(good=8, bad=2))
    old = replace(make_line(loaded=10), rules="older")
    rows, sums, _ = checks.evaluate_table(WEB_LOGS, report, [old], table_rows=10)
    assert rows.passed
    assert sums.passed
