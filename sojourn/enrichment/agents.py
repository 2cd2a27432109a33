"""Reads a User-Agent text. It is a claim of the client: good enough to show, not to trust."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sojourn.domain.short_texts import short_texts

if TYPE_CHECKING:
    import ua_parser

DeviceType = Literal["desktop", "mobile", "tablet", "bot"]

_MAX_LENGTH = 1024
_MAX_NAME = 64
_DESKTOPS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"})
_TABLET_WORDS = ("iPad", "Tablet", "Kindle", "Silk/", "PlayBook")


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """Browser and system as `Chrome 123` and `Windows 10`, and the kind of device; None if unknown."""

    browser: str | None
    os: str | None
    device_type: DeviceType | None


NOTHING = AgentFacts(None, None, None)


@short_texts(maxsize=2048, longest=512)
def describe_agent(user_agent: str) -> AgentFacts:
    """The facts in a User-Agent text. Never fails: an unknown text tells nothing."""
    if not user_agent.strip():
        return NOTHING
    import ua_parser  # its patterns take 25 MB and are wanted only where a client did not describe its device

    result = ua_parser.parse(user_agent[:_MAX_LENGTH].encode("utf-8", "replace").decode())
    browser, system, device = result.user_agent, result.os, result.device
    return AgentFacts(
        None if browser is None else _name(browser.family, browser.major),
        None if system is None else _system(system),
        _device_type(user_agent, "" if system is None else system.family, device=device),
    )


def _name(family: str, *versions: str | None) -> str:
    known = ".".join(version for version in versions if version)
    return f"{family} {known}"[:_MAX_NAME].strip()


def _system(system: "ua_parser.OS") -> str:
    if system.family == "Mac OS X":
        # Browsers have been saying 10.15 ever since; before, the second number was the release.
        return _name("macOS", system.major, system.minor if system.major == "10" else None)
    return _name(system.family, system.major)


def _device_type(user_agent: str, system: str, *, device: "ua_parser.Device | None") -> DeviceType | None:
    """Bots name themselves; an Android that does not say `Mobile` is a tablet."""
    if device is not None and device.family == "Spider":
        return "bot"
    if any(word in user_agent for word in _TABLET_WORDS) or (system == "Android" and "Mobile" not in user_agent):
        return "tablet"
    if system in ("iOS", "Android") or "Mobile" in user_agent:
        return "mobile"
    return "desktop" if system in _DESKTOPS else None
