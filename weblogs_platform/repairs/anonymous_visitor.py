"""Visits without an account: producers before the consent banner left `user_id` out."""

from weblogs_platform.core.repair import Mapping, Repair, SetDefault

ANONYMOUS_VISITOR = Repair(
    name="anonymous_visitor",
    version=1,
    description="Events without a user_id belong to the visitor 'anonymous'.",
    streams=("web_logs",),
    how=Mapping((SetDefault("payload.user_id", "anonymous"), SetDefault("user_id", "anonymous"))),
)
