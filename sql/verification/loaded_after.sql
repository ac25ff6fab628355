-- How many objects does the ledger hold that COPY read as :load_key, loaded after :since? 0 means that what COPY
-- refused is still not loaded.
SELECT COUNT(*) AS objects
FROM shopware_ops.load_history
WHERE load_key = CAST(:load_key AS VARCHAR(4096))
    AND superseded_at IS NULL
    AND loaded_at >= CAST(:since AS TIMESTAMP);
