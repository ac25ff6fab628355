"""COPY as a value: `parse_copy` reads the SQL text of one COPY ... FROM 's3://...' JSON statement.

The options come in any order, as in Redshift. What Redshift knows and this engine does not is refused with 0A000
and its name; what Redshift does not know either is a syntax error (42601). Keys and tokens never show in `repr`
nor in a message. Deliberately absent: formats other than JSON, sources other than S3, COPY JOB, role chaining.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from weblogs_platform.local.redshift.authorization import Authorization
from weblogs_platform.local.redshift.contract import RedshiftError, S3Credentials
from weblogs_platform.local.redshift.copy.tokens import Token, tokenize

JsonMode = Literal["auto", "auto ignorecase", "noshred", "jsonpaths"]
Compression = Literal["none", "gzip", "bzip2", "zstd"]

MAXERROR_LIMIT = 100_000


@dataclass(frozen=True)
class CopyStatement:
    """One parsed COPY. Exactly one of `iam_role` and `access_keys` is set.

    `columns` is None when the statement lists none. `max_errors` is the number of errors at which the load fails
    (at least 1), or None under IGNOREALLERRORS. `jsonpaths_url` is set exactly when `json_mode` is `jsonpaths`.
    """

    schema: str | None
    table: str
    columns: tuple[str, ...] | None
    source_url: str
    iam_role: str | None = None
    access_keys: S3Credentials | None = field(default=None, repr=False)
    json_mode: JsonMode = "auto"
    jsonpaths_url: str | None = None
    manifest: bool = False
    compression: Compression = "none"
    time_format: str | None = None
    date_format: str | None = None
    truncate_columns: bool = False
    max_errors: int | None = 1
    region: str | None = None
    no_load: bool = False
    replacement_char: str | None = None  # ACCEPTINVCHARS; None means that invalid UTF-8 is an error
    empty_as_null: bool = False
    blanks_as_null: bool = False
    round_decimals: bool = False
    explicit_ids: bool = False


UNSUPPORTED = frozenset(
    (
        "ACCEPTANYDATE",
        "AVRO",
        "CSV",
        "DELIMITER",
        "ENCRYPTED",
        "ESCAPE",
        "FILLRECORD",
        "FIXEDWIDTH",
        "IGNOREBLANKLINES",
        "IGNOREHEADER",
        "JOB",
        "LZOP",
        "MASTER_SYMMETRIC_KEY",
        "NULL",
        "ORC",
        "PARQUET",
        "QUOTE",
        "READRATIO",
        "REMOVEQUOTES",
        "SERIALIZETOJSON",
        "SHAPEFILE",
        "SIMPLIFY",
        "SSH",
        "TRIMBLANKS",
    )
)
FLAGS = {
    "MANIFEST": "manifest",
    "TRUNCATECOLUMNS": "truncate_columns",
    "NOLOAD": "no_load",
    "EMPTYASNULL": "empty_as_null",
    "BLANKSASNULL": "blanks_as_null",
    "ROUNDEC": "round_decimals",
    "EXPLICIT_IDS": "explicit_ids",
}


def syntax_error(message: str) -> RedshiftError:
    return RedshiftError("42601", f"COPY: {message}")


def not_supported(what: str) -> RedshiftError:
    return RedshiftError("0A000", f"COPY: {what} is not supported by this server")


def parse_copy(sql: str) -> CopyStatement:
    """The statement that `sql` holds. Raises RedshiftError: 42601 for syntax, 0A000 for what is not supported,
    22023 for a value out of range."""
    return _Parser(tokenize(sql)).statement()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._seen: set[str] = set()
        self._options: dict[str, object] = {}
        self._authorization = Authorization("COPY")
        self._format_given = False

    # -- the frame -----------------------------------------------------------------------------------------------

    def statement(self) -> CopyStatement:
        self._expect_word("COPY")
        schema, table = self._target()
        columns = self._column_list()
        self._expect_word("FROM")
        source = self._source()
        while self._peek().kind != "end":
            self._option()
        self._options["access_keys"] = self._authorization.finish()
        self._options["iam_role"] = self._authorization.iam_role
        if not self._format_given:
            raise not_supported("the delimited text format (say FORMAT JSON)")
        return CopyStatement(schema, table, columns, source, **self._options)  # pyright: ignore[reportArgumentType]

    def _target(self) -> tuple[str | None, str]:
        first = self._identifier("a table name")
        if not self._accept_symbol("."):
            return None, first
        second = self._identifier("a table name")
        if self._accept_symbol("."):
            raise not_supported("a table of another database")
        return first, second

    def _column_list(self) -> tuple[str, ...] | None:
        if not self._accept_symbol("("):
            return None
        names = [self._identifier("a column name")]
        while self._accept_symbol(","):
            names.append(self._identifier("a column name"))
        if not self._accept_symbol(")"):
            raise self._unexpected("`,` or `)`")
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise RedshiftError("42701", f'column "{min(repeated)}" specified more than once')
        return tuple(names)

    def _source(self) -> str:
        url = self._string("the source after FROM")
        if not url.startswith("s3://"):
            scheme = url.split("://", 1)[0] if "://" in url else "anything but s3://"
            raise not_supported(f"a source of the kind {scheme}")
        return url

    # -- options -------------------------------------------------------------------------------------------------

    def _option(self) -> None:
        token = self._take()
        if token.kind != "word":
            raise self._unexpected("an option", token)
        name = self._canonical(token.value.upper())
        if name in UNSUPPORTED:
            raise not_supported(name)
        if name in FLAGS:
            self._once(name)
            self._options[FLAGS[name]] = True
            return
        reader = self._readers().get(name)
        if reader is None:
            raise syntax_error(f'unknown option "{token.value}"')
        self._once(name)
        reader()

    def _canonical(self, name: str) -> str:
        """Skips the optional words: WITH, FORMAT [AS] before the format."""
        if name == "FORMAT":
            self._accept_word("AS")
            token = self._take()
            if token.kind != "word":
                raise self._unexpected("a format", token)
            return token.value.upper()
        if name == "WITH":
            self._expect_word("CREDENTIALS")
            return "CREDENTIALS"
        return name

    def _readers(self) -> dict[str, Callable[[], None]]:
        return {
            "JSON": self._json,
            "IAM_ROLE": self._iam_role,
            "CREDENTIALS": self._credentials,
            "ACCESS_KEY_ID": lambda: self._key("access_key_id"),
            "SECRET_ACCESS_KEY": lambda: self._key("secret_access_key"),
            "SESSION_TOKEN": lambda: self._key("session_token"),
            "GZIP": lambda: self._compression("gzip"),
            "BZIP2": lambda: self._compression("bzip2"),
            "ZSTD": lambda: self._compression("zstd"),
            "TIMEFORMAT": lambda: self._text_option("time_format", "a TIMEFORMAT"),
            "DATEFORMAT": lambda: self._text_option("date_format", "a DATEFORMAT"),
            "REGION": lambda: self._text_option("region", "a REGION"),
            "MAXERROR": self._max_error,
            "IGNOREALLERRORS": self._ignore_all_errors,
            "ACCEPTINVCHARS": self._accept_inv_chars,
            "COMPUPDATE": lambda: self._switch("ON", "OFF", "TRUE", "FALSE", "PRESET"),
            "STATUPDATE": lambda: self._switch("ON", "OFF", "TRUE", "FALSE"),
            "COMPROWS": lambda: self._ignore_number("COMPROWS"),
            "ENCODING": self._encoding,
        }

    def _once(self, name: str) -> None:
        group = {"BZIP2": "GZIP", "ZSTD": "GZIP", "IGNOREALLERRORS": "MAXERROR"}.get(name, name)
        if group in self._seen:
            raise syntax_error(f"conflicting or redundant options ({name})")
        self._seen.add(group)

    def _json(self) -> None:
        self._format_given = True
        self._accept_word("AS")
        if self._peek().kind != "string":
            return
        value = self._take().value
        if value in ("auto", "auto ignorecase", "noshred"):
            self._options["json_mode"] = value
        elif value.startswith("s3://"):
            self._options.update(json_mode="jsonpaths", jsonpaths_url=value)
        else:
            raise syntax_error(
                f"JSON takes 'auto', 'auto ignorecase', 'noshred' or 's3://<jsonpaths file>', not '{value}'"
            )

    def _iam_role(self) -> None:
        if self._accept_word("DEFAULT"):
            self._authorization.role("default")
            return
        self._authorization.role(self._string("a role ARN after IAM_ROLE"))

    def _credentials(self) -> None:
        self._accept_word("AS")
        self._authorization.credentials(self._string("the credentials"))

    def _key(self, name: str) -> None:
        self._accept_word("AS")
        self._authorization.key(name, self._string(name.upper()))

    def _compression(self, name: Compression) -> None:
        self._options["compression"] = name

    def _text_option(self, name: str, what: str) -> None:
        self._accept_word("AS")
        self._options[name] = self._string(what)

    def _max_error(self) -> None:
        self._accept_word("AS")
        count = self._number("MAXERROR")
        if count > MAXERROR_LIMIT:
            raise RedshiftError("22023", f"COPY: MAXERROR takes 0 to {MAXERROR_LIMIT}, not {count}")
        self._options["max_errors"] = max(count, 1)

    def _ignore_all_errors(self) -> None:
        self._options["max_errors"] = None

    def _accept_inv_chars(self) -> None:
        explicit = self._accept_word("AS")
        char = "?"
        if explicit or self._peek().kind == "string":
            char = self._string("a replacement character")
        if len(char) != 1 or not char.isascii() or char == "\0":
            raise RedshiftError("22023", "COPY: ACCEPTINVCHARS takes one ASCII character other than NUL")
        self._options["replacement_char"] = char

    def _switch(self, *words: str) -> None:
        any(self._accept_word(word) for word in words)

    def _ignore_number(self, name: str) -> None:
        self._accept_word("AS")
        self._number(name)

    def _encoding(self) -> None:
        self._accept_word("AS")
        token = self._take()
        if token.kind not in ("word", "string") or token.value.upper() not in ("UTF8", "UTF-8"):
            raise not_supported("an ENCODING other than UTF8")

    # -- tokens --------------------------------------------------------------------------------------------------

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _accept_word(self, word: str) -> bool:
        token = self._peek()
        found = token.kind == "word" and token.value.upper() == word
        self._next += found
        return found

    def _accept_symbol(self, symbol: str) -> bool:
        token = self._peek()
        found = token.kind == "symbol" and token.value == symbol
        self._next += found
        return found

    def _expect_word(self, word: str) -> None:
        if not self._accept_word(word):
            raise self._unexpected(word)

    def _identifier(self, what: str) -> str:
        token = self._take()
        if token.kind not in ("word", "quoted"):
            raise self._unexpected(what, token)
        return token.value.lower()

    def _string(self, what: str) -> str:
        token = self._take()
        if token.kind != "string":
            raise self._unexpected(f"{what} in single quotes", token)
        return token.value

    def _number(self, what: str) -> int:
        token = self._take()
        if token.kind != "number":
            raise self._unexpected(f"a number for {what}", token)
        return int(token.value)

    def _unexpected(self, wanted: str, token: Token | None = None) -> RedshiftError:
        return syntax_error(f"expected {wanted}, found {(token or self._peek()).shown()}")
