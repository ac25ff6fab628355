"""Dagster resources over the platform's clients: the lake, the warehouse and the queue of notifications.

They hold no values of their own: the settings are read when a run or a tick needs them. So the definitions load
without a stack, and no secret shows in Dagster's UI.
"""

from __future__ import annotations

from resources.inbox import InboxResource
from resources.lake import LakeResource
from resources.lakehouse import LakehouseResource
from resources.redshift import RedshiftResource

__all__ = ["InboxResource", "LakeResource", "LakehouseResource", "RedshiftResource"]
