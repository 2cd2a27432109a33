"""The TypeScript verifier as a witness: a process of Node that verifies tokens all the time."""

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests import node
from tests.clients.typescript import PACKAGE

_PROGRAM = Path(__file__).parent / "witness.mjs"


class NodeWitness:
    """What `tests.clients.witness.Witness` is, for `@sojourn/verify`. Ends with `close`."""

    def __init__(self, url: str, api_key: str, *, max_staleness: float, off_by: float = 0) -> None:
        dist = PACKAGE / "dist/index.js"
        command = [node.program(), str(_PROGRAM), str(dist), url, api_key, str(max_staleness), str(off_by)]
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            command, env=os.environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def watch(self, token: str) -> None:
        self._ask({"watch": token})

    def verified(self, token: str) -> str:
        """What the verifier has against a token, `good` for nothing, `Stale` where it does not know."""
        said: str = self._ask({"verify": token})
        return said

    def metrics(self) -> dict[str, float]:
        """The verifier's own numbers."""
        found: dict[str, float] = self._ask({"report": True})["metrics"]
        return found

    def longest(self, ended_at: dict[str, float]) -> float:
        """The longest that a token was accepted after its end, in seconds."""
        accepted = self._ask({"report": True})["acceptedAt"]
        return max((accepted[token] - ended for token, ended in ended_at.items() if token in accepted), default=0.0)

    def _ask(self, what: dict[str, Any]) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=60)
