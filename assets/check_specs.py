"""Checks as Dagster declares them: one way for streams and for derived tables."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import dagster as dg

from assets.checks import CheckDeclaration


def check_specs(
    declared: Iterable[tuple[dg.AssetKey, CheckDeclaration]], partitions: dg.PartitionsDefinition
) -> list[dg.AssetCheckSpec]:
    """The checks of assets, evaluated for each of the partitions."""
    with warnings.catch_warnings():
        # Partitions of checks are a preview in Dagster; the UI shows them by partition only with it.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                declaration.name,
                asset=key,
                description=declaration.description,
                blocking=declaration.blocking,
                partitions_def=partitions,
                metadata={"severity": declaration.severity},
            )
            for key, declaration in declared
        ]
