"""A small application that notes in the folder `NOTES` which of its processes a SIGHUP has reached."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any


async def _serve(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        return
    await receive()
    notes = Path(os.environ["NOTES"])
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, (notes / f"told-{os.getpid()}").touch)
    (notes / f"began-{os.getpid()}").touch()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def application() -> Any:
    """What each worker process calls."""
    return _serve


def prepared() -> Any:
    """The same, where workers are forked."""
    return application
