"""How a trusted device looks on the wire."""

from typing import Any

from sojourn.storage.queries.trusted_devices import TrustedDeviceRow


def trusted_device_response(row: TrustedDeviceRow) -> dict[str, Any]:
    """`TrustedDeviceResponse`. What is unknown is left out."""
    return {name: value for name, value in row._asdict().items() if value is not None}
