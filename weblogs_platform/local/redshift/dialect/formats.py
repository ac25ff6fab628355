"""Format strings of TO_CHAR, TO_DATE and TO_TIMESTAMP as DuckDB's strftime patterns.

Only formats with one clear meaning are translated; a format that is not a literal, or has a keyword that is not
listed (day names blank-padded to nine places, numeric formats, ...), is refused.
"""

from __future__ import annotations

import re

from weblogs_platform.local.redshift.contract import RedshiftError

_KEYWORDS = {
    "YYYY": "%Y", "YY": "%y", "MM": "%m", "MON": None, "MONTH": None, "DDD": "%j", "DD": "%d", "DY": None,
    "DAY": None, "HH24": "%H", "HH12": "%I", "HH": "%I", "MI": "%M", "SS": "%S", "MS": "%g", "US": "%f",
    "AM": "%p", "PM": "%p", "FMMONTH": None, "FMDAY": None, "TZ": None, "IW": "%V", "IYYY": "%G", "ID": "%u",
    "Q": None, "WW": None, "W": None, "D": None, "J": None, "CC": None, "RM": None, "OF": None, "IY": None,
    "SSSS": None, "Y,YYY": None, "B.C.": None, "BC": None, "A.D.": None, "AD": None, "I": None, "TH": None,
    "Y": None, "YYY": None,
}  # fmt: skip
_BY_CASE = {"Mon": "%b", "Dy": "%a", "FMMonth": "%B", "FMDay": "%A", "am": None, "pm": None}
_PIECE = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<word>'
    + "|".join(sorted(map(re.escape, _KEYWORDS), key=len, reverse=True))
    + ")",
    re.IGNORECASE,
)


def date_pattern(format_text: str) -> str:
    """`YYYY-MM-DD HH24:MI:SS` as `%Y-%m-%d %H:%M:%S`. Raises RedshiftError 0A000 for what is not listed."""
    parts: list[str] = []
    position = 0
    for piece in _PIECE.finditer(format_text):
        parts.append(_literal(format_text[position : piece.start()], format_text))
        quoted = piece.group("quoted")
        parts.append(
            quoted.replace("%", "%%") if quoted is not None else _keyword(piece.group("word"), format_text)
        )
        position = piece.end()
    parts.append(_literal(format_text[position:], format_text))
    return "".join(parts)


def _literal(text: str, format_text: str) -> str:
    stray = re.search(r"[A-Za-z09]", text.replace("T", ""))
    if stray:
        raise RedshiftError("0A000", f"format {format_text!r} is not supported (at {stray.group()!r})")
    return text.replace("%", "%%")


def _keyword(word: str, format_text: str) -> str:
    pattern = _BY_CASE.get(word) or (
        _KEYWORDS[word.upper()] if word in (word.upper(), word.lower()) else None
    )
    if pattern is None:
        raise RedshiftError("0A000", f"format {format_text!r} is not supported (at {word!r})")
    return pattern
