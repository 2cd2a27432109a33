"""One server, one filling, one run of each profile: what the checks of this folder look at."""

import json
import os
import random
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.data import fill
from conformance.runner import Run, run
from conformance.server import OwnServer, Target

CI_SEED = 20260421
EXAMPLES = 60
CHAINS_PER_EXAMPLE = 25
"""There are dozens of links, and each chain follows a few of them."""


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
    many = examples * CHAINS_PER_EXAMPLE
    return run(target, fill(target), reports / "chains", profile="chains", seed=seed, examples=many)


@pytest.fixture(scope="session")
def renewals_run(target: Target, reports: Path, seed: int, examples: int, chains_run: Run) -> Run:
    """Links only, from the operations that begin with a refresh token."""
    return run(target, fill(target), reports / "renewals", profile="renewals", seed=seed, examples=examples)


@pytest.fixture(scope="session")
def isolation_run(target: Target, reports: Path, seed: int, examples: int, renewals_run: Run) -> Run:
    """As two tenants whose rows must never meet."""
    return run(target, fill(target), reports / "isolation", profile="isolation", seed=seed, examples=examples)
