"""Browser and device type of a User-Agent text, in the words of the web-log stream. ua-parser knows the
agents.

Browsers: the mobile and embedded builds of a browser count as the browser (`Chrome Mobile iOS` is Chrome);
any other family keeps its name; an unknown agent is `Other`. Devices: Desktop, Mobile and Tablet; crawlers
are kept as `Bot`, so that they can be told from people; programs that say nothing of a device (feed
readers, scripts) are `Other`.
"""

from __future__ import annotations

from functools import lru_cache

from ua_parser import Device, Result, parse

LONGEST_AGENT = 1024
"""Characters looked at: real agents are shorter, and matching is a long list of regular expressions."""

# fmt: off
_DESKTOP_SYSTEMS = frozenset((
    "Windows", "Mac OS X", "Mac OS", "Linux", "Chrome OS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris",
    "Ubuntu", "Debian", "Fedora", "Red Hat", "CentOS", "SUSE", "Gentoo", "Arch Linux", "Mint", "Mandriva", "Slackware",
))
# fmt: on
_SAME_BROWSER = ("Chrome", "Firefox", "Edge", "Safari", "Opera", "IE")
_RENAMED = {
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari",
    "Chromium": "Chrome",
    "Android": "Android",
}


@lru_cache(maxsize=65_536)
def browser_and_device(agent: str) -> tuple[str, str]:
    """(browser, device type) of that User-Agent; the empty text and `-` are (Other, Other)."""
    found = parse(agent[:LONGEST_AGENT])
    return _browser(found), _device(agent[:LONGEST_AGENT], found)


def _browser(found: Result) -> str:
    family = found.user_agent.family if found.user_agent else "Other"
    if family in _RENAMED:
        return _RENAMED[family]
    first = family.split(" ")[0]
    mobile = family.endswith((" Mobile", " iOS", " Mobile iOS", " Mobile WebView"))
    return first if mobile and first in _SAME_BROWSER else family


def _device(agent: str, found: Result) -> str:
    system = found.os.family if found.os else ""
    if found.device and found.device.family == "Spider":
        return "Bot"
    if _is_tablet(agent, system, found.device):
        return "Tablet"
    if (
        "Mobi" in agent
        or system in ("iOS", "Android")
        or system.startswith(("Windows Phone", "Windows Mobile"))
    ):
        return "Mobile"
    if found.device and found.device.family in ("Generic Feature Phone", "Generic Smartphone"):
        return "Mobile"
    return "Desktop" if system in _DESKTOP_SYSTEMS else "Other"


def _is_tablet(agent: str, system: str, device: Device | None) -> bool:
    """An Android browser without the word Mobile is a tablet's: that is how the two announce themselves."""
    family = device.family if device else ""
    if family.startswith(("iPad", "Kindle", "Generic Tablet")) or "Tablet" in agent.replace("Tablet PC", ""):
        return True
    return system == "Android" and agent.startswith("Mozilla/") and "Mobi" not in agent
