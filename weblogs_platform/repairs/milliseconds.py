"""Times in milliseconds where seconds are due: they were refused as out of range."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, cast

from weblogs_platform.core.repair import OnMembers, Repair
from weblogs_platform.core.validation import NumberText

_NAMES = ("timestamp", "last_updated")
_EARLIEST_MS = Decimal(10**11)  # 1973 in milliseconds, the year 5138 in seconds


def seconds(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its times, at root and in the payload, in seconds."""
    payload = record.get("payload")
    for holder in (record, cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}):
        for name in _NAMES:
            if name in holder:
                holder[name] = _seconds(holder[name])
    return record


def _seconds(value: Any) -> Any:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return value
    if number is None or not number.is_finite() or number < _EARLIEST_MS:
        return value
    return NumberText(f"{number / 1000:f}")


MILLISECONDS = Repair(
    name="milliseconds",
    version=1,
    description="Times in milliseconds since 1970 become seconds.",
    streams=("web_logs", "customer_interactions", "pos", "inventory"),
    how=OnMembers(seconds),
)
