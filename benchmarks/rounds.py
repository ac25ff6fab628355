"""Rounds of the benchmark: the whole path, its floor and the bare read of the same objects, one after the other, each
in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data import DataSet, Size, make
from benchmarks.meter import Step, Usage
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import warehouse_of
from weblogs_platform.local import state
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack
from weblogs_platform.local.traffic.bench_set import BENCH_HOUR
from weblogs_platform.pipeline import provision
from weblogs_platform.settings import Settings

_ROOT = Path(__file__).resolve().parent.parent
_FOREIGN = ("AWS_", "REDSHIFT_", "WEBLOGS_", "DAGSTER_")


class BenchmarkFailed(Exception):
    """A run did not load what it should have, or ended with an error."""


@dataclass(frozen=True)
class Options:
    """What is measured: `kinds` of gzip or plain, in so many rounds, DuckDB beside the path with so many threads."""

    size: Size
    rounds: int = 3
    kinds: tuple[str, ...] = ("plain", "gzip")
    newlines: bool = True
    threads: int = 2


@dataclass(frozen=True)
class PathRun:
    """One hour through the whole path."""

    steps: tuple[Step, ...]
    objects: int
    records: int
    quarantined: int
    rows: int


@dataclass(frozen=True)
class FloorRun:
    """The least that a path can do, on the objects of the same hour."""

    steps: tuple[Step, ...]
    rows: int


@dataclass(frozen=True)
class BareRead:
    """One bare read of the same files."""

    step: Step
    rows: int


@dataclass(frozen=True)
class Round:
    """All of them, for one kind of objects. There is no floor on objects without new lines, which DuckDB cannot read."""

    kind: str
    stored_bytes: int
    path: PathRun
    floor: FloorRun | None
    bare: BareRead


def measured(options: Options) -> Iterator[Round]:
    """Runs them on an embedded stack in a temporary folder; every run has an hour of its own.

    Raises BenchmarkFailed, StackError.
    """
    with tempfile.TemporaryDirectory(prefix="weblogs-bench-") as folder:
        sets = [_data(Path(folder), kind, options) for kind in options.kinds]
        stack = Stack(Path(folder) / "stack")
        with stack.running(dagster=False) as endpoints:
            _initialise(endpoints)
            hour = BENCH_HOUR
            for number in range(options.rounds):
                # In turn who is first, so that no kind always follows the other.
                for data, reference in sets if number % 2 == 0 else reversed(sets):
                    data.deliver(endpoints.s3("delivery"), endpoints.bucket, hour)
                    path = _path_run(stack, hour.partition_key)
                    floor = (
                        _floor(Path(folder), stack, hour.partition_key, path, options.threads)
                        if options.newlines
                        else None
                    )
                    bare = _bare_read(Path(folder), reference, options.threads)
                    yield Round(data.label, data.stored_bytes, path, floor, bare)
                    hour = hour.plus(1)


def _data(folder: Path, kind: str, options: Options) -> tuple[DataSet, DataSet]:
    """The objects, and the files that the bare read can read: the same, or the same records on lines."""
    make_kind = partial(make, size=options.size, gzip=kind == "gzip")
    lines = make_kind(folder / kind)
    return (lines if options.newlines else make_kind(folder / f"{kind}-concatenated", newlines=False)), lines


def _initialise(endpoints: Endpoints) -> None:
    warehouse = warehouse_of(Settings.from_env(endpoints.platform_variables()))
    provision.initialise(Lake(endpoints.s3("admin"), endpoints.bucket), warehouse)


def _path_run(stack: Stack, hour: str) -> PathRun:
    found = _child("benchmarks.path_run", [hour, *_servers(stack)], home=str(stack.home))
    run = PathRun(
        steps=tuple(_step(step) for step in found["steps"]),
        objects=found["objects"],
        records=found["records"],
        quarantined=found["quarantined"],
        rows=found["rows"],
    )
    if run.rows + run.quarantined != run.records or not run.rows:
        raise BenchmarkFailed(f"{hour}: {run.rows} rows + {run.quarantined} bad of {run.records} records")
    return run


def _floor(folder: Path, stack: Stack, hour: str, path: PathRun, threads: int) -> FloorRun:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        arguments = [hour, str(threads), str(Path(scratch) / "floor.duckdb"), *_servers(stack)]
        found = _child("benchmarks.floor", arguments, home=str(stack.home))
    run = FloorRun(tuple(_step(step) for step in found["steps"]), found["rows"])
    if run.rows != path.rows:
        raise BenchmarkFailed(f"{hour}: the floor has {run.rows} rows, the path {path.rows}")
    return run


def _servers(stack: Stack) -> list[str]:
    """NAME=PID of the stack's processes."""
    return [f"{c.component}={c.pid}" for c in state.look(stack.home).components if c.pid]


def _bare_read(folder: Path, data: DataSet, threads: int) -> BareRead:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        arguments = [str(Path(scratch) / "bare.duckdb"), str(threads), *map(str, data.files)]
        found = _child("benchmarks.bare_read", arguments)
    return BareRead(_step(found), found["rows"])


def _child(module: str, arguments: list[str], home: str | None = None) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    environment |= {"WEBLOGS_HOME": home} if home else {}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkFailed(f"{module} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _step(found: dict[str, Any]) -> Step:
    usage = {name: Usage(**values) for name, values in found["usage"].items()}
    return Step(found["name"], found["seconds"], usage)
