"""Runs of the pipeline as processes that may be killed: forked from one that has imported everything, in milliseconds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import boto3

from assets.retry import Backoff
from tests.pipeline.child import lake_of
from weblogs_platform.clients.lake import request_bounds
from weblogs_platform.clients.patience import SlowestRead
from weblogs_platform.clients.warehouse import warehouse_of
from weblogs_platform.core import failpoints
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import Edit, Place
from weblogs_platform.kpis import table_named
from weblogs_platform.pipeline.load import load_hour
from weblogs_platform.pipeline.manifest import prepare_hour
from weblogs_platform.pipeline.refresh import refresh
from weblogs_platform.pipeline.replay import Replay, replay_hour
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.settings import Settings
from weblogs_platform.streams import stream_named

T = TypeVar("T")

Mended = tuple[str, str, int, bytes]
"""A record of quarantine and what it shall be: object, ETag, offset, bytes."""

ALL_STEPS = ("validate", "prepare", "load")
READ_SECS = 1.0
"""How long a worker waits for S3 to say something."""
SLOWEST = SlowestRead(base_secs=3.0)
"""How long it waits for an object that drips."""


@dataclass(frozen=True)
class Job:
    """What a worker shall do. `kill_at` is what WEBLOGS_FAILPOINT would say; at `hold_at` it says so and waits.
    `traces`: it tells each place that it came to. `hour` is naive, in UTC. `policy`: what is different in the stream's
    spec. Instead of the steps, `refreshes`: this derived table, for the day of the hour; `replays`: these records of
    the hour's quarantine."""

    stream: str
    hour: datetime
    steps: tuple[str, ...] = ALL_STEPS
    kill_at: str | None = None
    hold_at: str | None = None
    traces: bool = False
    policy: tuple[tuple[str, Any], ...] = ()
    refreshes: str | None = None
    replays: tuple[Mended, ...] | None = None
    attempts: int = 1
    """Of each step, when the error is Transient."""
    read_secs: float = READ_SECS


@dataclass
class Worker:
    """A run on its way."""

    process: BaseProcess
    line: Any
    """A `multiprocessing` connection."""

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()

    @property
    def was_killed(self) -> bool:
        """Of one that has ended."""
        return self.process.exitcode == -signal.SIGKILL

    def wait_held(self, timeout_secs: float = 60.0) -> bool:
        """True once it holds; False when it ended, or was killed, before it came there."""
        return bool(self._said(timeout_secs) == "held")

    def go_on(self) -> None:
        self.line.send("go on")

    def outcome(self, timeout_secs: float = 100.0) -> Any:
        """What it says at its end; None when it was killed before."""
        said = self._said(timeout_secs)
        self.end()
        return said

    def end(self) -> None:
        """Sees that it is gone. May be said twice."""
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.line.close()

    def _said(self, timeout_secs: float) -> Any:
        if not self.line.poll(timeout_secs):
            self.process.kill()
            raise AssertionError(f"a run neither ended nor failed within {timeout_secs:g} s")
        try:
            return self.line.recv()
        except EOFError:
            return None


class Workers:
    """Where workers come from."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.worker"])

    def start(self, job: Job) -> Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._settings, job, theirs), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, ours)

    def run(self, job: Job) -> Any:
        """The outcome of a run to its end: `(action, rows)`, `(error's name, its text)`, None when it was killed."""
        return self.start(job).outcome()

    def killed_after(self, job: Job, secs: float) -> bool:
        """Kills a run that long after its start; False when it was done by then."""
        worker = self.start(job)
        try:
            time.sleep(secs)
            worker.kill()
        finally:
            worker.end()
        return worker.was_killed

    def killed_past(self, job: Job, secs: float) -> bool:
        """Kills a run that long after the place where the job holds; False when it was done by then, or never came
        there."""
        worker = self.start(job)
        try:
            if worker.wait_held():
                worker.go_on()
                time.sleep(secs)
                worker.kill()
        finally:
            worker.end()
        return worker.was_killed

    @contextmanager
    def several(self, jobs: list[Job]) -> Iterator[list[Worker]]:
        """Runs beside each other."""
        workers = [self.start(job) for job in jobs]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.kill()
                worker.end()


def _work(settings: Settings, job: Job, line: Connection) -> None:
    trace: list[str] = []
    if job.kill_at:
        failpoints.arm(failpoints.Kill(job.kill_at))
    elif job.hold_at:
        failpoints.arm(_Hold(line, job.hold_at))
    elif job.traces:
        failpoints.arm(trace.append)
    try:
        said = _steps(settings, job)
    except WeblogsError as error:
        said = (type(error).__name__, str(error))
    line.send(trace if job.traces else said)


class _Hold:
    """Says that the run has come to a place, once, and waits; threads that come there meanwhile go on."""

    def __init__(self, line: Any, place: str) -> None:
        self._line, self._places, self._turn = line, [place], threading.Lock()

    def __call__(self, name: str) -> None:
        with self._turn:
            if name not in self._places:
                return
            self._places.clear()
        self._line.send("held")
        self._line.recv()


def _steps(settings: Settings, job: Job) -> tuple[str, int]:
    lake = replace(lake_of(settings, request_bounds(read_secs=job.read_secs)), slowest=SLOWEST)
    warehouse = warehouse_of(settings)
    spec = replace(stream_named(job.stream), **dict(job.policy))
    hour = LandingHour(job.hour.replace(tzinfo=UTC))
    run_id = f"process {os.getpid()}"
    if job.refreshes:
        table = table_named(job.refreshes)
        day = hour.start.replace(hour=0)
        bounds = day, day + timedelta(days=1)
        return "refreshed", _tried(job, lambda: refresh(warehouse, table, *bounds, run_id=run_id)).rows
    if job.replays is not None:
        edits = {Place(key, etag, offset): Edit(raw, None) for key, etag, offset, raw in job.replays}
        how = Replay(edits=edits)
        return "replayed", _tried(
            job, lambda: replay_hour(lake, warehouse, spec, hour, how, run_id=run_id)
        ).replayed
    if "validate" in job.steps:
        _tried(job, lambda: validate_hour(lake, spec, hour))
    if "prepare" in job.steps:
        _tried(job, lambda: prepare_hour(lake, warehouse, spec, hour))
    if "load" not in job.steps:
        return "prepared", 0
    outcome = _tried(job, lambda: load_hour(lake, warehouse, spec, hour, run_id=run_id))
    return outcome.action, outcome.rows_loaded


def _tried(job: Job, step: Callable[[], T]) -> T:
    """As the asset layer has it, but for the pauses."""
    return Backoff((0.0,) * (job.attempts - 1)).call(step, lambda *_: None)


def _warm_up() -> None:
    # What takes long in a client's first making is kept by the session, which the forked ones have too.
    boto3.client("s3", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")


_warm_up()
