"""The fault campaign: `python -m tests.faults.campaign [--seed 1] [--share 1.0] [--only PART] ... [--write]`.

What is tried, and what came of it: docs/RELIABILITY.md, whose figures `--write` replaces. `--share` makes a campaign
smaller: 0.1 tries a tenth of each.
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

from tests.faults import kills, races, s3_faults, server_kills, servers
from tests.faults.laboratory import Laboratory
from tests.faults.oracle import TABLES
from tests.faults.report import Report, told, write_into

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


def _races(lab: Laboratory, report: Report, share: float) -> None:
    times = max(1, round(28 * share))
    for race in (races.loaders, races.runs, races.refreshes, races.changes):
        race(lab, report, times)


PARTS: Mapping[str, Part] = {
    "places": _places,
    "commits": _commits,
    "moments": _moments,
    "steps": _steps,
    "servers": _servers,
    "s3": _s3,
    "large": _large,
    "races": _races,
}


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 1 when anything was wrong."""
    given = _parser().parse_args(arguments)
    report, began = Report(), time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        servers.running(Path(folder) / "home") as running,
    ):
        lab = Laboratory(running, given.seed)
        for name in given.only or PARTS:
            told(partial(PARTS[name], lab, report, given.share), name)
        with report.watching(EVERYTHING):
            report.happened(EVERYTHING, len(lab.hours))
            lab.check_everything()
    minutes = (time.monotonic() - began) / 60
    words = f"`make faults FAULTARGS='{' '.join(arguments)}'`" if arguments else "`make faults`"
    text = f"{words}, seed {given.seed}, {minutes:.0f} minutes, Python {platform.python_version()}:\n\n{report.table()}"
    print(text)
    for wrong in report.wrong:
        print(wrong, file=sys.stderr)
    if given.write:
        write_into(PAGE, text)
    return 1 if report.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make faults", description="The fault campaign.")
    parser.add_argument("--seed", type=int, default=1, help="of traffic, places and moments (default 1)")
    parser.add_argument("--share", type=float, default=1.0, help="how much of each part (default 1.0)")
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be given several times")
    parser.add_argument("--write", action="store_true", help="replace the figures of docs/RELIABILITY.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
