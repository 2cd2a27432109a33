"""Places, from a real database file in MaxMind's format."""

from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from sojourn.enrichment.geoip import Locator, Network, Networks
from sojourn.settings import SettingsError

BEIJING = {"city": {"names": {"en": "Beijing", "zh-CN": "北京"}}, "country": {"iso_code": "CN"}}


@pytest.fixture(scope="module")
def locator(tmp_path_factory: pytest.TempPathFactory) -> Locator:
    """A locator over a file that knows three networks."""
    path = tmp_path_factory.mktemp("geoip") / "cities.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    writer.insert_network(IPSet(["203.0.113.0/24", "2001:db8::/32"]), BEIJING)
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "DE"}})
    writer.to_db_file(str(path))
    return Locator(str(path))


@pytest.mark.parametrize("ip", ["203.0.113.7", "2001:db8::1"])
def test_a_known_address_is_a_city_and_its_country(locator: Locator, ip: str) -> None:
    assert locator.locate(ip) == "Beijing, CN"


@pytest.mark.parametrize("ip", ["192.0.2.1", "198.51.100.1", "::1", "no address", "", "203.0.113.7/24"])
def test_an_address_without_a_known_city_is_nowhere(locator: Locator, ip: str) -> None:
    assert locator.locate(ip) is None


def test_without_a_file_every_address_is_nowhere() -> None:
    assert Locator(None).locate("203.0.113.7") is None


def test_an_ipv6_address_is_nowhere_in_a_file_of_ipv4(tmp_path: Path) -> None:
    writer = MMDBWriter(ip_version=4)
    writer.insert_network(IPSet(["203.0.113.0/24"]), BEIJING)
    writer.to_db_file(str(tmp_path / "v4.mmdb"))

    assert Locator(str(tmp_path / "v4.mmdb")).locate("2001:db8::1") is None


@pytest.mark.parametrize("content", [None, b"", b"not a database"])
def test_a_file_that_is_no_database_stops_the_server_with_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.mmdb"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match="SOJOURN_GEOIP_DATABASE"):
        Locator(str(path))
    with pytest.raises(SettingsError, match="SOJOURN_ASN_DATABASE"):
        Networks(str(path))


NUMBER, NAME = "autonomous_system_number", "autonomous_system_organization"


@pytest.mark.parametrize(
    ("record", "network"),
    [
        ({NUMBER: 64500, NAME: "Example Networks"}, Network(64500, "Example Networks")),
        ({NUMBER: 64500}, Network(64500, None)),
        ({NUMBER: 2**32 - 1, NAME: "x" * 300}, Network(2**32 - 1, "x" * 255)),
        ({NUMBER: 64500, NAME: "a\nb"}, Network(64500, None)),
        ({NUMBER: 64500, NAME: " "}, Network(64500, None)),
        ({NAME: "Example Networks"}, None),
        (BEIJING, None),
    ],
)
def test_an_address_is_in_the_network_that_announces_it(
    tmp_path: Path, record: dict[str, object], network: Network | None
) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    writer.insert_network(IPSet(["203.0.113.0/24", "2001:db8::/32"]), record)
    writer.to_db_file(str(tmp_path / "networks.mmdb"))
    networks = Networks(str(tmp_path / "networks.mmdb"))

    assert [networks.find(ip) for ip in ("203.0.113.7", "2001:db8::1", "192.0.2.1")] == [network, network, None]


def test_without_a_file_every_network_is_unknown() -> None:
    assert Networks(None).find("203.0.113.7") is None
