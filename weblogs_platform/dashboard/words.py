"""Numbers, times and foreign text as people read them. Pure."""

from __future__ import annotations

import math
import re
from datetime import datetime

NONE = "–"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def number(value: object, decimals: int = 0) -> str:
    """1,234.50; a dash for what there is none of."""
    found = _float(value)
    return NONE if found is None else f"{found:,.{decimals}f}"


def percent(value: object) -> str:
    """12.3 %, of a value that is one in percent."""
    found = _float(value)
    return NONE if found is None else f"{found:,.1f} %"


def duration(secs: object) -> str:
    """The two largest units of a number of seconds: 1 d 4 h, 3 h 5 min, 2 min 10 s."""
    found = _float(secs)
    if found is None:
        return NONE
    if found < 0:
        return f"-{duration(-found)}"
    left = round(found)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count:,} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def moment(value: datetime | None) -> str:
    """22 Nov 2026, 14:05 UTC."""
    return NONE if value is None else f"{value:%-d %b %Y, %H:%M} UTC"


def label(name: str) -> str:
    """A value of the platform's as people say it: HIGH_VALUE is High value. One of the data stays: EDGE is not Edge."""
    return name.replace("_", " ").capitalize() if name.isupper() and "_" in name else name


def escaped(text: str) -> str:
    """Foreign text inside Markdown, as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def cell(value: object) -> object:
    """A value for a CSV file: a spreadsheet must not take text for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _float(value: object) -> float | None:
    try:
        found = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None
