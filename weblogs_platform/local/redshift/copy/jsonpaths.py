"""JSONPath expressions of COPY, and the file that lists them.

A path is a tuple of steps: a string steps into an object, an int into an array. Bracket (`$['a']['b'][0]`) or dot
(`$.a.b[0]`) notation, never mixed; no wildcards, no filters, no negative index.
"""

from __future__ import annotations

import json
import re
from typing import cast

from weblogs_platform.local.redshift.contract import RedshiftError

Step = str | int
Path = tuple[Step, ...]

_DOT_STEP = re.compile(r"\.([^.\[\]'\"*?@\s]+)|\[(\d+)\]")
_BRACKET_STEP = re.compile(r"""\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]""")


def _malformed(url: str, problem: str) -> RedshiftError:
    return RedshiftError("XX000", f"Invalid JSONPath file {url}: {problem}")


def read_jsonpaths(content: bytes, url: str) -> tuple[Path, ...] | None:
    """The paths of a jsonpaths file, in order; None when the file holds no `jsonpaths` key, which to COPY means
    'auto'. Raises RedshiftError XX000, naming the file, for anything malformed: MAXERROR does not apply here."""
    try:
        parsed: object = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _malformed(url, "it is not UTF-8") from error
    except ValueError as error:
        raise _malformed(url, f"it must hold one JSON object ({error})") from error
    if not isinstance(parsed, dict):
        raise _malformed(url, "it must hold one JSON object")
    keys = cast("dict[str, object]", parsed)
    if list(keys) != ["jsonpaths"]:
        if "jsonpaths" in keys:
            raise _malformed(url, "it must hold no key but `jsonpaths`")
        return None
    return _paths(keys["jsonpaths"], url)


def _paths(value: object, url: str) -> tuple[Path, ...]:
    if not isinstance(value, list) or not value:
        raise _malformed(url, "`jsonpaths` must be an array of path expressions")
    paths: list[Path] = []
    for number, item in enumerate(cast("list[object]", value), start=1):
        if not isinstance(item, str) or not item:
            raise _malformed(url, f"element {number} must be a string that is not empty")
        paths.append(parse_path(item, url))
    return tuple(paths)


def parse_path(text: str, url: str) -> Path:
    """One expression. Raises RedshiftError XX000, naming file and expression."""
    if not text.startswith("$"):
        raise _malformed(url, f"the expression {text!r} must begin with $")
    pattern = _BRACKET_STEP if "['" in text or '["' in text else _DOT_STEP
    steps: list[Step] = []
    position = 1
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            raise _malformed(url, f"the expression {text!r} is not valid at character {position + 1}")
        position = match.end()
        *names, index = match.groups()
        steps.append(int(index) if index is not None else next(name for name in names if name is not None))
    if not steps:
        raise _malformed(url, f"the expression {text!r} names no element")
    return tuple(steps)
