"""The secret that is not in the database."""

from pathlib import Path

import pytest

from sojourn.authentication.vault import Vault
from sojourn.settings import Settings, SettingsError
from tests.live import REFRESH_SECRET


def settings(tmp_path: Path, **others: str) -> Settings:
    return Settings(database_url=f"sqlite:///{tmp_path}/sojourn.db", **others)


def key_file(tmp_path: Path, text: str) -> Path:
    """A key file that somebody wrote by hand."""
    path = tmp_path / "sojourn.db.key"
    path.touch(0o600)
    path.write_text(text)
    return path


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    first, second = Vault.open(settings(tmp_path)), Vault.open(settings(tmp_path))

    assert first.refresh_keys("e") == second.refresh_keys("e") != first.refresh_keys(None)
    assert [file.name for file in tmp_path.iterdir()] == ["sojourn.db.key"]
    assert (tmp_path / "sojourn.db.key").stat().st_mode & 0o777 == 0o600


def test_a_configured_secret_makes_no_file(tmp_path: Path) -> None:
    Vault.open(settings(tmp_path, refresh_secret=REFRESH_SECRET))

    assert not list(tmp_path.iterdir())


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SOJOURN_REFRESH_SECRET"):
        settings(tmp_path, refresh_secret="short")


def test_an_empty_key_file_is_refused(tmp_path: Path) -> None:
    key_file(tmp_path, "\n")

    with pytest.raises(OSError, match="holds no secret"):
        Vault.open(settings(tmp_path))


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666, 0o620])
def test_a_key_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    key_file(tmp_path, REFRESH_SECRET).chmod(mode)

    with pytest.raises(OSError, match="chmod 600"):
        Vault.open(settings(tmp_path))


def test_a_key_file_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    key_file(tmp_path, "a" * 64)

    with pytest.raises(OSError, match="is repetitive"):
        Vault.open(settings(tmp_path))


def test_what_is_sealed_opens_with_the_same_secret_and_name_only() -> None:
    sealed = Vault(b"a" * 32).seal("kid", b"private")

    assert Vault(b"a" * 32).unseal("kid", sealed) == b"private"
    assert Vault(b"a" * 32).unseal("other", sealed) is None
    assert Vault(b"b" * 32).unseal("kid", sealed) is None
    assert Vault(b"a" * 32).unseal("kid", "AAAA") is None


def test_no_key_is_in_a_text_about_the_keys() -> None:
    assert repr(Vault(b"a" * 32).refresh_keys(None)) == "RefreshKeys(...)"
