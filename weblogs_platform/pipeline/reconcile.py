"""Reconcile: the listing against the ledger. Finds whatever sensors missed; needs no memory of its own."""

from __future__ import annotations

from datetime import timedelta

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.landing import list_days
from weblogs_platform.pipeline.ledger import loaded_between


def hours_to_load(
    lake: Lake, warehouse: Warehouse, spec: StreamSpec, first_hour: LandingHour, end_hour: LandingHour
) -> list[LandingHour]:
    """Hours in [first_hour, end_hour) whose listing and ledger differ in a way that a load would mend."""
    last_day = (end_hour.start - timedelta(hours=1)).date()
    listed = list_days(lake, spec, first_hour.start.date(), last_day)
    loaded = loaded_between(warehouse, spec, first_hour, end_hour)
    hours = sorted(h for h in {*listed, *loaded} if first_hour <= h < end_hour)
    return [h for h in hours if differs(spec, listed.get(h, ()), loaded.get(h, ()))]


def differs(spec: StreamSpec, listed: tuple[LandingObject, ...], loaded: tuple[LoadedFile, ...]) -> bool:
    """Whether an object is new or rewritten, or (where the stream says so) has vanished."""
    now = {o.identity for o in listed}
    before = {(f.key, f.etag) for f in loaded}
    return bool(now - before) or (spec.on_vanished == "replace" and bool(before - now))
