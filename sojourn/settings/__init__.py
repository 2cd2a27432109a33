"""Settings: from flags, the environment and defaults."""

from sojourn.settings.settings import Settings, SettingsError

__all__ = ["Settings", "SettingsError"]
