"""Another spelling of `user_id`."""

from weblogs_platform.core.repair import Mapping, Rename, Repair

USER_ID_SPELLING = Repair(
    name="user_id_spelling",
    version=1,
    description="userId becomes user_id, where there is none.",
    streams=("web_logs",),
    how=Mapping((Rename("payload.userId", "payload.user_id"), Rename("userId", "user_id"))),
)
