"""A cursor over the tokens of one command, for the hand-written parsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.lexer import Kind, Token, tokens

T = TypeVar("T")


class Reader:
    """Reads one statement from left to right; every refusal names the place it happened."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._tokens = tokens(sql)
        self._next = 0

    @property
    def at_end(self) -> bool:
        """Whether every token has been read."""
        return self._next >= len(self._tokens)

    def peek(self, ahead: int = 0) -> Token | None:
        """The next token (or the one `ahead` of it) without reading it."""
        index = self._next + ahead
        return self._tokens[index] if index < len(self._tokens) else None

    def take(self) -> Token:
        """Reads one token. Raises 42601 at the end of the statement."""
        token = self.peek()
        if token is None:
            raise RedshiftError("42601", "syntax error at end of input")
        self._next += 1
        return token

    def is_word(self, *words: str) -> bool:
        """Whether the next tokens are exactly these words."""
        found = [self.peek(index) for index in range(len(words))]
        return all(
            token is not None and token.kind is Kind.WORD and token.value == word
            for token, word in zip(found, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Reads these words when they come next."""
        if not self.is_word(*words):
            return False
        self._next += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Reads these words or refuses the statement."""
        for word in words:
            if not self.accept(word):
                self.refuse()

    def accept_op(self, operator: str) -> bool:
        """Reads an operator when it comes next."""
        token = self.peek()
        if token is None or token.kind is not Kind.OPERATOR or token.value != operator:
            return False
        self._next += 1
        return True

    def expect_op(self, operator: str) -> None:
        """Reads an operator or refuses the statement."""
        if not self.accept_op(operator):
            self.refuse()

    def name(self) -> str:
        """One identifier, folded to lower case."""
        token = self.take()
        if token.kind not in (Kind.WORD, Kind.QUOTED):
            self._next -= 1
            self.refuse()
        return token.value

    def qualified_name(self) -> tuple[str | None, str]:
        """`[database.][schema.]name` as (schema, name); the database part is checked by nobody but kept out."""
        parts = [self.name()]
        while self.accept_op("."):
            parts.append(self.name())
        if len(parts) > 3:
            self.refuse()
        return (parts[-2] if len(parts) > 1 else None), parts[-1]

    def name_list(self) -> tuple[str, ...]:
        """`(a, b, ...)` as names."""
        return self.listed(self.name)

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        """`(item, item, ...)`, each read by `item`."""
        self.expect_op("(")
        found = [item()]
        while self.accept_op(","):
            found.append(item())
        self.expect_op(")")
        return tuple(found)

    def string(self) -> str:
        """A string literal's value."""
        token = self.take()
        if token.kind is not Kind.STRING:
            self._next -= 1
            self.refuse()
        return token.value

    def integer(self) -> int:
        """A whole number, with an optional sign."""
        sign = -1 if self.accept_op("-") else 1
        token = self.take()
        if token.kind is not Kind.NUMBER or not token.value.isdigit():
            self._next -= 1
            self.refuse()
        return sign * int(token.value)

    def expression(self, *stop_words: str) -> str:
        """The text up to a `,` or `)` on this level, or one of the words: an expression for sqlglot."""
        start = self.peek()
        depth, end = 0, start.start if start else 0
        while (token := self.peek()) is not None:
            if depth == 0 and self._ends_expression(token, stop_words):
                break
            depth += {"(": 1, ")": -1}.get(token.value, 0) if token.kind is Kind.OPERATOR else 0
            end = self.take().end
        if start is None or end == start.start:
            self.refuse()
        return self.sql[start.start : end]

    @staticmethod
    def _ends_expression(token: Token, stop_words: tuple[str, ...]) -> bool:
        if token.kind is Kind.OPERATOR:
            return token.value in (",", ")")
        return token.kind is Kind.WORD and token.value in stop_words

    def rest(self) -> str:
        """The text that has not been read yet; afterwards the reader is at its end."""
        token = self.peek()
        self._next = len(self._tokens)
        return self.sql[token.start :] if token else ""

    def end(self) -> None:
        """Refuses anything that is left."""
        if not self.at_end:
            self.refuse()

    def refuse(self) -> NoReturn:
        """Raises 42601 at the current token."""
        token = self.peek()
        where = f"at or near {self.sql[token.start : token.end]!r}" if token else "at end of input"
        raise RedshiftError("42601", f"syntax error {where}")
