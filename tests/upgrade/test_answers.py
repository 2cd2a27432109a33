"""What the service of 0.1.0 said of each session, token and device of a tenant, the present one says too.

`answers_0001.json` is what a process of 0.1.0 answered, with the instant; `answers_0001.sql` is its SQLite file.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.clock import from_text
from sojourn.settings import Settings
from sojourn.storage import engines
from tests.http.conftest import API_KEY, JWT_SECRET, REFRESH_SECRET, Client, FrozenClock
from tests.postgres import Cluster
from tests.upgrade.questions import QUIET, Question, contradictions
from tests.upgrade.released import HERE, filled

RECORDED = json.loads((HERE / "answers_0001.json").read_text("utf-8"))


@pytest.fixture
def migrated(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The database of 0.1.0 at the present schema, its upgrade ended."""
    server: Cluster | None = request.getfixturevalue("cluster") if engine == "postgresql" else None
    with filled(HERE / "answers_0001.sql", tmp_path, cluster=server) as (url, _):
        asyncio.run(engines.migrate(url, contract=True))
        yield url


@pytest.fixture
def client(migrated: str) -> Iterator[Client]:
    """The present program on it, at the instant of the answers."""
    clock = FrozenClock()
    clock.now = from_text(RECORDED["at"])
    settings = {
        "SOJOURN_DATABASE_URL": migrated,
        "SOJOURN_REFRESH_SECRET": REFRESH_SECRET,
        "SOJOURN_INTERNAL_API_KEYS": API_KEY,
        "SOJOURN_JWT_SECRET": JWT_SECRET,
        "SOJOURN_RESPONSE_VALIDATION": "enforce",
    }
    started = Client(Settings.from_env(settings), clock)
    yield started
    started.close()


def ask(client: Client, question: Question) -> tuple[int, Any]:
    """What the present program says."""
    send = client.internal if question.as_service else client.as_admin
    body = {} if question.body is None else {"json": question.body}
    answer = send(question.method, question.path, QUIET, **body)
    return answer.status_code, answer.json()


def test_every_answer_of_the_first_release_still_holds(client: Client) -> None:
    found = [
        line
        for *asked, status, document in RECORDED["answers"]
        for line in contradictions((status, document), ask(client, Question(*asked)), question=Question(*asked))
    ]

    assert not found, found


def test_the_answers_are_about_every_state_that_a_session_a_token_and_a_device_can_be_in() -> None:
    """Or the test above would show little."""
    documents = [document for *_, document in RECORDED["answers"]]
    sessions = Counter(one["session"]["status"] for one in documents if "session" in one)
    tokens = Counter(one.get("active") for one in documents if "active" in one)
    reasons = {one["session"].get("revoke_reason") for one in documents if "session" in one}

    assert min(sessions["active"], sessions["revoked"]) >= 3
    assert min(tokens[True], tokens[False]) >= 10
    assert "refresh_token_reuse" in reasons
    assert sum("device_fingerprint" in item for one in documents for item in one.get("items", [])) >= 3
