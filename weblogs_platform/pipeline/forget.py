"""Takes a landing hour out of the warehouse, so that a load brings it in anew: what mends a table or ledger that somebody
changed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import HourNotReplaceable
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import CountHour, LockLoads, NextChange
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.ledger import read_hour
from weblogs_platform.pipeline.load import HourLoad


@dataclass(frozen=True)
class Forgotten:
    """What was taken out: rows of the table, objects of the ledger, and receipts of records that were replayed or
    discarded, which are in quarantine again once the hour is loaded."""

    rows: int
    objects: int
    settled: int


def forget_hour(
    lake: Lake, warehouse: Warehouse, spec: StreamSpec, hour: LandingHour, *, run_id: str
) -> Forgotten:
    """Takes out the hour's rows, ledger lines, receipts and reasons, and records the event hours that change, in one
    transaction.

    Raises HourNotReplaceable when landing no longer has, as it was loaded, all that the hour holds, and the clients'
    errors; nothing is taken out then.
    """
    with warehouse.transaction() as tx:
        tx.execute(LockLoads())
        loaded = read_hour(tx, spec, hour)
        [(rows,)] = tx.fetch_all(CountHour(spec), (hour.sql,))
        _refuse_to_lose(lake, spec, hour, loaded, int(rows))
        [(change_no,)] = tx.fetch_all(NextChange(), (spec.qualified_table,))
        HourLoad(lake, warehouse, tx, spec, hour, run_id, int(change_no)).delete_hour()
    return Forgotten(int(rows), len(loaded), sum(f.replayed + f.discarded for f in loaded))


def _refuse_to_lose(
    lake: Lake, spec: StreamSpec, hour: LandingHour, loaded: Sequence[LoadedFile], rows: int
) -> None:
    listed = list_hour(lake, spec, hour)
    here = {o.identity for o in listed}
    gone = [f for f in loaded if (f.key, f.etag) not in here]
    at = f"{spec.name} {hour.partition_key}"
    if gone:
        raise HourNotReplaceable(
            f"{at}: {gone[0].key!r} is loaded, and landing no longer has it as it was: its rows could not be loaded again. "
            "Restore the object (its ETag was "
            f"{gone[0].etag!r}), or the tables from a snapshot; nothing was taken out"
        )
    if rows and not listed:
        raise HourNotReplaceable(
            f"{at}: the table has {rows} rows and landing has no object of the hour: they could not be loaded again. "
            "Restore the objects, or the tables from a snapshot; nothing was taken out"
        )
