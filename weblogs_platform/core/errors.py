"""Every error that the platform raises on purpose.

    WeblogsError
    ├── Terminal              the same call will fail again: a person has to change something
    │   ├── InvalidName       a key, partition or argument that does not parse
    │   ├── InvalidSpec       a stream's declaration contradicts itself
    │   ├── InvalidSettings   the environment is incomplete or contradictory
    │   ├── InvalidDocument   a report, manifest or jsonpaths file that is not what it should be
    │   ├── AccessRefused     S3 or Redshift refused these credentials
    │   ├── StatementRefused  Redshift refused a statement
    │   ├── HourNotValidated  the hour has no report of the present rules
    │   ├── HourBlocked       a blocking check failed: the hour stays out of the warehouse
    │   ├── HourNotReplaceable  replacing the hour would lose rows that cannot be loaded again
    │   ├── LakehouseAhead    the lakehouse holds a later state of an hour than the warehouse
    │   └── CountMismatch     what was loaded is not what was to be loaded; the transaction was rolled back
    └── Transient             the same call may succeed later: retry, bounded
        ├── LakeUnavailable   S3 did not answer, or answered with an error of its own
        ├── QueueUnavailable  SQS did not answer, or answered with an error of its own
        ├── ObjectChanged     an object was rewritten or removed between listing and reading
        ├── WarehouseUnavailable  Redshift did not answer, or dropped the connection
        ├── ChannelFailed     a channel did not take an alert
        ├── LakehouseConflict another writer of the lakehouse committed first
        └── LoadConflict      another transaction won (serialization error, deadlock, lock time-out)

Messages name the thing and what to do, and never carry values of records.
"""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text with control characters, line ends and what reverses writing spelled out: an object's key may hold them,
    and must not forge a line of a log or steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class WeblogsError(Exception):
    """Base of all errors of the platform."""


class Terminal(WeblogsError):
    """Retrying cannot help."""


class Transient(WeblogsError):
    """Retrying may help."""


class InvalidName(Terminal):
    """A key, partition key or argument does not parse."""


class InvalidSpec(Terminal):
    """A stream's declaration contradicts itself."""


class InvalidSettings(Terminal):
    """The environment is incomplete or contradictory."""


class InvalidDocument(Terminal):
    """A report, manifest or jsonpaths document is not what it should be."""


class AccessRefused(Terminal):
    """S3 or Redshift refused the credentials or the action."""


class StatementRefused(Terminal):
    """Redshift refused a statement; the message carries its SQLSTATE."""


class HourNotValidated(Terminal):
    """The hour has no report made by the present rules: materialize `validated` first."""


class HourBlocked(Terminal):
    """A blocking check failed: the hour stays out of the warehouse until someone looks at it."""


class HourNotReplaceable(Terminal):
    """An object was rewritten while another, already loaded, is gone: replacing the hour would lose its rows."""


class CountMismatch(Terminal):
    """COPY loaded another number of rows than the reports say; nothing was committed."""


class LakehouseAhead(Terminal):
    """The lakehouse holds a later state of an hour than the warehouse: the warehouse was restored, or is another."""


class LakeUnavailable(Transient):
    """S3 did not answer, or answered with an error of its own."""


class QueueUnavailable(Transient):
    """SQS did not answer, or answered with an error of its own."""


class ObjectChanged(Transient):
    """An object was rewritten or removed between listing and reading; the next run sees the new state."""


class WarehouseUnavailable(Transient):
    """Redshift did not answer, or dropped the connection."""


class LoadConflict(Transient):
    """Another transaction won; this one was rolled back and may be tried again."""


class ChannelFailed(Transient):
    """A channel did not take an alert; the message names the channel, never its address."""


class LakehouseConflict(Transient):
    """Another writer of the lakehouse committed first; nothing of this one is to be seen, and it may try again."""
