-- When something was sold first and last.
SELECT MIN(transaction_timestamp) AS first_at, MAX(transaction_timestamp) AS last_at FROM shopware_processed.pos_daily;
