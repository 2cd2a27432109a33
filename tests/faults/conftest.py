"""What every fault is made on: a service on an engine, users at work, and a line about what came of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.load import ENOUGH, Load
from tests.faults.services import Service
from tests.faults.verdicts import Verdict, judge

LINES = pytest.StashKey[list[str]]()
HEAD = "| fault | engine | acknowledged | refused | unknown | lost | longest gap |\n|---|---|---:|---:|---:|---:|---:|"
Experiment = Callable[[str, Service, Callable[[], None]], Verdict]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LINES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[LINES]:
        terminalreporter.write_line(HEAD)
        for line in config.stash[LINES]:
            terminalreporter.write_line(line)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services: `serve(database_url, workers=2, SOJOURN_DATABASE_POOL="2")`."""
    services: list[Service] = []

    def start(database_url: str, workers: int = 2, **settings: str) -> Service:
        services.append(Service(tmp_path, database_url, workers, **settings))
        return services[-1]

    yield start
    for service in services:
        service.stop()


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> Experiment:
    """Runs a fault under load, prints its line, and lets no broken promise pass."""

    def run(fault: str, service: Service, make_it: Callable[[], None]) -> Verdict:
        engine = "SQLite" if service.environ["SOJOURN_DATABASE_URL"].startswith("sqlite:") else "PostgreSQL"
        history = Load(service.port).run(make_it)
        verdict = judge(history)
        line = (
            f"| {fault} | {engine} | {verdict.acknowledged} | {verdict.refused} | {verdict.unknown} |"
            f" {verdict.lost} | {verdict.longest_gap:.1f} s |"
        )
        request.config.stash[LINES].append(line)
        print("\n" + line)
        broken = {kind: sentences[:5] for kind, sentences in verdict.broken.items() if sentences}
        assert not broken, broken
        assert "unexpected error" not in service.log.read_text()
        before = sum(c.outcome == "acknowledged" and c.ended < history.healed_at for c in history.calls)
        assert min(before, verdict.acknowledged - before) >= ENOUGH, "too little happened to tell anything"
        return verdict

    return run
