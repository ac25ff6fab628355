"""What `weblogs doctor` asks of Redshift: login, rights, tables, migrations, the role of COPY, the clock."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Statement, Transaction, Warehouse, log_in
from weblogs_platform.commands.doctor_lake import probe, skew
from weblogs_platform.commands.findings import Finding
from weblogs_platform.core.ddl import Column, Table, declared_table, drifts, typed
from weblogs_platform.core.errors import AccessRefused, LoadConflict, WeblogsError
from weblogs_platform.core.keys import Zone
from weblogs_platform.core.statements import ProbeCopy, quoted_name
from weblogs_platform.dashboard.access import readable
from weblogs_platform.pipeline.provision import pending_migrations
from weblogs_platform.settings import PROJECT_ROOT, DashboardSettings, Settings
from weblogs_platform.streams import STREAMS

PATIENCE_MS = 10_000
"""So long a statement waits for a load that holds its table."""
_INIT = "weblogs init"
_READ_OF = {
    "shopware_kpis": "web_session",
    "shopware_stream": "customer_interaction_stream",
    "shopware_processed": "pos_daily",
    "shopware_ops": "load_history",
}
"""A table of each schema, for what is granted on schemas."""
_WRITTEN = ("shopware_ops.load_lock", "shopware_kpis.web_session")


class _RollBack(Exception):
    pass


def look_at_warehouse(
    warehouse: Warehouse, lake: Lake, settings: Settings, clock: Callable[[], datetime]
) -> Iterator[Finding]:
    """All findings; the first alone when nobody can log in."""
    try:
        with warehouse.transaction() as tx:
            [(now, user)] = tx.fetch_all("SELECT GETDATE(), CURRENT_USER")
    except WeblogsError as error:
        yield _login_failed(error, settings)
        return
    login = settings.redshift
    yield Finding("redshift", "ok", f"Redshift answers {user} over TLS, {login.sslmode}")
    yield skew("Redshift", now.replace(tzinfo=UTC), clock())
    declared = [table for table in map(declared_table, _ddl()) if table is not None]
    present = _present(warehouse)
    missing = [table.name for table in declared if table.name not in present]
    if missing:
        named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        yield Finding("tables", "problem", f"{len(missing)} of {len(declared)} tables are missing, or {user} sees them not: {named}", _INIT)  # fmt: skip
    yield from _rights(
        warehouse,
        str(user),
        settings.redshift.database,
        [table for table in declared if table.name in present],
    )
    yield from _migrations(warehouse)
    yield from _drift(declared, present)
    yield from _copy_role(warehouse, lake)


def look_at_dashboard_user() -> Iterator[Finding]:
    """Whether the dashboards' user can log in, read what `dashboard.reads` says and nothing else, and not write."""
    try:
        settings = DashboardSettings.from_env()
    except WeblogsError as error:
        yield Finding("dashboard", "note", f"the dashboards cannot log in: {error}")
        return
    warehouse = Warehouse(partial(log_in, settings.redshift), "", "")
    user, allowed = settings.redshift.user, readable(settings.reads)
    secret = settings.redshift.password_secret
    if secret and f"refused the secret {secret}: AccessDenied" in (_tried(warehouse, "SELECT 1") or ""):
        yield Finding("dashboard", "note", "this process may not open the secret of the dashboards' user, so what that user may do was not tried", "with the role of the dashboards:\nweblogs doctor --dashboard")  # fmt: skip
        return
    answers = {schema: _tried(warehouse, f"SELECT 1 FROM {schema}.{table} WHERE 1 = 0") for schema, table in _READ_OF.items()}  # fmt: skip
    refused = [why for schema in allowed if (why := answers[schema])]
    beyond = [schema for schema, why in answers.items() if schema not in allowed and why is None]
    if refused:
        yield Finding("dashboard", "problem", f"the dashboards' user {user} cannot read: {refused[0]}", f"correct dashboard.user and its password, or grant it:\n{_INIT}")  # fmt: skip
    elif not all(_tried(warehouse, f"DELETE FROM {table} WHERE 1 = 0") for table in _WRITTEN):
        yield Finding("dashboard", "problem", f"the dashboards' user {user} may write", f"name another in dashboard.user, made with:\nCREATE USER weblogs_dashboards PASSWORD '...'\nand run {_INIT}", "whoever reaches the dashboards' process changes tables")  # fmt: skip
    elif beyond:
        yield Finding("dashboard", "problem", f"the dashboards' user {user} may read {', '.join(beyond)}, and dashboard.reads is {settings.reads}", f"take it back, or set dashboard.reads to everything:\n{_INIT}\nwhat others granted, to PUBLIC or a group, they have to revoke", "whoever reaches the dashboards' process reads customers' messages")  # fmt: skip
    else:
        what = "KPI tables only" if settings.reads == "kpis" else "every table"
        yield Finding("dashboard", "ok", f"the dashboards' user {user} may read {what}, and not write")


def _login_failed(error: WeblogsError, settings: Settings) -> Finding:
    login = settings.redshift
    at = f"{login.host}:{login.port}, database {login.database}"
    if "certificate" in str(error).lower():
        todo = 'let redshift.ca_file name the authority; where the host has a name of your own, redshift.sslmode = "verify-ca"'  # fmt: skip
        return Finding("redshift", "problem", f"the certificate of {at} is not trusted: {error}", todo, "a password would go to whoever listens")  # fmt: skip
    if isinstance(error, AccessRefused):
        todo = "correct redshift.user and the way to log in (`weblogs settings`)"
        return Finding("redshift", "problem", f"cannot log in to {at}: {error}", todo)
    todo = "see redshift.host and redshift.port, the security group, and that the cluster is not paused"
    return Finding("redshift", "problem", f"{at}: {error}", todo)


def _ddl() -> Iterator[str]:
    for path in sorted((PROJECT_ROOT / "sql" / "ddl").glob("*.sql")):
        yield path.read_text(encoding="utf-8")


def _present(warehouse: Warehouse) -> dict[str, list[Column]]:
    query = (PROJECT_ROOT / "sql" / "doctor" / "columns.sql").read_text(encoding="utf-8")
    found: dict[str, list[Column]] = {}
    with warehouse.transaction() as tx:
        for schema, table, name, *kind, nullable in tx.fetch_all(query):
            column = Column(str(name), typed(*kind), str(nullable).upper() == "YES")
            found.setdefault(f"{schema}.{table}", []).append(column)
    return found


def _rights(warehouse: Warehouse, user: str, database: str, tables: Sequence[Table]) -> Iterator[Finding]:
    """Every right is tried on no rows. A table that a load holds cannot be told of, which is no problem."""
    needed = [("CREATE TEMP TABLE doctor_right (n INTEGER)", "CREATE TEMP", database)]
    for table in tables:
        column = table.columns[0].name
        needed += [
            (f"SELECT 1 FROM {table.name} WHERE 1 = 0", "SELECT", table.name),
            (f"INSERT INTO {table.name} SELECT * FROM {table.name} WHERE 1 = 0", "INSERT", table.name),
            (f"UPDATE {table.name} SET {column} = {column} WHERE 1 = 0", "UPDATE", table.name),
            (f"DELETE FROM {table.name} WHERE 1 = 0", "DELETE", table.name),
        ]
    refused: dict[str, list[str]] = {}
    busy: list[str] = []
    todo = needed
    while todo:
        done, error = _up_to_the_first_refusal(warehouse, [sql for sql, *_ in todo])
        if error is None:
            break
        _, right, name = todo[done]
        todo = todo[done + 1 :]
        if isinstance(error, LoadConflict):
            busy.append(name)
            todo = [each for each in todo if each[2] != name]
        else:
            refused.setdefault(name, []).append(right)
    for name, rights in refused.items():
        on = "DATABASE" if rights == ["CREATE TEMP"] else "TABLE"
        grant = f"GRANT {', '.join(rights).replace('CREATE TEMP', 'TEMP')} ON {on} {name} TO {_written_name(user)}"
        yield Finding("rights", "problem", f"{user} lacks {', '.join(rights)} on {name}", f"as its owner, or an administrator:\n{grant}", "loads and refreshes fail there")  # fmt: skip
    if busy:
        yield Finding("rights", "note", f"rights on {', '.join(busy)} cannot be told: a load holds them", "try again later")  # fmt: skip
    if not refused and not busy:
        yield Finding("rights", "ok", f"{user} has every right that it needs on {len(tables)} tables")


def _written_name(name: str) -> str:
    """As a person would write it: quoted where it has to be."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quoted_name(name)


def _up_to_the_first_refusal(
    warehouse: Warehouse, statements: Sequence[str]
) -> tuple[int, WeblogsError | None]:
    """How many ran, and why the next did not; rolled back in any case."""
    done = 0
    try:
        with warehouse.transaction() as tx:
            tx.execute(f"SET statement_timeout TO {PATIENCE_MS}")
            for statement in statements:
                tx.execute(statement)
                done += 1
            _leave_nothing()
    except _RollBack:
        return done, None
    except WeblogsError as error:
        return done, error
    return done, None


def _migrations(warehouse: Warehouse) -> Iterator[Finding]:
    try:
        waiting = pending_migrations(warehouse)
    except WeblogsError as error:
        yield Finding("migrations", "problem", str(error), f"where nothing was ever initialised:\n{_INIT}")
        return
    if waiting:
        names = ", ".join(migration.name for migration in waiting)
        yield Finding("migrations", "problem", f"{len(waiting)} migrations wait: {names}", _INIT, "tables are of an earlier version, and loads fail")  # fmt: skip
    else:
        yield Finding("migrations", "ok", "the warehouse has been through every migration")


def _drift(declared: Sequence[Table], present: dict[str, list[Column]]) -> Iterator[Finding]:
    found = [(t, d) for t in declared if t.name in present for d in drifts(t, present[t.name])]
    for table, drift in found:
        todo = drift.sql or "bring the table and its file in sql/ddl together: by a new file in sql/ddl/migrations, or by hand"  # fmt: skip
        if drift.sql:
            todo = f"if a migration waits, {_INIT}; else, where a default is needed with it:\n{drift.sql}"
        yield Finding("drift", "problem", f"{table.name} {drift.says}", todo, "statements name columns, and fail or write elsewhere than meant")  # fmt: skip
    if not found and declared:
        yield Finding("drift", "ok", "columns, types and order are those of sql/ddl")


def _copy_role(warehouse: Warehouse, lake: Lake) -> Iterator[Finding]:
    """By manifests as loads make them: of an object of our own; of one in quarantine, which must be refused; and of ones
    that landing does not have, which says whether the role could read them if it had. Stamped sources are read from
    copies alone."""
    role = warehouse.copy_role_arn
    try:
        with (
            probe(lake, "jsonpaths", b'{"jsonpaths": ["$.probe"]}') as jsonpaths,
            probe(lake, Zone.VALIDATED) as good,
            probe(lake, Zone.INVALID) as bad,
        ):
            copied = partial(_copied, warehouse, lake, lake.url(jsonpaths))
            refused = copied(good)
            quarantine = None if refused else copied(bad)
            landing = [] if refused else _unreadable([(s.landing_prefix, copied(f"{s.landing_prefix}/doctor/none.json")) for s in STREAMS if not s.stamped])  # fmt: skip
    except WeblogsError as error:
        yield Finding("copy_role", "note", f"the role of COPY was not tried: {error}")
        return
    reads = f"let it have s3:GetObject and s3:ListBucket on validated/, manifests/, jsonpaths/ and firehose/ of {lake.bucket}"  # fmt: skip
    if refused:
        todo = (
            "attach the role, to a namespace of Redshift Serverless with those that it has:\n"
            f"aws redshift-serverless update-namespace --namespace-name NAMESPACE --iam-roles {role}\n"
            "or to a cluster:\n"
            f"aws redshift modify-cluster-iam-roles --cluster-identifier CLUSTER --add-iam-roles {role}\n"
            f"and {reads}"
        )
        yield Finding("copy_role", "problem", f"COPY cannot read with the role {role}: {refused}", todo, "nothing is loaded")  # fmt: skip
        return
    if landing:
        yield Finding("copy_role", "problem", f"COPY may not read {', '.join(landing)} with the role {role}", reads, "objects without bad records are loaded from there")  # fmt: skip
    if quarantine is None:
        todo = f"take s3:GetObject on arn:aws:s3:::{lake.bucket}/invalid/* away from {role}"
        yield Finding("copy_role", "problem", f"COPY may read quarantined data with the role {role}", todo, "one wrong manifest loads what was refused")  # fmt: skip
    elif not _is_refusal(quarantine):
        yield Finding("copy_role", "note", f"COPY reads with its role; whether quarantine too cannot be told: {quarantine}")  # fmt: skip
    elif not landing:
        yield Finding("copy_role", "ok", "COPY reads with its role, and not what is in quarantine")


def _copied(warehouse: Warehouse, lake: Lake, jsonpaths_url: str, key: str) -> str | None:
    """Why COPY cannot read an object; None when it can."""
    manifest = {"entries": [{"url": lake.url(key), "mandatory": True}]}
    with probe(lake, Zone.MANIFESTS, json.dumps(manifest).encode()) as listed:
        copy = ProbeCopy(lake.url(listed), jsonpaths_url, warehouse.copy_role_arn, warehouse.region)
        return _tried(warehouse, "CREATE TEMP TABLE doctor_copy (probe INTEGER)", copy)


def _unreadable(tried: Iterable[tuple[str, str | None]]) -> list[str]:
    """Prefixes whose objects are refused; one that is not there says nothing else."""
    return sorted({f"{prefix}/" for prefix, why in tried if why is not None and _is_refusal(why)})


def _is_refusal(why: str) -> bool:
    return re.search(r"\b403\b|AccessDenied", why) is not None  # keys have digits too


def _tried(warehouse: Warehouse, *statements: str | Statement) -> str | None:
    """Why they cannot be run, None when they can; rolled back in any case."""
    try:
        with suppress(_RollBack), warehouse.transaction() as tx:
            _all(tx, statements)
            _leave_nothing()
    except WeblogsError as error:
        return str(error)
    return None


def _all(tx: Transaction, statements: Sequence[str | Statement]) -> None:
    for statement in statements:
        tx.execute(statement)


def _leave_nothing() -> NoReturn:
    raise _RollBack
