-- Redshift adds a NOT NULL column only with a default. It marks the rows that have no event time yet.
ALTER TABLE shopware_stream.web_logs_stream ADD COLUMN event_at TIMESTAMP NOT NULL DEFAULT '1970-01-01' ENCODE az64;
