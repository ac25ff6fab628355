"""The parametric statements about quarantine and its receipts. Values are bound; raw bytes are none of them."""

from __future__ import annotations

from dataclasses import dataclass

from weblogs_platform.core.statements import insert_lines


@dataclass(frozen=True)
class QuarantineLines:
    """Lines of the ledger with quarantined records, superseded ones too, oldest first, `landing_hour` in [first, end):
    hour, key, ETag, rules, invalid_key, quarantined, loaded_at, run, whether current. Parameters: stream, first, end."""

    def sql(self) -> str:
        return (
            "SELECT landing_hour, object_key, etag, rules, invalid_key, quarantined, loaded_at, run_id, "
            "superseded_at IS NULL FROM shopware_ops.load_history "
            f"WHERE {_IN_HOURS} AND quarantined > 0 ORDER BY loaded_at, landing_hour, object_key"
        )


@dataclass(frozen=True)
class Receipts:
    """Places that were dealt with: key, ETag, offset, outcome. Parameters: stream, first, end, and with `objects` so many
    keys, and the first and the last offset."""

    objects: int = 0

    def sql(self) -> str:
        return (
            "SELECT object_key, etag, byte_offset, outcome FROM shopware_ops.quarantine_receipts "
            f"WHERE {_IN_HOURS}{_of(self.objects)} AND superseded_at IS NULL"
        )


@dataclass(frozen=True)
class Verdicts:
    """Reasons of records that a replay left in quarantine: key, ETag, offset, reason, number of the verdict; the last one
    last. Parameters as those of Receipts."""

    objects: int = 0

    def sql(self) -> str:
        return (
            "SELECT object_key, etag, byte_offset, reason, verdict_no FROM shopware_ops.quarantine_verdicts "
            f"WHERE {_IN_HOURS}{_of(self.objects)} ORDER BY verdict_no, reason"
        )


@dataclass(frozen=True)
class NextVerdict:
    """The number of an hour's next verdict, and the time. Parameters: stream, hour. Under the lock of loads: clocks do not
    say in which order transactions had it."""

    def sql(self) -> str:
        return (
            "SELECT COALESCE(MAX(verdict_no), 0) + 1, SYSDATE FROM shopware_ops.quarantine_verdicts "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP)"
        )


@dataclass(frozen=True)
class DeleteVerdicts:
    """Removes the verdicts of an hour whose ledger lines are superseded. Parameters: stream, hour."""

    def sql(self) -> str:
        return (
            "DELETE FROM shopware_ops.quarantine_verdicts "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP)"
        )


@dataclass(frozen=True)
class SupersedeReceipts:
    """Opens what the hour's receipts have settled; they are never deleted. Parameters: stream, hour."""

    def sql(self) -> str:
        return (
            "UPDATE shopware_ops.quarantine_receipts SET superseded_at = GETDATE() "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL"
        )


RECEIPT_COLUMNS = (
    "stream", "landing_hour", "object_key", "etag", "byte_offset", "outcome", "rules", "repair", "load_key",
    "decided_by", "decided_why", "run_id",
)  # fmt: skip


@dataclass(frozen=True)
class RecordReceipts:
    """Writes `rows` receipts in one statement; parameters in the order of RECEIPT_COLUMNS, row by row."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.quarantine_receipts", RECEIPT_COLUMNS, self.rows)


VERDICT_COLUMNS = (
    "stream", "landing_hour", "object_key", "etag", "byte_offset", "reason", "rules", "repair", "run_id", "judged_at",
    "verdict_no",
)  # fmt: skip


@dataclass(frozen=True)
class RecordVerdicts:
    """Writes `rows` reasons in one statement; parameters in the order of VERDICT_COLUMNS, row by row."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.quarantine_verdicts", VERDICT_COLUMNS, self.rows)


_IN_HOURS = "stream = %s AND landing_hour >= CAST(%s AS TIMESTAMP) AND landing_hour < CAST(%s AS TIMESTAMP)"


def _of(objects: int) -> str:
    named = ", ".join(["%s"] * objects)
    return f" AND object_key IN ({named}) AND byte_offset BETWEEN %s AND %s" if objects else ""
