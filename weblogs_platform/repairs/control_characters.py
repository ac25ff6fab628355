"""Control characters that stand in a JSON string as they are: a line end that someone typed, a tab."""

from __future__ import annotations

import re

from weblogs_platform.core.repair import OnBytes, Repair

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTROL = re.compile(rb"\\.|[\x00-\x1f]", re.DOTALL)
"""Or a backslash with what it escapes. Before a control character it escapes nothing: what was meant is unknown, and the
record stays bad."""


def escaped(raw: bytes) -> bytes:
    """The same record with the control characters of its strings escaped, NUL left out."""
    return _STRING.sub(lambda string: _CONTROL.sub(_escape, string[0]), raw)


def _escape(found: re.Match[bytes]) -> bytes:
    if found[0].startswith(b"\\"):
        return found[0]
    return b"" if found[0] == b"\0" else b"\\u%04x" % found[0][0]


CONTROL_CHARACTERS = Repair(
    name="control_characters",
    version=2,
    description="Control characters in JSON strings are escaped, NUL characters dropped.",
    streams=("web_logs", "customer_interactions", "inventory"),
    how=OnBytes(escaped),
)
