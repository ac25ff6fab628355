"""Ratings that were written as text."""

from weblogs_platform.core.repair import CastToNumber, Mapping, Repair

RATING_TEXT = Repair(
    name="rating_text",
    version=1,
    description="A rating such as ' 4 ' or '4.0' becomes 4.",
    streams=("customer_interactions",),
    how=Mapping((CastToNumber("payload.rating"), CastToNumber("rating"))),
)
