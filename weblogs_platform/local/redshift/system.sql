-- Schemas that every database has.
CREATE SCHEMA IF NOT EXISTS {database}.public;
CREATE SCHEMA IF NOT EXISTS {database}.rs_internal;
