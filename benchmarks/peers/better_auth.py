"""better-auth's own tables filled from the dataset, and the cookies its users would hold."""

import base64
import hashlib
import hmac
import os
import sqlite3
import subprocess
from pathlib import Path
from urllib.parse import quote

from benchmarks import dataset
from benchmarks.callers import JWT_SECRET
from benchmarks.databases import settle
from benchmarks.dataset import Session

_NODE = Path(__file__).parent / "node"


def fill_better_auth_database(path: Path) -> None:
    """Make the tables with better-auth's own migration and fill them: every session in it, one row per user."""
    environment = {
        **os.environ,
        "NODE_ENV": "production",
        "BENCHMARK_DATABASE": str(path),
        "BENCHMARK_JWT_SECRET": JWT_SECRET,
        "BENCHMARK_PORT": "1",
    }
    subprocess.run(["node", "better_auth_tables.js"], cwd=_NODE, env=environment, check=True)
    connection = sqlite3.connect(path)
    with connection:
        for user in range(dataset.USERS):
            sessions = dataset.sessions_of(user)
            connection.execute('INSERT INTO "user" VALUES (?, ?, ?, 1, NULL, ?, ?)', _user(sessions[0]))
            connection.executemany(
                'INSERT INTO "session" VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
                [_row(session) for session in sessions],
            )
    settle(connection)


def cookie(user: int) -> str:
    """The signed cookie of a user's newest session, as better-auth sets it."""
    token = _token(dataset.sessions_of(user)[-1])
    signature = base64.b64encode(hmac.digest(JWT_SECRET.encode(), token.encode(), hashlib.sha256)).decode()
    return f"better-auth.session_token={quote(f'{token}.{signature}', safe='')}"


def _user(session: Session) -> tuple[str, ...]:
    identity = session.user_id
    return (identity, identity, f"{identity}@example.com", session.created_at, session.created_at)


def _row(session: Session) -> tuple[str, ...]:
    return (
        session.id,
        session.expires_at,
        _token(session),
        session.created_at,
        session.last_active_at,
        session.ip,
        session.user_agent,
        session.user_id,
    )


def _token(session: Session) -> str:
    return hashlib.sha256(session.id.encode()).hexdigest()[:32]
