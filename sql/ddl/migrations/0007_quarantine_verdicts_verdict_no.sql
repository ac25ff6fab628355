-- The order of verdicts, which clocks do not tell: 0 marks those that have no number yet.
ALTER TABLE shopware_ops.quarantine_verdicts ADD COLUMN verdict_no BIGINT NOT NULL DEFAULT 0 ENCODE az64;
