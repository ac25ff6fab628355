"""The kinds of statement that the server knows, as values. Names are (schema or None, name), lower case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from weblogs_platform.local.redshift.datatypes import DeclaredType
from weblogs_platform.local.redshift.dialect.external_statements import ExternalDdl

Name = tuple[str | None, str]
ObjectKind = Literal["table", "view", "schema"]


@dataclass(frozen=True)
class Query:
    """SELECT, WITH, VALUES: returns rows."""

    tree: exp.Expr


@dataclass(frozen=True)
class Write:
    """INSERT, UPDATE, DELETE or MERGE of `target`."""

    tree: exp.Expr
    verb: str
    target: Name


@dataclass(frozen=True)
class Explain:
    """EXPLAIN of a query or a DML statement."""

    statement: Query | Write


@dataclass(frozen=True)
class Copy:
    """COPY, whole: the COPY engine parses it."""

    sql: str


@dataclass(frozen=True)
class Unload:
    """UNLOAD, whole: the `unload` package parses it."""

    sql: str


@dataclass(frozen=True)
class Begin:
    """BEGIN / START TRANSACTION."""


@dataclass(frozen=True)
class Commit:
    """COMMIT / END."""


@dataclass(frozen=True)
class Rollback:
    """ROLLBACK / ABORT."""


@dataclass(frozen=True)
class LockTables:
    """LOCK [TABLE] a, b."""

    names: tuple[Name, ...]


@dataclass(frozen=True)
class SetParameter:
    """SET name TO value; None means DEFAULT (RESET)."""

    name: str
    value: str | None
    tag: str = "SET"


@dataclass(frozen=True)
class ShowParameter:
    """SHOW name, or SHOW ALL as the name `all`."""

    name: str


@dataclass(frozen=True)
class ColumnSpec:
    """A column of CREATE TABLE / ADD COLUMN. `default` is Redshift SQL; `identity` is (seed, step)."""

    name: str
    type: DeclaredType
    not_null: bool = False
    says_null: bool = False  # NULL was written, which changes nothing
    default: str | None = None
    identity: tuple[int, int] | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class LikeTable:
    """LIKE parent [INCLUDING DEFAULTS] within CREATE TABLE."""

    parent: Name
    including_defaults: bool


@dataclass(frozen=True)
class Distribution:
    """How the cluster would lay the table out: recorded for the catalog, without effect here."""

    style: str = "AUTO"
    key: str | None = None
    sort_keys: tuple[str, ...] = ()
    sort_style: str = "COMPOUND"


@dataclass(frozen=True)
class CreateTable:
    """CREATE TABLE with columns. `primary_key` is informational, as in Redshift; it makes its columns NOT NULL."""

    name: Name
    temporary: bool
    if_not_exists: bool
    elements: tuple[ColumnSpec | LikeTable, ...]
    distribution: Distribution = field(default_factory=Distribution)
    primary_key: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreateTableAs:
    """CREATE TABLE ... AS query."""

    name: Name
    temporary: bool
    if_not_exists: bool
    columns: tuple[str, ...]
    query: Query
    distribution: Distribution = field(default_factory=Distribution)


@dataclass(frozen=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW."""

    name: Name
    replace: bool
    columns: tuple[str, ...]
    query: Query


@dataclass(frozen=True)
class CreateSchema:
    """CREATE SCHEMA [IF NOT EXISTS]."""

    name: str
    if_not_exists: bool


@dataclass(frozen=True)
class Drop:
    """DROP TABLE | VIEW | SCHEMA."""

    kind: ObjectKind
    names: tuple[Name, ...]
    if_exists: bool
    cascade: bool
    external_database: bool = False  # DROP SCHEMA ... DROP EXTERNAL DATABASE


@dataclass(frozen=True)
class Truncate:
    """TRUNCATE [TABLE] name; commits."""

    name: Name


@dataclass(frozen=True)
class AddColumn:
    """ALTER TABLE ... ADD COLUMN."""

    table: Name
    column: ColumnSpec


@dataclass(frozen=True)
class DropColumn:
    """ALTER TABLE ... DROP COLUMN."""

    table: Name
    column: str


@dataclass(frozen=True)
class RenameColumn:
    """ALTER TABLE ... RENAME COLUMN a TO b."""

    table: Name
    old: str
    new: str


@dataclass(frozen=True)
class RenameTable:
    """ALTER TABLE ... RENAME TO b."""

    table: Name
    new: str


@dataclass(frozen=True)
class AlterOwner:
    """ALTER TABLE | SCHEMA ... OWNER TO user: the user must exist; owners have no effect here."""

    kind: ObjectKind
    name: Name
    owner: str


@dataclass(frozen=True)
class CommentOn:
    """COMMENT ON TABLE | VIEW | COLUMN | SCHEMA; `column` only for a column."""

    kind: ObjectKind
    name: Name
    column: str | None
    text: str | None


@dataclass(frozen=True)
class Grant:
    """GRANT or REVOKE (`revoke`). `scope` tells what `names` are; `all_tables` means every table of schemas,
    `default_tables` the tables that will be created in them."""

    revoke: bool
    privileges: tuple[str, ...]
    scope: Literal["table", "schema", "all_tables", "default_tables", "database"]
    names: tuple[Name, ...]
    grantees: tuple[str, ...]


@dataclass(frozen=True)
class Maintenance:
    """ANALYZE or VACUUM; without a name, of everything."""

    verb: Literal["ANALYZE", "VACUUM"]
    name: Name | None


Ddl = (
    CreateTable
    | CreateTableAs
    | CreateView
    | CreateSchema
    | Drop
    | AddColumn
    | DropColumn
    | RenameColumn
    | RenameTable
    | AlterOwner
    | CommentOn
    | Grant
)
Statement = (
    Query
    | Write
    | Explain
    | Copy
    | Unload
    | Begin
    | Commit
    | Rollback
    | LockTables
    | SetParameter
    | ShowParameter
    | Truncate
    | Maintenance
    | Ddl
    | ExternalDdl
)
