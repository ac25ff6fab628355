"""The campaign of `make faults`, small: the same faults from the same seed, a few of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import (
    kills,
    policy_kills,
    races,
    refresh_kills,
    replay_kills,
    s3_faults,
    server_kills,
    servers,
    sql_faults,
)
from tests.faults.laboratory import Laboratory, WrongResult
from tests.faults.report import Report
from weblogs_platform.kpis import table_named

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SEED = 20_240_101


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """Servers of its own: they are killed."""
    with servers.running(tmp_path_factory.mktemp("faults home")) as running:
        yield Laboratory(running, SEED)


@pytest.fixture
def report() -> Report:
    return Report()


def _check(lab: Laboratory, report: Report, *faults: str) -> None:
    report.check()
    for fault in faults:
        assert report.lines[fault].tried > 0


def test_runs_killed_at_their_places(lab: Laboratory, report: Report) -> None:
    """A killed run leaves half an hour, or something that keeps the next run from doing its work."""
    kills.at_every_place(lab, report, "web_logs", every=9)
    _check(lab, report, kills.AT_PLACES)


def test_loads_killed_around_their_commit(lab: Laboratory, report: Report) -> None:
    """What is committed and what is booked differ when the end comes between them."""
    kills.around_commit(lab, report, 4)
    _check(lab, report, kills.NEAR_COMMIT, kills.IN_COMMIT)


def test_runs_killed_at_random_moments(lab: Laboratory, report: Report) -> None:
    """A moment that no one thought of when the places were named."""
    kills.at_random(lab, report, 4)
    _check(lab, report, kills.AT_CHANCE)


def test_the_command_killed_between_its_steps(lab: Laboratory, report: Report) -> None:
    """What Dagster has noted of a killed run keeps the next one from loading, or makes it load again."""
    kills.between_steps(lab, report, 1)
    _check(lab, report, kills.BETWEEN_STEPS)


def test_loads_of_other_policies_killed_at_their_places(lab: Laboratory, report: Report) -> None:
    """A duplicate is dropped for a row that never came, or a version is noted that was not left out."""
    policy_kills.at_their_own_places(lab, report)
    _check(lab, report, policy_kills.DROPPING, policy_kills.IGNORING)


def test_replays_killed_and_beside_loads(lab: Laboratory, report: Report) -> None:
    """A record comes back twice, or its receipt without it."""
    replay_kills.at_every_place(lab, report, every=9)
    replay_kills.over_a_load(lab, report, 1)
    _check(lab, report, replay_kills.AT_PLACES, replay_kills.OVER_APPEND, replay_kills.OVER_REPLACE)


def test_refreshes_killed(lab: Laboratory, report: Report) -> None:
    """A table without a day, or a day that counts as fresh and is not."""
    day = refresh_kills.Day(lab)
    refresh_kills.at_every_place(day, report, [table_named("pos_daily")], every=4)
    _check(lab, report, refresh_kills.AT_PLACES)


def test_statements_refused(lab: Laboratory, report: Report) -> None:
    """A conflict costs an hour, or a missing right is tried again and again."""
    conflict, denied = "a serialization error (40001, 1023)", "permission denied (42501)"
    with sql_faults.workers(lab) as proxied:
        sql_faults.heals(proxied, report, conflict, "commit")
        sql_faults.refuses(proxied, report, denied, "INSERT INTO shopware_ops.load_history")
    _check(lab, report, sql_faults.HEALS.format(conflict), sql_faults.TERMINAL.format(denied))


def test_redshift_killed_and_answers_lost(lab: Laboratory, report: Report) -> None:
    """A commit that nobody heard of is made again, or one that never came is taken for made."""
    server_kills.redshift(lab, report, 1)
    _check(lab, report, server_kills.IN_COPY, server_kills.AFTER_COMMIT, server_kills.LOST_ANSWER)


def test_s3_killed_under_a_run(lab: Laboratory, report: Report) -> None:
    """A run without S3 leaves a report or a manifest that the next one trusts."""
    server_kills.s3(lab, report, 1)
    _check(lab, report, server_kills.S3)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("get", "cut"),
        ("get", "drip"),
        ("put_validated", "slow_down"),
        ("copy_reads", "reset"),
        ("copy_reads", "cut"),
    ],
)
def test_s3_that_fails(lab: Laboratory, report: Report, operation: str, fault: str) -> None:
    """A fault that passes fails the run, or one that stays loads a part; the error names neither what nor where."""
    s3_faults.heals(lab.hour("web_logs", 1, records=8, bad_share=0.3, mixed=True), report, operation, fault)
    s3_faults.fails(lab.hour("web_logs", 1, records=8, bad_share=0.3, mixed=True), report, operation, fault)
    report.check()


def test_runs_at_the_same_time(lab: Laboratory, report: Report) -> None:
    """Two runs both load, wait for each other for ever, or take objects for loaded that changed under them."""
    races.loaders(lab, report, 1)
    races.changes(lab, report, 1)
    races.left_out(lab, report, 1)
    _check(lab, report, races.LOADERS, races.REWRITTEN, races.VANISHED, races.LEFT_OUT)


def test_the_comparison_sees_what_is_wrong(lab: Laboratory) -> None:
    """A campaign that cannot fail proves nothing: one row is altered, then one line of the ledger."""
    hour = lab.hour("customer_interactions", 2, records=8)
    hour.bring_home()
    at = (f"{hour.start}",)
    for table, change in (
        ("shopware_stream.customer_interaction_stream", "customer_id = customer_id + 1"),
        ("shopware_ops.load_history", "quarantined = quarantined + 1"),
    ):
        with lab.servers.warehouse.transaction() as tx:
            tx.execute(f"UPDATE {table} SET {change} WHERE landing_hour = CAST(%s AS TIMESTAMP)", at)
        with pytest.raises(WrongResult, match="missing in"):
            hour.check_home()
        with pytest.raises(WrongResult, match="half loaded"):
            hour.check_whole()
    hour.discard()


def test_everything_is_as_delivered(lab: Laboratory) -> None:
    """What one fault did to another's hour, or to no hour at all."""
    lab.hour("pos").bring_home()
    assert lab.check_everything() > 0
