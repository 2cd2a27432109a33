"""The files of the pages, by name, and the release that they are."""

import hashlib
import json
import re
from functools import cache
from importlib.resources import files

from sojourn.problems import i18n

KINDS = (".js", ".css")
_IMPORTS = re.compile(r"""\b(?:from|import)\s*["']\./([\w.-]+)["']""")
WORDS = "wordlist.js"
"""The module with the words of all languages, as Fluent has them."""


@cache
def contents() -> dict[str, bytes]:
    """Every script and style sheet, ours and those of others, by its name; read once for each process."""
    folder = files("sojourn.console")
    places = (*folder.iterdir(), *(folder / "vendor").iterdir())
    found = {place.name: place.read_bytes() for place in places if place.name.endswith(KINDS)}
    return {**found, WORDS: f"export default {json.dumps(words(), ensure_ascii=False)};\n".encode()}


@cache
def release() -> str:
    """The first 16 hexadecimal digits of the SHA-256 of all of them: other files have other addresses."""
    digest = hashlib.sha256()
    for name, content in sorted(contents().items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


@cache
def imported_by(module: str) -> tuple[str, ...]:
    """The modules that one imports, and those that these import, each once; without what is imported on demand."""
    found = [module]
    for name in found:
        imports = _IMPORTS.findall(contents()[name].decode())
        found += [other for other in dict.fromkeys(imports) if other not in found]
    return tuple(found[1:])


@cache
def words() -> dict[str, str]:
    """The words of the pages as Fluent has them, by language; a language without a file of its own has none."""
    folder = files("sojourn.console") / "locales"
    places = {locale: folder / locale / "console.ftl" for locale in i18n.LOCALES}
    return {locale: place.read_text("utf-8") for locale, place in places.items() if place.is_file()}
