"""A process that serves requests from PostgreSQL in turns: `python turns.py`, one turn for each line of its input.

A line says `OPERATION NUMBER CALLERS`. It is answered with microseconds a request, of the clock and of this process's
CPU. It runs on the tree that `PYTHONPATH` names, which may be an older one, so it imports nothing of this repository
but `sojourn`, and what stands in the folder of `benchmarks/instructions`.
"""

import asyncio
import json
import logging
import os
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "instructions"))
import served as wire

USERS = 500
WARM_UP = 100
_turns = count()


async def caller(connection: Any, operation: str, number: int) -> None:
    """So many requests, one after the other."""
    for _ in range(number):
        user = f"usr_{next(_turns) % USERS}"
        if operation == "create":
            await connection.ask(wire._create(user))
        else:
            path = f"/internal/session/sessions/{user}/active"
            await connection.ask(wire._request("GET", path, headers=wire._INTERNAL))


async def turns() -> None:
    """Start the service and serve what is asked for."""
    protocols = await wire.started()
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).split():
        operation, number, callers = line[0], int(line[1]), int(line[2])
        connections = [wire.Connection(protocols()) for _ in range(callers)]
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(caller(connection, operation, number // callers) for connection in connections))
        spent = time.perf_counter() - began, time.process_time() - cpu
        print(json.dumps([seconds / number * 1e6 for seconds in spent]), flush=True)


if __name__ == "__main__":
    os.environ |= {
        "SOJOURN_INTERNAL_API_KEYS": wire.API_KEY,
        "SOJOURN_JWT_SECRET": wire.SECRET,
        "SOJOURN_RESPONSE_VALIDATION": "off",
        "SOJOURN_LOG_LEVEL": "error",
        "SOJOURN_DATABASE_POOL": "16",
    }
    logging.disable(logging.CRITICAL)
    uvloop.run(turns())
    os._exit(0)  # what a process does at its end is no part of a request
