"""Tokens of a COPY statement: words, "quoted names", 'strings' with doubled quotes, whole numbers, symbols.

A token never shows the content of a string: it may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from weblogs_platform.local.redshift.contract import RedshiftError

Kind = Literal["word", "quoted", "string", "number", "symbol", "end"]

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<word>[A-Za-z_\x80-\U0010ffff][\w$]*)
      | "(?P<quoted>(?:[^"]|"")+)"
      | '(?P<string>(?:[^']|'')*)'
      | (?P<number>\d+)\b
      | (?P<symbol>[(),.;])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    kind: Kind
    value: str = field(repr=False)

    def shown(self) -> str:
        """How an error may cite it."""
        if self.kind == "end":
            return "the end of the statement"
        return "a string" if self.kind == "string" else f'"{self.value}"'


def tokenize(sql: str) -> list[Token]:
    """The tokens of one statement, closed by an `end` token; a final `;` is dropped. Raises RedshiftError 42601."""
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise RedshiftError("42601", f"COPY: syntax error at character {position + 1}")
        position = match.end()
        if match.lastgroup != "skip":
            tokens.append(_token(match))
    if tokens and tokens[-1] == Token("symbol", ";"):
        tokens.pop()
    return [*tokens, Token("end", "")]


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup
    text = match[kind or 0]
    if kind == "quoted":
        return Token("quoted", text.replace('""', '"'))
    if kind == "string":
        return Token("string", text.replace("''", "'"))
    return Token(kind, text)  # pyright: ignore[reportArgumentType]
