"""Times the whole path on the embedded stack beside its floor and DuckDB's bare `read_json` of the same objects.

    python -m benchmarks.whole_path [--megabytes 200] [--objects 48] [--rounds 3] [--kind plain|gzip] ... [--write]

What is measured, and what the time goes to: docs/PERFORMANCE.md, whose figures `--write` replaces.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.data import Size
from benchmarks.figures import figures_of, markdown, table, write_into
from benchmarks.rounds import BenchmarkFailed, Options, Round, measured
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.local.errors import StackError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "PERFORMANCE.md"


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    given = _parser().parse_args(arguments)
    console = Console()
    rounds: list[Round] = []
    try:
        for one in measured(_options(given)):
            rounds.append(one)
            console.print(_progress(one), highlight=False)
    except (BenchmarkFailed, StackError, WeblogsError) as error:
        print(f"benchmark failed: {error}", file=sys.stderr)
        return 1
    all_figures = figures_of(rounds)
    for figures in all_figures:
        console.print(table(figures), figures.verdict(), "", sep="\n", highlight=False)
    if given.write:
        write_into(
            given.page,
            markdown(all_figures, shlex.join(["python", "-m", "benchmarks.whole_path", *arguments])),
        )
        console.print(f"figures written to {given.page}")
    return 0


def _options(given: argparse.Namespace) -> Options:
    size = Size(int(given.megabytes * 1e6), given.objects, given.bad_share, given.seed)
    kinds = (given.kind,) if given.kind else ("plain", "gzip")
    return Options(size, given.rounds, kinds, newlines=not given.concatenated, threads=given.threads)


def _progress(one: Round) -> str:
    seconds = sum(step.seconds for step in one.path.steps)
    floor = f"floor {sum(step.seconds for step in one.floor.steps):.2f} s, " if one.floor else ""
    return f"{one.kind}: whole path {seconds:.2f} s, {floor}bare read {one.bare.step.seconds:.2f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.whole_path", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--megabytes", type=float, default=200, help="of records, before gzip (200)")
    parser.add_argument("--objects", type=int, default=48, help="objects of the hour (48)")
    parser.add_argument("--bad-share", type=float, default=0.02, help="share of bad records (0.02)")
    parser.add_argument("--seed", type=int, default=1, help="of the data (1)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, whose medians are shown (3)")
    parser.add_argument("--kind", choices=("plain", "gzip"), help="measure one kind of objects only")
    parser.add_argument(
        "--concatenated",
        action="store_true",
        help="no new lines in the lake; the bare read has them all the same, the floor is left out",
    )
    parser.add_argument(
        "--threads", type=int, default=2, help="threads of DuckDB in the floor and the bare read (2)"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/PERFORMANCE.md")
    parser.add_argument("--page", type=Path, default=PAGE, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
