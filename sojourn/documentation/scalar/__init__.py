"""The API reference for browsers (Scalar, MIT), as it is published, pinned by version and hash in `pin.json`.

`python -m sojourn.documentation.scalar` fetches the pinned version with npm and holds the file here against it, byte by
byte; with `--write` it replaces the file. Needs npm and its registry; serving needs neither.
"""

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path


class WrongHash(Exception):
    """What was fetched is not what was pinned; the message says what."""


@dataclass(frozen=True, slots=True)
class Pin:
    """Which file of which npm package. `integrity` is npm's, of the package; `sha256` is the file's, in hex."""

    package: str
    version: str
    license: str
    integrity: str
    file: str
    sha256: str


@lru_cache(maxsize=1)
def pin() -> Pin:
    """What is pinned."""
    return Pin(**json.loads(files("sojourn.documentation.scalar").joinpath("pin.json").read_text("utf-8")))


@lru_cache(maxsize=1)
def script() -> bytes:
    """The script, read once for each process that is asked for it."""
    return files("sojourn.documentation.scalar").joinpath("reference.js").read_bytes()


@lru_cache(maxsize=1)
def script_hash() -> str:
    """The first 16 hexadecimal digits of the script's SHA-256: another script has another address."""
    return hashlib.sha256(script()).hexdigest()[:16]


def checked(package: bytes, wanted: Pin) -> bytes:
    """The pinned file out of the package (a gzipped tar). Raises WrongHash when either is not what was pinned."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != wanted.integrity:
        raise WrongHash(f"{wanted.package} {wanted.version}: {found} is not {wanted.integrity}")
    with tempfile.TemporaryFile() as file:
        file.write(package)
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:gz") as archive:
            member = archive.extractfile(f"package/{wanted.file}")
            content = b"" if member is None else member.read()
    if hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise WrongHash(f"{wanted.file} is not the pinned one")
    return content


def fetch(wanted: Pin) -> bytes:
    """The package as the npm registry has it. Raises CalledProcessError when npm cannot get it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{wanted.package}@{wanted.version}", "--silent", "--pack-destination", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - npm, with a pinned package
        return next(Path(folder).glob("*.tgz")).read_bytes()


def main(arguments: list[str]) -> int:
    """Compare, or write with `--write`. Returns the exit code."""
    content = checked(fetch(pin()), pin())
    place = Path(__file__).parent / "reference.js"
    if "--write" in arguments:
        place.write_bytes(content)
    same = place.read_bytes() == content
    print(f"{place.name}: {'is' if same else 'is not'} {pin().file} of {pin().package} {pin().version}")
    return 0 if same else 1
