"""Maps a JSON Pointer in the bundle to the file and line where that part was written."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

import yaml

from sojourn.openapi.loader import ROOT, joined


class Places:
    """The files of a contract, read once, with the line of every key. `folder` as in `load_bundle`."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self._folder = folder if folder is not None else files("sojourn.openapi")
        self._nodes: dict[str, yaml.Node] = {}
        self._components = {
            (kind.name, name): f"components/{kind.name}/{file.name}"
            for kind in self._folder.joinpath("components").iterdir()
            for file in kind.iterdir()
            for name in self._keys(f"components/{kind.name}/{file.name}")
        }

    def of(self, pointer: str) -> str:
        """`file:line` of what a pointer into the bundle (RFC 6901, `#/paths/...`) leads to, or nearly leads to."""
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("#").split("/")[1:]]
        file = ROOT
        if steps[:1] == ["components"] and len(steps) > 2:
            file = self._components.get((steps[1], steps[2]), ROOT)
            steps = steps if file == ROOT else steps[2:]
        node, line = self._node(file), 0
        for step in steps:
            file, node, line = self._enter(file, node, line=line)
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return f"{file}:{line + 1}"

    def _enter(self, file: str, node: yaml.Node, *, line: int) -> tuple[str, yaml.Node, int]:
        """What is meant where a reference stands."""
        reference = _child(node, "$ref")
        if reference is None or not isinstance(reference[0], yaml.ScalarNode):
            return file, node, line
        relative, _, fragment = reference[0].value.partition("#")
        target = joined(file, relative)
        if not fragment:
            return target, self._node(target), 0
        meant = _child(self._node(target), fragment.removeprefix("/"))
        return (file, node, line) if meant is None else (target, *meant)

    def _keys(self, file: str) -> list[str]:
        node = self._node(file)
        return [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []

    def _node(self, file: str) -> yaml.Node:
        if file not in self._nodes:
            text = self._folder.joinpath(*PurePosixPath(file).parts).read_text("utf-8")
            self._nodes[file] = yaml.compose(text, Loader=yaml.SafeLoader) or yaml.MappingNode("", [])
        return self._nodes[file]


def _child(node: yaml.Node, step: str) -> tuple[yaml.Node, int] | None:
    """The node under a key or an index, and the line on which the key or the item stands."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line
    elif isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        item = node.value[int(step)]
        return item, item.start_mark.line
    return None
