"""The contract as one document: the files of this folder, bundled.

A reference into `components/<kind>/<file>.yaml#/<Name>` becomes `#/components/<kind>/<Name>`, a path item is
put where its reference stood, and nothing else is changed. The bundle holds what is referenced and nothing
more, in an order that depends on the files alone, so the same files always give the same bytes.
"""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Any

import yaml

ROOT = "openapi.yaml"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class BundleError(Exception):
    """A file of the contract cannot be bundled; the message says which one and where."""


def load_bundle(folder: Traversable | None = None) -> dict[str, Any]:
    """The contract as one OpenAPI 3.0.3 document. `folder` holds `openapi.yaml`; this package by default.

    Raises BundleError for a file that is missing or no YAML and for a reference that leads nowhere.
    """
    return _Bundler(folder if folder is not None else files("sojourn.openapi")).bundle()


def bundle_json(bundle: dict[str, Any]) -> bytes:
    """The bundle as JSON text in UTF-8, ending in a line feed."""
    return (json.dumps(bundle, ensure_ascii=False, indent=2) + "\n").encode()


def bundle_yaml(bundle: dict[str, Any]) -> bytes:
    """The bundle as YAML text in UTF-8 (RFC 9512), without anchors, in the bundle's order."""
    text = yaml.dump(bundle, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return bytes(text.encode())


class _Plain(_Dumper):  # type: ignore[misc]  # chosen at run time: the C dumper where libyaml is present
    """Writes a value out wherever it occurs: shared anchors would surprise readers of the document."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Bundler:
    def __init__(self, folder: Traversable) -> None:
        self._folder = folder
        self._documents: dict[str, Any] = {}
        self._components: dict[str, dict[str, Any]] = {}
        self._origins: dict[tuple[str, str], str] = {}

    def bundle(self) -> dict[str, Any]:
        root = self._read(ROOT, ROOT, reference=ROOT)
        document = {key: value for key, value in root.items() if key not in ("paths", "components")}
        document["paths"] = {path: self._path_item(item) for path, item in root.get("paths", {}).items()}
        for kind, named in root.get("components", {}).items():
            for name, value in named.items():
                self._declare(kind, name, value=value)
        document["components"] = {kind: dict(sorted(named.items())) for kind, named in sorted(self._components.items())}
        return document

    def _path_item(self, item: dict[str, Any]) -> Any:
        """A path item in the place of its reference: `$ref: paths/<area>/<name>.yaml`."""
        if "$ref" not in item:
            raise BundleError(f"{ROOT}: a path item must be a reference to a file under paths/")
        file, _, pointer = item["$ref"].partition("#")
        if pointer:
            raise BundleError(f"{self._where(ROOT, item['$ref'])}: a path item is a whole file")
        return self._resolve(self._read(file, ROOT, reference=file), file)

    def _declare(self, kind: str, name: str, *, value: Any) -> None:
        """A component that is named in the root itself, because nothing refers to it by `$ref`."""
        found = self._reference(value["$ref"], ROOT)
        if found != f"#/components/{kind}/{name}":
            raise BundleError(f"{self._where(ROOT, value['$ref'])}: {name} must refer to a {kind} of its name")

    def _resolve(self, value: Any, file: str) -> Any:
        """`value` from `file` with every reference pointing into the bundle."""
        if isinstance(value, list):
            return [self._resolve(item, file) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" not in value:
            return {key: self._resolve(item, file) for key, item in value.items()}
        if len(value) > 1:
            raise BundleError(f"{self._where(file, value['$ref'])}: members beside $ref are ignored by everyone")
        return {"$ref": self._reference(value["$ref"], file)}

    def _reference(self, reference: str, file: str) -> str:
        """The bundled form of a reference; the component it names goes into the bundle on first sight."""
        relative, _, pointer = reference.partition("#")
        target = joined(file, relative)
        parts = PurePosixPath(target).parts
        name = pointer.removeprefix("/")
        if not relative or len(parts) != 3 or parts[0] != "components" or not name or "/" in name:
            form = "components/<kind>/<file>.yaml#/<Name>"
            raise BundleError(f"{self._where(file, reference)}: {reference!r} is not of the form {form}")
        kind = parts[1]
        origin = self._origins.setdefault((kind, name), target)
        if origin != target:
            raise BundleError(f"{self._where(file, reference)}: {kind}/{name} exists in {origin} and in {target}")
        if name not in self._components.setdefault(kind, {}):
            document = self._read(target, file, reference=reference)
            if name not in document:
                raise BundleError(f"{self._where(file, reference)}: {target} has no {name}")
            self._components[kind][name] = None  # seen: a component may refer to its neighbours
            self._components[kind][name] = self._resolve(document[name], target)
        return f"#/components/{kind}/{name}"

    def _read(self, file: str, source: str, *, reference: str) -> Any:
        """The parsed file, which `source` asked for by `reference`."""
        if file not in self._documents:
            try:
                text = self._folder.joinpath(*PurePosixPath(file).parts).read_bytes()
            except OSError:
                where = ROOT if source == file else self._where(source, reference)
                raise BundleError(f"{where}: there is no file {file}") from None
            try:
                self._documents[file] = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, in C if it can be
            except yaml.YAMLError as error:
                mark = getattr(error, "problem_mark", None)
                line = "" if mark is None else f":{mark.line + 1}"
                raise BundleError(f"{file}{line}: {' '.join(str(error).split())}") from None
        return self._documents[file]

    def _where(self, file: str, reference: str) -> str:
        """`file:line` of a reference, found again in the text because only errors want to know."""
        lines = self._folder.joinpath(*PurePosixPath(file).parts).read_text("utf-8").splitlines()
        found = (number for number, line in enumerate(lines, 1) if "$ref" in line and reference in line)
        return f"{file}:{next(found, 1)}"


def joined(file: str, relative: str) -> str:
    """The path, from the contract's folder, that `relative` means inside `file`."""
    parts = list(PurePosixPath(file).parent.parts)
    for part in PurePosixPath(relative).parts:
        if part == "..":
            if not parts:
                return relative
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
