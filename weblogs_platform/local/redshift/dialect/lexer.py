"""Tokens of Redshift SQL: enough to split statements, find parameters and parse commands by hand.

Knows comments (nested too), quoted identifiers, strings with doubled quotes and backslash escapes, dollar quotes and
`$1` parameters. Deliberately no grammar: that is for `commands` and sqlglot.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from weblogs_platform.local.redshift.contract import RedshiftError

PARAMETER_PREFIX = "__rs_param_"
_RESERVED = "__rs_"


class Kind(Enum):
    """What a token is; WORD covers keywords and plain identifiers alike."""

    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Token:
    """`value` is what the token means: lower-case for words, unescaped for strings and quoted names."""

    kind: Kind
    value: str
    start: int
    end: int


_SPACE = re.compile(r"\s+|--[^\n]*")
_WORD = re.compile(r"[A-Za-z_\u0080-\U0010ffff#][A-Za-z0-9_$\u0080-\U0010ffff#]*")
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_PARAMETER = re.compile(r"\$(\d+)")
_DOLLAR = re.compile(r"\$([A-Za-z_]\w*)?\$")
_STRING = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"]|"")*)"', re.DOTALL)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPERATOR = re.compile(r"::|<=|>=|<>|!=|\|\||!~\*|!~|~\*|:=|=>|.", re.DOTALL)
_ESCAPE = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def tokens(sql: str) -> list[Token]:
    """Every token of `sql`. Raises RedshiftError 42601 for an unterminated string, name or comment."""
    return list(_scan(sql))


def _scan(sql: str) -> Iterator[Token]:
    position = 0
    while position < len(sql):
        space = _SPACE.match(sql, position)
        if space:
            position = space.end()
        elif sql.startswith("/*", position):
            position = _comment_end(sql, position)
        else:
            token = _token(sql, position)
            yield token
            position = token.end


def _comment_end(sql: str, start: int) -> int:
    depth, position = 0, start
    while edge := _COMMENT_EDGE.search(sql, position):
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
        if depth == 0:
            return position
    raise RedshiftError("42601", "unterminated /* comment")


def _token(sql: str, at: int) -> Token:
    first = sql[at]
    if first == "'":
        return _delimited(_STRING, Kind.STRING, sql, at, "string")
    if first == '"':
        return _delimited(_QUOTED, Kind.QUOTED, sql, at, "identifier")
    if first == "$":
        return _dollar(sql, at)
    if word := _WORD.match(sql, at):
        return Token(Kind.WORD, word.group().lower(), at, word.end())
    if number := _NUMBER.match(sql, at):
        return Token(Kind.NUMBER, number.group(), at, number.end())
    operator = _OPERATOR.match(sql, at)
    end = operator.end() if operator else at + 1  # the pattern matches any character
    return Token(Kind.OPERATOR, sql[at:end], at, end)


def _delimited(pattern: re.Pattern[str], kind: Kind, sql: str, at: int, what: str) -> Token:
    match = pattern.match(sql, at)
    if match is None:
        raise RedshiftError("42601", f"unterminated quoted {what} at or near {sql[at : at + 20]!r}")
    body = match.group(1)
    value = _unescape(body) if kind is Kind.STRING else body.replace('""', '"').lower()
    return Token(kind, value, at, match.end())


def _unescape(body: str) -> str:
    def replace(match: re.Match[str]) -> str:
        escaped = match.group(1)
        return "'" if escaped is None else _ESCAPED.get(escaped, escaped)

    return _ESCAPE.sub(replace, body)


def _dollar(sql: str, at: int) -> Token:
    if parameter := _PARAMETER.match(sql, at):
        return Token(Kind.PARAMETER, parameter.group(1), at, parameter.end())
    opening = _DOLLAR.match(sql, at)
    end = sql.find(opening.group(), opening.end()) if opening else -1
    if opening is None or end < 0:
        raise RedshiftError("42601", f"syntax error at or near {sql[at : at + 20]!r}")
    return Token(Kind.STRING, sql[opening.end() : end], at, end + len(opening.group()))


def split_statements(sql: str) -> list[str]:
    """The statements of a client's text, without their semicolons; empty ones are left out."""
    statements: list[str] = []
    start: int | None = None
    end = 0
    for token in tokens(sql):
        if token.kind is Kind.OPERATOR and token.value == ";":
            if start is not None:
                statements.append(sql[start:end])
            start = None
        else:
            start = token.start if start is None else start
            end = token.end
    if start is not None:
        statements.append(sql[start:end])
    return statements


_TYPED = frozenset(("date", "time", "timestamp", "timestamptz", "timetz"))


def cast_typed_literals(sql: str) -> str:
    """`TIMESTAMP '...'` as `CAST('...' AS timestamp)`: sqlglot lets a following `::` bind tighter than the type."""
    found = tokens(sql)
    parts: list[str] = []
    position = 0
    for token, following in itertools.pairwise(found):
        if token.kind is Kind.WORD and token.value in _TYPED and following.kind is Kind.STRING:
            literal = sql[following.start : following.end]
            parts += [sql[position : token.start], f"CAST({literal} AS {token.value})"]
            position = following.end
    parts.append(sql[position:])
    return "".join(parts)


def mark_parameters(sql: str) -> tuple[str, int]:
    """`sql` with `$n` as the identifier `__rs_param_n__` (sqlglot cannot read `$n`), and the highest n."""
    if _RESERVED in sql.lower():
        raise RedshiftError(
            "42601", f"names starting with {_RESERVED} are reserved; send such a text as a parameter"
        )
    parts: list[str] = []
    highest = position = 0
    for token in tokens(sql):
        if token.kind is Kind.PARAMETER:
            parts += [sql[position : token.start], f"{PARAMETER_PREFIX}{token.value}__"]
            position, highest = token.end, max(highest, int(token.value))
    parts.append(sql[position:])
    return "".join(parts), highest
