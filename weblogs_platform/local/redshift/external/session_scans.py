"""A session's scans: put where its query finds them, and written to the history when they end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.translate import Scan
from weblogs_platform.local.redshift.external.metadata import ExternalTable, Metadata
from weblogs_platform.local.redshift.external.scan import ExternalScan
from weblogs_platform.local.redshift.s3 import S3Client, role_credentials
from weblogs_platform.local.redshift.session import Session


def register_scans(session: Session, scans: Sequence[Scan], *, reading: bool) -> None:
    """Makes the external tables of a translated query known to the engine; without `reading` for binding it only.
    Raises RedshiftError 42P01 for a table that has gone."""
    if not scans:
        return
    metadata = Metadata(session.raw_connection, session.backend.database.name)
    opened: list[ExternalScan] = []
    for scan in scans:
        table = metadata.table(scan.relation.schema, scan.relation.name)
        if table is None:
            raise RedshiftError("42P01", f'relation "{scan.relation.name}" does not exist')
        partitions = metadata.partitions(table) if reading else []
        external = ExternalScan(
            table,
            partitions,
            partial(_connect, session, table),
            session.check_cancelled,
            pseudo_columns=scan.pseudo_columns,
        )
        session.raw_connection.register(scan.view, external)
        opened.append(external)
    if reading:
        session.scans.begin(opened, session.new_query())


def _connect(session: Session, table: ExternalTable) -> S3Client:
    config = session.backend.config
    credentials = role_credentials(config, session.user, table.schema.role)
    return S3Client(credentials, endpoint=config.s3_endpoint, region=table.schema.region or config.s3_region)
