"""The fault campaign: `python -m tests.faults [--seed 1] [--share 1.0] [--only PART] ... [--minutes 60] [--write]`.

What is tried, and what came of it: docs/RELIABILITY.md. `--write` replaces there the lines of the parts that ran, and
leaves the others. `--share` makes a campaign smaller: 0.1 tries a tenth of each.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.faults import (
    daemon,
    fuzz,
    kills,
    live,
    objects,
    policy_kills,
    races,
    refresh_kills,
    replay_kills,
    s3_faults,
    server_kills,
    servers,
    sql_faults,
)
from tests.faults.figures import totals, write_into
from tests.faults.laboratory import Laboratory
from tests.faults.oracle import TABLES
from tests.faults.report import Report, told

PAGE = Path(__file__).resolve().parents[2] / "docs" / "RELIABILITY.md"
EVERYTHING = "in the end: all hours together, and nothing beside them"

Part = Callable[[Laboratory, Report, float], None]


def _places(lab: Laboratory, report: Report, share: float) -> None:
    for stream in TABLES:
        kills.at_every_place(lab, report, stream, every=max(1, round(1 / share)))


def _commits(lab: Laboratory, report: Report, share: float) -> None:
    kills.around_commit(lab, report, round(260 * share))


def _moments(lab: Laboratory, report: Report, share: float) -> None:
    kills.at_random(lab, report, round(60 * share))


def _steps(lab: Laboratory, report: Report, share: float) -> None:
    kills.between_steps(lab, report, max(1, round(15 * share)))


def _servers(lab: Laboratory, report: Report, share: float) -> None:
    server_kills.redshift(lab, report, max(1, round(20 * share)))
    server_kills.s3(lab, report, max(1, round(24 * share)))


def _s3(lab: Laboratory, report: Report, share: float) -> None:
    s3_faults.every_case(lab, report, share)


def _large(lab: Laboratory, report: Report, share: float) -> None:
    s3_faults.every_case(lab, report, share, large=True)


def _policies(lab: Laboratory, report: Report, share: float) -> None:
    policy_kills.at_every_place(lab, report, every=max(1, round(1 / share)))


def _refreshes(lab: Laboratory, report: Report, share: float) -> None:
    day = refresh_kills.Day(lab)
    refresh_kills.at_every_place(day, report, every=max(1, round(1 / share)))
    refresh_kills.around_commit(day, report, round(24 * share))
    refresh_kills.at_random(day, report, round(24 * share))


def _replays(lab: Laboratory, report: Report, share: float) -> None:
    for _ in range(4):
        replay_kills.at_every_place(lab, report, every=max(1, round(1 / share)))
    replay_kills.around_commit(lab, report, round(24 * share))
    replay_kills.at_random(lab, report, round(24 * share))
    replay_kills.together(lab, report, round(12 * share))
    replay_kills.over_a_load(lab, report, round(12 * share))


def _sql(lab: Laboratory, report: Report, share: float) -> None:
    sql_faults.every_case(lab, report, share)


def _races(lab: Laboratory, report: Report, share: float) -> None:
    times = max(1, round(28 * share))
    for race in (races.loaders, races.runs, races.refreshes, races.changes, races.left_out):
        race(lab, report, times)


def _daemon(lab: Laboratory, report: Report, share: float) -> None:
    daemon.kills(lab, report, round(6 * share))


def _objects(lab: Laboratory, report: Report, share: float) -> None:
    objects.every_fault(lab, report, max(1, round(14 * share)))


PARTS: Mapping[str, Part] = {
    "places": _places,
    "commits": _commits,
    "moments": _moments,
    "steps": _steps,
    "policies": _policies,
    "refreshes": _refreshes,
    "replays": _replays,
    "servers": _servers,
    "s3": _s3,
    "large": _large,
    "sql": _sql,
    "races": _races,
    "daemon": _daemon,
    "objects": _objects,
}

TIMED: Mapping[str, Part] = {"live": live.part, "fuzz": fuzz.part}
"""What goes on for so many minutes, which take the place of the share."""
MINUTES = 60.0


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 1 when anything was wrong."""
    given = _parser().parse_args(arguments)
    command = " ".join(argument for argument in arguments if argument != "--write")
    report, began = Report(f"`{command or 'all of it'}`, seed {given.seed}"), time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        servers.running(Path(folder) / "home") as running,
    ):
        lab = Laboratory(running, given.seed)
        minutes = MINUTES * given.share if given.minutes is None else given.minutes
        for name in given.only or [*PARTS, *TIMED]:
            report.part = name
            part = PARTS[name] if name in PARTS else TIMED[name]
            told(partial(part, lab, report, given.share if name in PARTS else minutes), name)
        with report.watching(EVERYTHING):
            lab.check_everything()
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:.0f} minutes, Python {platform.python_version()}:\n")
    print("\n".join([*report.rows(), *totals(report.rows()), *report.notes]))
    for wrong in report.wrong:
        print(wrong, file=sys.stderr)
    if given.write:
        write_into(PAGE, report, [*PARTS, *TIMED])
    return 1 if report.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make faults", description="The fault campaign.")
    parser.add_argument("--seed", type=int, default=1, help="of traffic, places and moments (default 1)")
    parser.add_argument("--share", type=float, default=1.0, help="how much of each part (default 1.0)")
    parser.add_argument(
        "--minutes", type=float, help="of `live`, and of `fuzz` (default 60, times the share)"
    )
    parser.add_argument(
        "--only", action="append", choices=[*PARTS, *TIMED], help="a part; may be given several times"
    )
    parser.add_argument(
        "--write", action="store_true", help="replace these parts' figures in docs/RELIABILITY.md"
    )
    return parser
