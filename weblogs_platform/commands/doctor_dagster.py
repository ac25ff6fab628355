"""What `weblogs doctor` asks of Dagster's instance: its settings, its storage, the limits of pools, the daemon.

The instance is opened as any process of Dagster opens it, which makes a storage that was never used ready for use.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from weblogs_platform.clients.channels import within
from weblogs_platform.commands.findings import Finding, Level
from weblogs_platform.core.errors import one_line

OPEN_SECS = 30.0
"""PostgreSQL that refuses is tried for some 12 s by Dagster itself."""

PRODUCTION = "deploy/dagster/production/dagster.yaml"
_STORAGES = {"SqliteRunStorage": "SQLite", "PostgresRunStorage": "PostgreSQL"}
_VARIABLE = re.compile(r'the environment variable "([^"]*)" which is not set')
_BEFORE_VALUES = re.compile(r"\. | of original value|, instead got|\n")
"""Where Dagster's messages begin to quote the file, which may hold a password."""


@dataclass(frozen=True)
class Instance:
    """What Dagster says of an instance. `limits` by pool, None: no limit. `sees_lost_runs`: the launcher can tell that
    a run's process is gone. `silent` are daemons that did not beat lately, of `daemons`."""

    storage: str
    limits: Mapping[str, int | None]
    monitored: bool
    longest_run_secs: int
    sees_lost_runs: bool
    daemons: frozenset[str]
    silent: frozenset[str]


def look_at_dagster(home: Path | None, environment: str, *, is_named: bool) -> Iterator[Finding]:
    """All findings about the instance in that folder; the first alone when it cannot be opened.

    `is_named`: somebody said that the instance is there, so that it has to be.
    """
    if home is None:
        yield _finding("note", "Dagster's instance was not looked at: DAGSTER_HOME names none", "run it with the DAGSTER_HOME of the code location")  # fmt: skip
        return
    file = home / "dagster.yaml"
    make = "weblogs up" if environment == "local" else f"copy {PRODUCTION} there (deploy/dagster/README.md)"
    if is_named and not home.is_absolute():
        yield _finding("problem", f"DAGSTER_HOME is {home}, which Dagster does not take", "name the folder from the root on")  # fmt: skip
        return
    if not file.is_file():
        why = "Dagster takes its own defaults without it: SQLite, no limits, lost runs are not noticed"
        yield _finding("problem" if is_named else "note", f"there is no {file}", make, why)
        return
    try:
        with _quiet():
            found = within(OPEN_SECS, lambda: _ask(home))
    except TimeoutError:
        yield _unanswered(f"it did not answer within {OPEN_SECS:.0f} s", file)
    except yaml.YAMLError as error:
        yield _finding("problem", f"{file} is no YAML{_line(error)}", "correct it; no process of Dagster starts")  # fmt: skip
    except dg.DagsterInvalidConfigError as error:
        complaints = [e.message for e in error.errors or ()] or [str(error)]
        yield _finding("problem", f"{file}: {'; '.join(map(_brief, complaints))}", "correct it; no process of Dagster starts")  # fmt: skip
    except Exception as error:  # noqa: BLE001 - of any storage's driver
        yield _unanswered(_brief(str(error.__cause__ or error) or type(error).__name__), file)
    else:
        yield from _judge(found, file, environment)


def _ask(home: Path) -> Instance:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_run_records(limit=1)
        default = instance.get_concurrency_config().pool_config.default_pool_limit
        own = {p.name: p.limit for p in instance.event_log_storage.get_pool_limits() if not p.from_default}
        daemons = instance.get_daemon_statuses()
        storage = type(instance.run_storage).__name__
        return Instance(
            storage=_STORAGES.get(storage, storage),
            limits={pool: own.get(pool, default) for pool in pools()},
            monitored=instance.run_monitoring_enabled,
            longest_run_secs=instance.run_monitoring_max_runtime_seconds,
            sees_lost_runs=instance.run_launcher.supports_check_run_worker_health,
            daemons=frozenset(daemons),
            silent=frozenset(name for name, status in daemons.items() if not status.healthy),
        )


def pools() -> list[str]:
    """Every pool that an op or asset of the platform takes a place in."""
    from weblogs_platform.definitions import defs

    nodes = (node for job in defs.resolve_all_job_defs() for node in job.all_node_defs)
    return sorted({node.pool for node in nodes if isinstance(node, dg.OpDefinition) and node.pool})


def _judge(found: Instance, file: Path, environment: str) -> Iterator[Finding]:
    if found.storage == "SQLite" and environment == "aws":
        why = "webserver, daemon and code location do not share it, and it goes with its container"
        yield _finding("problem", f"Dagster keeps its runs in SQLite, in {file.parent}", f"PostgreSQL, as in {PRODUCTION}", why)  # fmt: skip
    else:
        yield _finding("ok", f"Dagster's storage, {found.storage}, answers")
    yield from _limits(found, file)
    yield _monitoring(found, file)
    yield _daemon(found)


def _limits(found: Instance, file: Path) -> Iterator[Finding]:
    for pool, limit in found.limits.items():
        todo = f"concurrency.pools.default_limit in {file}, as in {PRODUCTION}, or\ndagster instance concurrency set {pool} 8"  # fmt: skip
        if limit is None:
            why = "every run at once takes a connection to Redshift"
            yield _finding("note", f"the pool {pool} has no limit", todo, why)
        elif limit == 0:
            yield _finding("problem", f"the pool {pool} has the limit 0", todo, "runs wait for it for ever")
        else:
            yield _finding("ok", f"the pool {pool} has the limit {limit}")


def _monitoring(found: Instance, file: Path) -> Finding:
    why = "a run whose process died counts as in progress, and nobody requests its hours again"
    if not found.monitored:
        todo = f"run_monitoring.enabled in {file}, as in {PRODUCTION}"
        return _finding("problem", "lost runs are not noticed: run monitoring is off", todo, why)
    if not found.longest_run_secs and not found.sees_lost_runs:
        todo = f"run_monitoring.max_runtime_seconds in {file}, as in {PRODUCTION}"
        return _finding("problem", "lost runs are not noticed: the launcher cannot tell, and runs may take for ever", todo, why)  # fmt: skip
    return _finding("ok", "lost runs are noticed by Dagster's run monitoring")


def _daemon(found: Instance) -> Finding:
    if not found.silent:
        return _finding("ok", "Dagster's daemon beats")
    which = "daemon" if found.silent == found.daemons else f"daemon ({', '.join(sorted(found.silent))})"
    todo = "start it: `weblogs up`, or `dagster-daemon run` (deploy/dagster/README.md)"
    return _finding("note", f"Dagster's {which} has not beaten for half an hour", todo, "sensors and schedules do not run, and queued runs do not start")  # fmt: skip


def _unanswered(why: str, file: Path) -> Finding:
    todo = f"see that it runs, and that {file} and its variables name it rightly"
    return _finding("problem", f"Dagster's instance cannot be opened: {why}", todo, "no process of Dagster works without it")  # fmt: skip


def _finding(level: Level, says: str, todo: str = "", why: str = "") -> Finding:
    return Finding("dagster", level, says, todo, why)


def _line(error: yaml.YAMLError) -> str:
    """Where it stands; what stands there may be a secret."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f", see its line {mark.line + 1}" if mark else ""


def _brief(message: str) -> str:
    """The first sentence, without values of the file; the name of a variable that is missing."""
    missing = _VARIABLE.search(message)
    said = _BEFORE_VALUES.split(message.strip().removeprefix("Failure condition: "), maxsplit=1)[0]
    return one_line(said)[:300] + (f" wants the variable {missing[1]}, which is not set" if missing else "")


@contextmanager
def _quiet() -> Generator[None]:
    """Without Dagster's warnings of each attempt to connect."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
