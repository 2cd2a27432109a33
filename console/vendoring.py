"""`python -m sojourn.console.vendoring`: fetches what is pinned with npm and holds the files here against it.

With `--write` it replaces them. A file stands here as it is published, but for the addresses of what it imports
(`imports`: a browser knows no name of a package) and a line that exports what a script only defines (`export`). Needs
npm and its registry; serving needs neither.
"""

import hashlib
import json
import sys
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from sojourn.documentation.scalar import Pin, checked, fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendored:
    """A file of ours and the pinned one that it is made of. `sha256` is that of ours, in hex."""

    name: str
    pin: Pin
    sha256: str
    imports: dict[str, str] = field(default_factory=dict)
    export: str | None = None

    def made_of(self, published: bytes) -> bytes:
        """Our file, out of the published one."""
        text = published.decode("utf-8")
        for package, address in self.imports.items():
            text = text.replace(f'"{package}"', f'"{address}"')
        if self.export is not None:
            text += f"\nexport default {self.export};\n"
        return text.encode()


def pinned() -> tuple[Vendored, ...]:
    """What is pinned."""
    entries = json.loads(files("sojourn.console").joinpath("vendor/pins.json").read_text("utf-8"))
    return tuple(Vendored(**{**entry, "pin": Pin(**entry["pin"])}) for entry in entries)


def main(arguments: list[str]) -> int:
    """Compare, or write with `--write`. Returns the exit code."""
    wrong = 0
    for entry in pinned():
        content = entry.made_of(checked(fetch(entry.pin), entry.pin))
        place = Path(__file__).parent / "vendor" / entry.name
        if "--write" in arguments:
            place.write_bytes(content)
        same = place.read_bytes() == content and hashlib.sha256(content).hexdigest() == entry.sha256
        wrong += not same
        print(f"{entry.name}: {'is' if same else 'is not'} {entry.pin.file} of {entry.pin.package} {entry.pin.version}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
