"""The figures of each upgrade, printed at the end."""

import pytest

LINES = pytest.StashKey[list[str]]()
HEAD = (
    "| upgrade | engine | acknowledged | refused | unknown | wrong answers | rows compared | rows changed"
    " | migrations killed | longest gap |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LINES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[LINES]:
        terminalreporter.write_line(HEAD)
        for line in config.stash[LINES]:
            terminalreporter.write_line(line)
