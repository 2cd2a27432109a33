"""Settings as they may be printed and recorded: of a secret only that there is one."""

from dataclasses import fields

from sojourn.settings.settings import Settings, written
from sojourn.settings.sources import ALWAYS_SECRET, SECRETS
from sojourn.settings.strength import shown_url

MASK = "********"


def shown(settings: Settings) -> dict[str, str]:
    """Each setting by its name, as a text; "" for what is not set. Secrets are masked, URLs show no credentials."""
    return {item.name: _masked(item.name, written(getattr(settings, item.name))) for item in fields(Settings)}


def _masked(name: str, text: str) -> str:
    if name not in SECRETS or not text:
        return text
    return shown_url(text) if "://" in text and name not in ALWAYS_SECRET else MASK
