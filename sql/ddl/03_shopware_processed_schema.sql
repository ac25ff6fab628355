CREATE SCHEMA IF NOT EXISTS shopware_processed;
