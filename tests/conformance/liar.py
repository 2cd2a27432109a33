"""A server with one deliberate defect: the same application, but `session_count` is answered as text.

`python -m tests.conformance.liar serve --port N` serves it; every other command is Sojourn's own.
"""

import json
import os
import sys
from typing import Any

import uvicorn

from sojourn.app import create_app
from sojourn.cli import main
from sojourn.settings import Settings


class WrongType:
    """Answers `"session_count": "3"` where the contract promises an integer."""

    def __init__(self) -> None:
        self._app = create_app(Settings.from_env(os.environ))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not scope.get("path", "").endswith("/active"):
            await self._app(scope, receive, send)
            return
        start: dict[str, Any] = {}

        async def lie(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body = json.loads(message["body"])
            if "session_count" in body:
                body["session_count"] = str(body["session_count"])
            text = json.dumps(body).encode()
            headers = [(key, value) for key, value in start["headers"] if key != b"content-length"]
            await send({**start, "headers": [*headers, (b"content-length", b"%d" % len(text))]})
            await send({**message, "body": text})

        await self._app(scope, receive, lie)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvicorn.run(WrongType(), port=int(sys.argv[3]), log_level="warning")
    else:
        main()
