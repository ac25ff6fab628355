"""Which partitions a query's filter leaves: Arrow simplifies the filter with each partition's values."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from weblogs_platform.local.redshift.contract import ColumnInfo
from weblogs_platform.local.redshift.external.metadata import Partition
from weblogs_platform.local.redshift.external.types import typed_value


def qualified(
    partitions: Sequence[Partition], columns: Sequence[ColumnInfo], schema: pa.Schema, filter_: Any
) -> list[Partition]:
    """The partitions that may hold rows of the filter (an Arrow expression, or None for every row)."""
    if filter_ is None or not columns:
        return list(partitions)
    form, nowhere = ds.ParquetFileFormat(), pafs.LocalFileSystem()
    # Nothing is opened: a fragment's path is its number, and only its guarantee is looked at.
    fragments = [
        form.make_fragment(str(number), nowhere, partition_expression=_guarantee(columns, partition))
        for number, partition in enumerate(partitions)
    ]
    dataset = ds.FileSystemDataset(fragments, schema, form, nowhere)
    return [partitions[int(fragment.path)] for fragment in dataset.get_fragments(filter=filter_)]


def _guarantee(columns: Sequence[ColumnInfo], partition: Partition) -> Any:
    return functools.reduce(
        operator.and_,
        (
            ds.field(column.name).is_null()
            if value is None
            else ds.field(column.name) == typed_value(column, value)
            for column, value in zip(columns, partition.values, strict=True)
        ),
    )
