"""Where an address is and in which network, from database files in MaxMind's format, when they are configured."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.settings import SettingsError
from sojourn.settings.settings import variable

if TYPE_CHECKING:
    from maxminddb import Reader

_LONGEST_NAME = 255
_LAST_NUMBER = 2**32 - 1


class Network(NamedTuple):
    """An autonomous system: its number (RFC 6793), and the name of who runs it where the file has one."""

    number: int
    organisation: str | None


class Locator:
    """Looks places up. Without a file every place is unknown."""

    def __init__(self, path: str | None) -> None:
        """Open the file at `path`. Raises SettingsError when it is not such a database."""
        self._reader = _opened(path, setting="geoip_database")

    def locate(self, ip: str) -> str | None:
        """`City, CC` for an address, with the city's English name; None when either is unknown."""
        match _record(self._reader, ip):
            case {"city": {"names": {"en": str(city)}}, "country": {"iso_code": str(country)}}:
                return f"{city}, {country}"
        return None


class Networks:
    """Looks networks up. Without a file every network is unknown."""

    def __init__(self, path: str | None) -> None:
        """Open the file at `path`. Raises SettingsError when it is not such a database."""
        self._reader = _opened(path, setting="asn_database")

    def find(self, ip: str) -> Network | None:
        """The network that announces an address; None when it is unknown."""
        match _record(self._reader, ip):
            case {"autonomous_system_number": int(number), **others} if 0 <= number <= _LAST_NUMBER:
                name = others.get("autonomous_system_organization")
                is_shown = isinstance(name, str) and name.isprintable() and name.strip()
                return Network(number, str(name)[:_LONGEST_NAME] if is_shown else None)
        return None


def _opened(path: str | None, *, setting: str) -> "Reader | None":
    if path is None:
        return None
    import maxminddb  # loaded only where there is a file

    try:
        return maxminddb.open_database(Path(path))
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise SettingsError([f"{variable(setting)}: {error}"]) from None


def _record(reader: "Reader | None", ip: str) -> Any:
    """What a file says of an address; None for one that it does not know."""
    try:
        return None if reader is None else reader.get(ip)
    except ValueError:
        return None  # no address, or an IPv6 one in a database of IPv4
