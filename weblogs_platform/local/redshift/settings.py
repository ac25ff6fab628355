"""Session parameters: SET, SHOW, RESET. Unknown names are refused; known ones are checked.

`statement_timeout` (milliseconds), `timezone` and `search_path` have effect; the others are kept and shown, because
clients set them and they change nothing in what this server does.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping

from weblogs_platform.local.redshift.contract import RedshiftError

DEFAULTS: Mapping[str, str] = {
    "search_path": '"$user", public',
    "timezone": "UTC",
    "statement_timeout": "0",
    "query_group": "unset",
    "application_name": "",
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "extra_float_digits": "0",
    "enable_result_cache_for_session": "on",
    "enable_case_sensitive_identifier": "off",
    "standard_conforming_strings": "off",
    "transaction_isolation": "serializable",
    "default_transaction_isolation": "serializable",
    "server_version": "8.0.2",
    "autocommit": "on",
    "describe_field_name_in_uppercase": "off",
    "json_serialization_enable": "off",
    "analyze_threshold_percent": "10",
    "wlm_query_slot_count": "1",
    "max_cursor_result_set_size": "default",
    "client_min_messages": "notice",
}
_FIXED_VALUES = {
    "client_encoding": ("utf8", "unicode", "utf-8"),
    "enable_case_sensitive_identifier": ("off", "false"),
    "describe_field_name_in_uppercase": ("off", "false"),
    "standard_conforming_strings": ("off", "on"),
    "autocommit": ("on", "true"),
    "json_serialization_enable": ("off", "false"),
    "datestyle": ("iso, mdy", "iso", "iso, ymd", "iso,mdy"),
}
_READ_ONLY = ("server_version",)
_UNITS_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "": 1}


class Settings:
    """The parameters of one session."""

    def __init__(self) -> None:
        self._values = dict(DEFAULTS)

    def get(self, name: str) -> str:
        """Raises RedshiftError 42704 for unknown names."""
        self._check_known(name)
        return self._values[name]

    def all(self) -> list[tuple[str, str]]:
        """Every parameter, by name."""
        return sorted(self._values.items())

    def set(self, name: str, value: str | None) -> None:
        """Sets a parameter; None means its default. Raises RedshiftError 42704, 22023, 55P02 or 0A000."""
        self._check_known(name)
        if name in _READ_ONLY:
            raise RedshiftError("55P02", f'parameter "{name}" cannot be changed')
        self._values[name] = DEFAULTS[name] if value is None else _checked(name, value)

    def copy(self) -> dict[str, str]:
        """The values, to be restored when a transaction rolls back."""
        return dict(self._values)

    def restore(self, values: Mapping[str, str]) -> None:
        """Puts back what `copy` gave."""
        self._values = dict(values)

    @staticmethod
    def _check_known(name: str) -> None:
        if name not in DEFAULTS:
            raise RedshiftError("42704", f'unrecognized configuration parameter "{name}"')

    @property
    def statement_timeout_secs(self) -> float | None:
        """None: no limit."""
        milliseconds = int(self._values["statement_timeout"])
        return milliseconds / 1000 if milliseconds else None

    def search_path(self, user: str) -> list[str]:
        """Schemas in their order; `$user` is the user's own."""
        names = [
            part.strip().strip('"').strip("'").lower() for part in self._values["search_path"].split(",")
        ]
        return [user if name == "$user" else name for name in names if name]


def _checked(name: str, value: str) -> str:
    check = _CHECKS.get(name)
    if check is not None:
        return check(value)
    allowed = _FIXED_VALUES.get(name)
    if allowed is not None and value.lower() not in allowed:
        raise RedshiftError("0A000", f'{name} can only be {allowed[0]} here, not "{value}"')
    return value


def _timeout(value: str) -> str:
    match = re.fullmatch(r"(\d+)\s*(ms|s|min|h|d|)", value.strip().lower())
    if match is None:
        raise RedshiftError("22023", f'invalid value for statement_timeout: "{value}"')
    return str(int(match.group(1)) * _UNITS_MS[match.group(2)])


def _timezone(value: str) -> str:
    try:
        return zoneinfo.ZoneInfo(value).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        known = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
        if value.lower() in known:
            return known[value.lower()]
        raise RedshiftError("22023", f'invalid value for parameter "timezone": "{value}"') from error


_CHECKS: Mapping[str, Callable[[str], str]] = {"statement_timeout": _timeout, "timezone": _timezone}
