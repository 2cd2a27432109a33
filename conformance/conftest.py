"""One server, one filling, one run of each profile: what the checks of this folder look at."""

import json
import os
import random
import re
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance.data import fill
from conformance.gate import unfollowed_links
from conformance.runner import Run, run
from conformance.server import OwnServer, Target

CI_SEED = 20260421
EXAMPLES = 60
CHAINS = 3
"""Chains for an example: there are dozens of links, and each chain follows a few of them."""
ATTEMPTS = 4
"""Which links a chain follows is drawn. A link that no chain happened to follow is given another seed."""


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of the run: fixed unless `CONFORMANCE_SEED` says otherwise (`random` draws one)."""
    wanted = os.environ.get("CONFORMANCE_SEED", str(CI_SEED))
    chosen = random.SystemRandom().randrange(2**32) if wanted == "random" else int(wanted)
    print(f"\nconformance seed: {chosen} (repeat with CONFORMANCE_SEED={chosen})")
    return chosen


@pytest.fixture(scope="session")
def examples() -> int:
    """Test cases for an operation and phase."""
    return int(os.environ.get("CONFORMANCE_EXAMPLES", EXAMPLES))


@pytest.fixture(scope="session")
def reports() -> Path:
    """Where the reports go."""
    folder = Path(os.environ.get("CONFORMANCE_REPORTS", "reports/conformance")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> OwnServer:
    return OwnServer(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="session")
def target(own_server: OwnServer) -> Iterator[Target]:
    with own_server as started:
        yield started


@pytest.fixture(scope="session")
def contract(target: Target) -> dict[str, Any]:
    """The contract as the server serves it."""
    with urllib.request.urlopen(f"{target.url}/openapi.json", timeout=10) as response:
        document: dict[str, Any] = json.load(response)
        return document


@pytest.fixture(scope="session")
def main_run(target: Target, reports: Path, seed: int, examples: int) -> Run:
    """All phases and all checks, as one tenant."""
    return run(target, fill(target), reports / "main", profile="main", seed=seed, examples=examples)


@pytest.fixture(scope="session")
def chains_run(target: Target, reports: Path, seed: int, examples: int, main_run: Run) -> Run:
    """Links only, from the operations that create something; after the main run, on the same server."""
    return run(target, fill(target), reports / "chains", profile="chains", seed=seed, examples=examples * CHAINS)


@pytest.fixture(scope="session")
def runs(
    target: Target, reports: Path, seed: int, examples: int, contract: dict[str, Any], main_run: Run, chains_run: Run
) -> list[Run]:
    """Both, and a run for each operation with a link that neither of them followed to a success."""
    done = [main_run, chains_run]
    for attempt in range(ATTEMPTS):
        for source in sorted({link.partition(" -> ")[0] for link in unfollowed_links(done, contract)}):
            folder = reports / "links" / "-".join(filter(None, re.split(r"\W+", source))) / str(attempt)
            again = partial(run, profile="links", source=source, seed=seed + attempt, examples=examples * CHAINS)
            done.append(again(target, fill(target), folder))
    return done


@pytest.fixture(scope="session")
def isolation_run(target: Target, reports: Path, seed: int, examples: int, runs: list[Run]) -> Run:
    """As two tenants whose rows must never meet."""
    return run(target, fill(target), reports / "isolation", profile="isolation", seed=seed, examples=examples)
