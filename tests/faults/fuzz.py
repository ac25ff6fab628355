"""Coverage-guided fuzzing: `python -m tests.faults.fuzz [--minutes 60] [--target NAME] ... [--corpus FOLDER]`.

The minutes are shared out over the targets (`fuzz_targets`), each in a process of its own under atheris, from the seeds of
the tests. What breaks a promise is kept in the corpus' folder `found`, and said in full. Without atheris (its only wheels
are for Linux on x86-64) it says so and tries nothing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.faults import fuzz_seeds
from tests.faults.laboratory import Laboratory, WrongResult
from tests.faults.report import Report

TARGETS = ("framing", "validation", "json_scan", "csv_scan", "growth")
"""Those of `fuzz_targets`, which only the child imports."""

NOTICE = "fuzzing is left out: atheris is not installed (it has wheels for Linux on x86-64 only)"

_MAX_BYTES = {"growth": 64, "csv_scan": 1000}
_MAX_BYTES_OF_OTHERS = 3000
_ONE_INPUT_SECS = 30
_MEMORY_MIB = 3000
_STARTING_SECS = 120
_TRIED = re.compile(r"stat::number_of_executed_units: *(\d+)")


@dataclass(frozen=True)
class Outcome:
    """How often a target was tried, and what was found, as the fuzzer tells it; empty when nothing was."""

    tried: int
    found: str


def part(_: Laboratory, report: Report, minutes: float) -> None:
    """The campaign's part."""
    if find_spec("atheris") is None:
        print(NOTICE, file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        fuzz(report, TARGETS, minutes, Path(folder))


def fuzz(report: Report, targets: Sequence[str], minutes: float, corpus: Path) -> None:
    """Tries each target for its share of the minutes."""
    for target in targets:
        line = f"fuzzing: inputs to {target}"
        with report.watching(line):
            outcome = try_target(target, 60 * minutes / len(targets), corpus)
            report.happened(line, outcome.tried)
            if outcome.found or not outcome.tried:
                raise WrongResult(f"{target}:\n{outcome.found or 'nothing was tried'}")


def try_target(target: str, seconds: float, corpus: Path) -> Outcome:
    """Runs one target in a process of its own."""
    fuzz_seeds.write(target, corpus / target)
    fuzz_seeds.write_words(corpus / "words")
    (corpus / "found").mkdir(exist_ok=True)
    options = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={_MAX_BYTES.get(target, _MAX_BYTES_OF_OTHERS)}",
        f"-timeout={_ONE_INPUT_SECS}",
        f"-rss_limit_mb={_MEMORY_MIB}",
        f"-dict={corpus / 'words'}",
        f"-artifact_prefix={corpus / 'found' / target}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    command = [sys.executable, "-m", "tests.faults.fuzz_child", target, *options, str(corpus / target)]
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + _STARTING_SECS + _ONE_INPUT_SECS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return Outcome(
            0, f"the fuzzer did not end {_STARTING_SECS + _ONE_INPUT_SECS} s after its time: {late}"
        )
    counted = _TRIED.search(done.stderr)
    said = "" if done.returncode == 0 else f"{done.stdout}\n{done.stderr}".strip()[-6000:]
    return Outcome(int(counted[1]) if counted else 0, said)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 1 when anything was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.fuzz", description="Coverage-guided fuzzing."
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="for all targets together (default 60)")
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be given several times")
    parser.add_argument("--corpus", type=Path, help="a folder to begin from and to keep what is found in")
    given = parser.parse_args(arguments)
    if find_spec("atheris") is None:
        print(NOTICE, file=sys.stderr)
        return 0
    report, began = Report(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        fuzz(report, given.target or TARGETS, given.minutes, given.corpus or Path(folder))
    print(f"{(time.monotonic() - began) / 60:.0f} minutes:\n")
    print("\n".join([*report.rows(), *report.notes]))
    for wrong in report.wrong:
        print(wrong, file=sys.stderr)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
