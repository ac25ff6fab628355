"""The user's environment, without what would lead a client of the stack elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from weblogs_platform.local.ports import LOOPBACK

# The SDKs prefer these to the keys that the stack gives, or send them along.
OVERRIDING = (
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    # Another installation's settings file, and ways to log in beside the stack's password.
    "WEBLOGS_SETTINGS", "REDSHIFT_PASSWORD_SECRET", "REDSHIFT_CLUSTER", "REDSHIFT_WORKGROUP",
    "WEBLOGS_DASHBOARD_PASSWORD_SECRET",
)  # fmt: skip

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process of the stack, to which the stack's own variables are added."""
    kept = {name: value for name, value in environ.items() if name not in OVERRIDING}
    return {**kept, **without_proxy(environ)}


def without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY with loopback added, where a proxy is configured; else nothing."""
    if not any(environ.get(name) for name in _PROXIES):
        return {}
    hosts = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    added = ",".join(filter(None, [hosts, LOOPBACK, "localhost"]))
    return {"NO_PROXY": added, "no_proxy": added}
