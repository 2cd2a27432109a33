"""Compare the contract with its last release: `python -m sojourn.openapi.changes`, from the folder of CHANGELOG.md.

Prints every difference with its kind. Exits with 1 when one breaks although the major version stayed, or when
the changelog has no word of a kind that occurs. `python -m sojourn.openapi.changes release` keeps the present bundle as
the last release, and refuses while `info.version` has not moved as far as the differences ask.
"""

import json
import sys
from pathlib import Path
from typing import Any

from sojourn.openapi.changes.differences import Edition
from sojourn.openapi.changes.operations import differences
from sojourn.openapi.changes.release import breaks_its_word, least_version, unsaid
from sojourn.openapi.loader import bundle_json, load_bundle

RELEASED = Path("openapi/released/openapi.json")
CHANGELOG = Path("CHANGELOG.md")


def compare(old: dict[str, Any], new: dict[str, Any], *, changelog: str) -> list[str]:
    """Print the differences; what is wrong with them, in sentences."""
    found = differences(old, new)
    before, after = Edition(old).version, Edition(new).version
    print(f"{_text(before)} (released) → {_text(after)}: {len(found)} differences")
    for difference in found:
        print(difference)
    wrong = [
        f"CHANGELOG.md: Unreleased, Contract has no line that begins with `- {kind}:`"
        for kind in unsaid(found, changelog)
    ]
    if breaks_its_word(found, before, new=after):
        wrong.append(f"something breaks: info.version must be {_text(least_version(found, before))} or later")
    return wrong


def release(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Keep the present bundle; what stands in the way, in sentences."""
    least, after = least_version(differences(old, new), Edition(old).version), Edition(new).version
    if after < least:
        return [f"info.version is {_text(after)}, the differences ask for {_text(least)} or later"]
    RELEASED.write_bytes(bundle_json(new))
    print(f"{RELEASED} is now {_text(after)}")
    return []


def main(arguments: list[str], contract: dict[str, Any] | None = None) -> int:
    """Run one of the two on `contract`, ours unless said otherwise. Returns the exit code."""
    old, new = json.loads(RELEASED.read_text("utf-8")), load_bundle() if contract is None else contract
    wrong = release(old, new) if arguments == ["release"] else compare(old, new, changelog=CHANGELOG.read_text("utf-8"))
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
