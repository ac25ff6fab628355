"""What was told, in the warehouse: `shopware_ops.alerts`.

There, and not in the sensor's cursor: a cursor is reset with a click, and is gone with Dagster's database; then all of a
bad day would be told again. And people who may only read the warehouse see what is open.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, replace
from datetime import UTC, datetime
from typing import Any

from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.alert_statements import ForgetAlerts, KnownAlerts, RecordAlerts
from weblogs_platform.core.alerts import Subject, Trouble


def read_alerts(warehouse: Warehouse, since: datetime) -> dict[Subject, Trouble]:
    """Every open line, and those that changed since then. Raises the client's errors."""
    with warehouse.transaction() as tx:
        rows = tx.fetch_all(KnownAlerts(), (_text(since),))
    return {trouble.subject: trouble for trouble in (_trouble(row) for row in rows)}


def write_alerts(warehouse: Warehouse, troubles: Collection[Trouble]) -> None:
    """Writes lines anew, in one transaction."""
    if not troubles:
        return
    with warehouse.transaction() as tx:
        tx.insert_lines(ForgetAlerts, [trouble.subject for trouble in troubles])
        tx.insert_lines(RecordAlerts, [_row(trouble) for trouble in troubles])


def _row(trouble: Trouble) -> tuple[object, ...]:
    return tuple(_bound(value) for value in astuple(trouble))


def _bound(value: object) -> object:
    if isinstance(value, tuple):
        return ",".join(value)
    return _text(value) if isinstance(value, datetime) else value


def _trouble(row: tuple[Any, ...]) -> Trouble:
    values: list[Any] = [v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in row]
    trouble = Trouble(*values)
    return replace(trouble, waiting=tuple(name for name in values[9].split(",") if name))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
