"""UNLOAD as a value: `parse_unload` reads the SQL text of one UNLOAD ('select ...') TO 's3://...' statement.

The options come in any order, as in Redshift. What Redshift knows and this engine does not is refused with 0A000 and
its name; what Redshift does not know either is a syntax error (42601). Deliberately absent: FIXEDWIDTH, encryption
with keys of one's own, role chaining, CSV with ESCAPE or ADDQUOTES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from weblogs_platform.local.redshift.authorization import KEYS, Authorization
from weblogs_platform.local.redshift.contract import RedshiftError, S3Credentials
from weblogs_platform.local.redshift.dialect.lexer import Kind
from weblogs_platform.local.redshift.dialect.reader import Reader

Format = Literal["text", "csv", "json", "parquet"]
Compression = Literal["none", "gzip", "bzip2", "zstd"]

MB = 1024 * 1024
_UNITS = {"mb": MB, "gb": 1024 * MB}
_LARGEST_FILE_BYTES = int(6.2 * 1024 * MB)
_SMALLEST_FILE_BYTES = 5 * MB
_ROW_GROUP_BYTES = (32 * MB, 128 * MB)
_UNSUPPORTED = ("fixedwidth", "encrypted", "kms_key_id", "master_symmetric_key")
_TEXT_OPTIONS = ("delimiter", "header", "addquotes", "escape", "null")
_COMPRESSIONS = ("gzip", "bzip2", "zstd")


@dataclass(frozen=True)
class UnloadStatement:
    """One parsed UNLOAD. Exactly one of `iam_role` and `access_keys` is set.

    `url` is the prefix of the files' names, with a slash at its end under PARTITION BY. Sizes are in bytes.
    """

    query: str
    url: str
    iam_role: str | None = None
    access_keys: S3Credentials | None = field(default=None, repr=False)
    format: Format = "text"
    compression: Compression = "none"
    partition_by: tuple[str, ...] = ()
    include_partitions: bool = False
    manifest: bool = False
    verbose_manifest: bool = False
    header: bool = False
    delimiter: str = "|"
    add_quotes: bool = False
    escape: bool = False
    null_as: str = ""
    overwrite: bool = False
    clean_path: bool = False
    parallel: bool = True
    max_file_bytes: int = _LARGEST_FILE_BYTES
    row_group_bytes: int = _ROW_GROUP_BYTES[0]
    extension: str | None = None
    region: str | None = None


def parse_unload(sql: str) -> UnloadStatement:
    """The statement that `sql` holds. Raises RedshiftError: 42601 for syntax and options that exclude each other,
    0A000 for what is not supported, 22023 for a value out of range."""
    return _Parser(Reader(sql)).statement()


def _syntax_error(message: str) -> RedshiftError:
    return RedshiftError("42601", f"UNLOAD: {message}")


class _Parser:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._seen: set[str] = set()
        self._options: dict[str, object] = {}
        self._authorization = Authorization("UNLOAD")

    def statement(self) -> UnloadStatement:
        reader = self._reader
        reader.expect("unload")
        reader.expect_op("(")
        query = reader.string()
        reader.expect_op(")")
        reader.expect("to")
        url = reader.string()
        while not reader.at_end:
            self._option()
        keys = self._authorization.finish()
        self._check_together()
        return UnloadStatement(
            query,
            self._checked_url(url),
            iam_role=self._authorization.iam_role,
            access_keys=keys,
            **self._options,  # pyright: ignore[reportArgumentType]
        )

    def _checked_url(self, url: str) -> str:
        bucket, slash, _ = url.removeprefix("s3://").partition("/")
        if not url.startswith("s3://") or not bucket or not slash:
            raise RedshiftError("0A000", "UNLOAD: TO takes a location of the form 's3://bucket/prefix'")
        return url if not self._options.get("partition_by") or url.endswith("/") else f"{url}/"

    # -- options -------------------------------------------------------------------------------------------------

    def _option(self) -> None:
        name = self._option_name()
        if name in _UNSUPPORTED:
            raise RedshiftError("0A000", f"UNLOAD: {name.upper()} is not supported by this server")
        read = self._readers().get(name)
        if read is None:
            raise _syntax_error(f'unknown option "{name}"')
        group = "compression" if name in _COMPRESSIONS else name
        group = "format" if name in ("csv", "json", "parquet") else group
        if group in self._seen:
            raise _syntax_error(f"conflicting or redundant options ({name.upper()})")
        self._seen.add(group)
        read()

    def _option_name(self) -> str:
        reader = self._reader
        if reader.accept("format"):
            reader.accept("as")
            name = reader.name()
            if name not in ("csv", "json", "parquet"):
                raise _syntax_error(f"FORMAT takes CSV, PARQUET or JSON, not {name.upper()}")
            return name
        if reader.accept("with"):
            reader.expect("credentials")
            return "credentials"
        token = reader.peek()
        if token is not None and token.kind is Kind.STRING:  # it may be a secret: not cited
            raise _syntax_error("an option is expected where a string stands")
        return reader.name()

    def _readers(self) -> dict[str, Callable[[], None]]:
        return {
            **{name: self._setting("format", name) for name in ("csv", "json", "parquet")},
            **{name: self._setting("compression", name) for name in _COMPRESSIONS},
            **{name: self._key(name) for name in KEYS},
            "iam_role": self._iam_role,
            "credentials": self._credentials,
            "partition": self._partition_by,
            "manifest": self._manifest,
            "header": self._setting("header", True),
            "delimiter": self._delimiter,
            "addquotes": self._setting("add_quotes", True),
            "escape": self._setting("escape", True),
            "null": self._text("null_as"),
            "allowoverwrite": self._setting("overwrite", True),
            "cleanpath": self._setting("clean_path", True),
            "parallel": self._parallel,
            "maxfilesize": self._max_file_size,
            "rowgroupsize": self._row_group_size,
            "extension": self._text("extension"),
            "region": self._text("region"),
        }

    def _setting(self, option: str, value: object) -> Callable[[], None]:
        def read() -> None:
            self._options[option] = value

        return read

    def _text(self, option: str) -> Callable[[], None]:
        def read() -> None:
            self._reader.accept("as")
            self._options[option] = self._reader.string()

        return read

    def _key(self, name: str) -> Callable[[], None]:
        def read() -> None:
            self._reader.accept("as")
            self._authorization.key(name, self._reader.string())

        return read

    def _iam_role(self) -> None:
        self._authorization.role("default" if self._reader.accept("default") else self._reader.string())

    def _credentials(self) -> None:
        self._reader.accept("as")
        self._authorization.credentials(self._reader.string())

    def _partition_by(self) -> None:
        self._reader.expect("by")
        names = self._reader.name_list()
        if len(set(names)) != len(names):
            raise RedshiftError("42701", "UNLOAD: a partition column is named twice")
        self._options["partition_by"] = names
        self._options["include_partitions"] = self._reader.accept("include")

    def _manifest(self) -> None:
        self._options["manifest"] = True
        self._options["verbose_manifest"] = self._reader.accept("verbose")

    def _delimiter(self) -> None:
        self._reader.accept("as")
        delimiter = self._reader.string()
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in "\r\n\\\0":
            raise RedshiftError("22023", "UNLOAD: DELIMITER takes a single ASCII character")
        self._options["delimiter"] = delimiter

    def _parallel(self) -> None:
        reader = self._reader
        off = reader.accept("off") or reader.accept("false")
        _ = off or reader.accept("on") or reader.accept("true")
        self._options["parallel"] = not off

    def _max_file_size(self) -> None:
        size = self._size("MAXFILESIZE", whole=False)
        if not _SMALLEST_FILE_BYTES <= size <= _LARGEST_FILE_BYTES:
            raise RedshiftError("22023", "UNLOAD: MAXFILESIZE must be between 5 MB and 6.2 GB")
        self._options["max_file_bytes"] = size

    def _row_group_size(self) -> None:
        size = self._size("ROWGROUPSIZE", whole=True)
        if not _ROW_GROUP_BYTES[0] <= size <= _ROW_GROUP_BYTES[1]:
            raise RedshiftError("22023", "UNLOAD: ROWGROUPSIZE must be between 32 MB and 128 MB")
        self._options["row_group_bytes"] = size

    def _size(self, option: str, *, whole: bool) -> int:
        self._reader.accept("as")
        token = self._reader.take()
        if token.kind is not Kind.NUMBER or (whole and not token.value.isdigit()):
            raise _syntax_error(f"{option} takes a number of MB or GB")
        unit = next((unit for unit in _UNITS if self._reader.accept(unit)), "mb")
        return int(float(token.value) * _UNITS[unit])

    # -- what goes together --------------------------------------------------------------------------------------

    def _check_together(self) -> None:
        form = str(self._options.get("format", "text"))
        if form in ("parquet", "json"):
            self._refuse_with(form, _TEXT_OPTIONS)
        if form == "parquet":
            self._refuse_with(form, ("compression",))
        elif "rowgroupsize" in self._seen:
            raise _syntax_error("ROWGROUPSIZE needs FORMAT PARQUET")
        if form == "csv":
            for option in ("addquotes", "escape"):
                if option in self._seen:
                    raise RedshiftError("0A000", f"UNLOAD: CSV with {option.upper()} is not supported")
            self._options.setdefault("delimiter", ",")
        if {"allowoverwrite", "cleanpath"} <= self._seen:
            raise _syntax_error("CLEANPATH and ALLOWOVERWRITE exclude each other")

    def _refuse_with(self, form: str, options: tuple[str, ...]) -> None:
        for option in options:
            if option in self._seen:
                raise _syntax_error(f"{form.upper()} does not go with {option.upper()}")
