"""Routing: from the raw path to a plan, by one walk over its segments.

A literal segment wins over a templated one, as OpenAPI 3.0.3 asks ("concrete before templated"). The path is
split before it is percent-decoded, so an encoded slash stays inside its segment. Nothing is redirected: a
trailing slash, an empty segment or another case is another path, and that path is 404.
"""

from typing import Generic, TypeVar

from sojourn.problems.http_errors import MethodNotAllowed, RouteNotFound

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("literals", "methods", "template")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Node[T]] = {}
        self.template: _Node[T] | None = None
        self.methods: dict[str, T] = {}


class Router(Generic[T]):
    """A trie of path segments with a value per method at its leaves."""

    def __init__(self, base_path: str) -> None:
        self._base = base_path.rstrip("/").encode()
        self._root: _Node[T] = _Node()
        self._static: dict[tuple[bytes, str], T] = {}
        self._methods: set[str] = set()

    def add(self, method: str, path: str, *, value: T) -> None:
        """Serve `value` for `method` (upper case) at the OpenAPI path template `path`."""
        node, templated = self._root, False
        for segment in path.encode().split(b"/")[1:]:
            if segment.startswith(b"{"):
                node.template = node.template or _Node()
                node, templated = node.template, True
            else:
                node = node.literals.setdefault(segment, _Node())
        node.methods[method] = value
        self._methods.add(method)
        if not templated:
            self._static[self._base + path.encode(), method] = value

    def find(self, method: str, raw_path: bytes) -> tuple[T, tuple[bytes, ...]]:
        """The value and the raw bytes of the templated segments.

        Raises RouteNotFound when no such path exists, MethodNotAllowed when the path has other methods.
        """
        static = self._static.get((raw_path, method))
        if static is not None:
            return static, ()
        if raw_path == b"*" and method == "OPTIONS":  # the whole server (RFC 9110 §9.3.7)
            raise MethodNotAllowed(sorted(self._methods))
        if not raw_path.startswith(self._base + b"/"):
            raise RouteNotFound()
        segments = raw_path[len(self._base) + 1 :].split(b"/")
        node, captured = _walk_straight(self._root, segments) or self._walk(segments)
        value = node.methods.get(method)
        if value is None:
            raise MethodNotAllowed(sorted(node.methods))
        return value, captured

    def _walk(self, segments: list[bytes]) -> tuple[_Node[T], tuple[bytes, ...]]:
        found = _descend(self._root, segments, index=0)
        if found is None:
            raise RouteNotFound()
        return found


def _walk_straight(node: _Node[T], segments: list[bytes]) -> tuple[_Node[T], tuple[bytes, ...]] | None:
    """The walk without a step back: literal where there is one, else template. Nearly every path ends here."""
    captured = []
    for segment in segments:
        literal = node.literals.get(segment)
        if literal is not None:
            node = literal
        elif node.template is not None and segment:
            captured.append(segment)
            node = node.template
        else:
            return None
    return (node, tuple(captured)) if node.methods else None


def _descend(node: _Node[T], segments: list[bytes], *, index: int) -> tuple[_Node[T], tuple[bytes, ...]] | None:
    """Depth first, literal before template, one step back where the literal leads nowhere."""
    if index == len(segments):
        return (node, ()) if node.methods else None
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _descend(literal, segments, index=index + 1)
        if found is not None:
            return found
    if node.template is not None and segment:
        found = _descend(node.template, segments, index=index + 1)
        if found is not None:
            return found[0], (segment, *found[1])
    return None
