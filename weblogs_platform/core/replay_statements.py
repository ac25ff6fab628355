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
    """Places that were dealt with: key, ETag, offset, outcome. Parameters: stream, first, end."""

    def sql(self) -> str:
        return (
            "SELECT object_key, etag, byte_offset, outcome FROM shopware_ops.quarantine_receipts "
            f"WHERE {_IN_HOURS} AND superseded_at IS NULL"
        )


@dataclass(frozen=True)
class Verdicts:
    """Reasons of records that a replay left in quarantine, of objects that were not loaded anew since: key, ETag, offset,
    reason, judged_at; the last verdict last. Parameters: stream, first, end."""

    def sql(self) -> str:
        return (
            "SELECT v.object_key, v.etag, v.byte_offset, v.reason, v.judged_at "
            "FROM shopware_ops.quarantine_verdicts AS v INNER JOIN shopware_ops.load_history AS l "
            "ON l.stream = v.stream AND l.landing_hour = v.landing_hour AND l.object_key = v.object_key "
            "AND l.etag = v.etag AND l.superseded_at IS NULL AND l.loaded_at <= v.judged_at "
            "WHERE v.stream = %s AND v.landing_hour >= CAST(%s AS TIMESTAMP) AND v.landing_hour < CAST(%s AS TIMESTAMP) "
            "ORDER BY v.judged_at, v.reason"
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
)  # fmt: skip


@dataclass(frozen=True)
class RecordVerdicts:
    """Writes `rows` reasons in one statement; parameters in the order of VERDICT_COLUMNS, row by row."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.quarantine_verdicts", VERDICT_COLUMNS, self.rows)


_IN_HOURS = "stream = %s AND landing_hour >= CAST(%s AS TIMESTAMP) AND landing_hour < CAST(%s AS TIMESTAMP)"
