"""The secret that is kept outside the database; the keys for tokens and stored keys are derived from it.

It comes from SOJOURN_REFRESH_SECRET, or from a file beside the database (`<file>.key`, readable by its owner
only) that is made at the first start. A copy of the database without it is not enough to sign in.
"""

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sojourn.domain.refresh_tokens import RefreshKeys
from sojourn.settings import Settings
from sojourn.settings.key_files import require_private
from sojourn.settings.strength import guessable

_NONCE_BYTES = 12
_SQLITE = "sqlite:///"


class Vault:
    """Keys derived from one secret, one for each purpose.

    `previous` is another vault whose secret is good beside this one while secrets are exchanged: what it sealed and
    signed is read, and nothing is sealed or signed with it.
    """

    def __init__(self, secret: bytes, previous: "Vault | None" = None) -> None:
        self._secret = secret
        self.previous = previous
        self._refresh_keys: dict[str | None, RefreshKeys] = {}
        self._cipher = AESGCM(self._derive("signing keys at rest"))

    @classmethod
    def open(cls, settings: Settings) -> "Vault":
        """The vault of these settings; makes the key file when it is wanted and missing.

        Raises OSError for a file that cannot be read, that others may read, or that holds no good secret.
        """
        other = settings.refresh_secret_previous
        previous = None if other is None else cls(other.encode())
        if settings.refresh_secret is not None:
            return cls(settings.refresh_secret.encode(), previous)
        path = Path(settings.database_url.removeprefix(_SQLITE) + ".key")
        secret = _file_secret(path)
        if not settings.development and (reason := guessable(secret.decode("latin-1"))):
            raise OSError(f"{path}: its secret {reason}")
        return cls(secret, previous)

    def readable_refresh_keys(self, epoch: str | None) -> tuple[RefreshKeys, ...]:
        """The keys of the refresh tokens that are good in an epoch: those of the secret, and of the one beside it."""
        own = (self.refresh_keys(epoch),)
        return own if self.previous is None else (*own, self.previous.refresh_keys(epoch))

    def refresh_keys(self, epoch: str | None) -> RefreshKeys:
        """The keys of the refresh tokens of an epoch; None for those of a database that never drew one."""
        if epoch not in self._refresh_keys:
            suffix = "" if epoch is None else f" {epoch}"
            self._refresh_keys[epoch] = RefreshKeys(
                self._derive(f"refresh secret{suffix}"), self._derive(f"refresh mac{suffix}"), epoch
            )
        return self._refresh_keys[epoch]

    @cached_property
    def audit_key(self) -> Ed25519PrivateKey:
        """The key that signs the ends of audit chains. It follows from the secret: the database knows nothing of it."""
        return Ed25519PrivateKey.from_private_bytes(self._derive("audit heads"))

    def seal(self, name: str, plain: bytes) -> str:
        """`plain`, readable only with this secret and under this name."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, plain, name.encode())).decode()

    def unseal(self, name: str, sealed: str) -> bytes | None:
        """What was sealed under `name`; None when it was sealed with another secret or is damaged."""
        found = self.unseal_own(name, sealed)
        return found if found is not None or self.previous is None else self.previous.unseal_own(name, sealed)

    def unseal_own(self, name: str, sealed: str) -> bytes | None:
        """The same for what was sealed with this very secret."""
        try:
            raw = urlsafe_b64decode(sealed)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            return None

    def is_sealed_anew(self, name: str, sealed: str) -> bool:
        """Whether it was sealed with this very secret, not with the one before."""
        return self.unseal_own(name, sealed) is not None

    def _derive(self, purpose: str) -> bytes:
        return HKDF(SHA256(), 32, None, f"sojourn {purpose}".encode()).derive(self._secret)


def _file_secret(path: Path) -> bytes:
    """The secret in the key file. Several processes may start at once: one file wins, whole or not at all."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was faster; its file counts
                os.link(draft, path)
        finally:
            draft.unlink()
    require_private(path)
    secret = path.read_bytes().strip()
    if len(secret) < 32:
        raise OSError(f"{path}: holds no secret")
    return secret
