"""Where an address is, from a database file in MaxMind's format, when one is configured."""

from pathlib import Path
from typing import TYPE_CHECKING

from sojourn.settings import SettingsError
from sojourn.settings.settings import variable

if TYPE_CHECKING:
    from maxminddb import Reader


class Locator:
    """Looks addresses up. Without a file every place is unknown."""

    def __init__(self, path: str | None) -> None:
        """Open the file at `path`. Raises SettingsError when it is not such a database."""
        self._reader: Reader | None = None
        if path is None:
            return
        import maxminddb  # loaded only where there is a file

        try:
            self._reader = maxminddb.open_database(Path(path))
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise SettingsError([f"{variable('geoip_database')}: {error}"]) from None

    def locate(self, ip: str) -> str | None:
        """`City, CC` for an address, with the city's English name; None when either is unknown."""
        if self._reader is None:
            return None
        try:
            record = self._reader.get(ip)
        except ValueError:
            return None  # no address, or an IPv6 one in a database of IPv4
        match record:
            case {"city": {"names": {"en": str(city)}}, "country": {"iso_code": str(country)}}:
                return f"{city}, {country}"
        return None
