"""The parametric statements about what the reconcile found."""

from __future__ import annotations

from dataclasses import dataclass

from weblogs_platform.core.statements import insert_lines

FINDING_COLUMNS = (
    "stream", "landing_hour", "object_key", "etag", "size_bytes", "modified_at", "kind", "first_at",
)  # fmt: skip
LOOK_COLUMNS = ("stream", "looked_at", "objects", "not_loaded", "said")


@dataclass(frozen=True)
class KnownFindings:
    """What was found of a stream, in the order of FINDING_COLUMNS. Parameter: stream."""

    def sql(self) -> str:
        columns = ", ".join(FINDING_COLUMNS)
        return (
            f"SELECT {columns} FROM shopware_ops.reconcile_findings WHERE stream = %s ORDER BY landing_hour"
        )


@dataclass(frozen=True)
class ForgetFindings:
    """Removes them, to write them anew. Parameter: stream."""

    def sql(self) -> str:
        return "DELETE FROM shopware_ops.reconcile_findings WHERE stream = %s"


@dataclass(frozen=True)
class RecordFindings:
    """Writes `rows` of them in one statement; parameters in the order of FINDING_COLUMNS, line by line."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.reconcile_findings", FINDING_COLUMNS, self.rows)


@dataclass(frozen=True)
class ForgetLook:
    """Removes the last look. Parameter: stream."""

    def sql(self) -> str:
        return "DELETE FROM shopware_ops.reconcile_looks WHERE stream = %s"


@dataclass(frozen=True)
class RecordLook:
    """Writes it; parameters in the order of LOOK_COLUMNS."""

    def sql(self) -> str:
        return insert_lines("shopware_ops.reconcile_looks", LOOK_COLUMNS, 1)
