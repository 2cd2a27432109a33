"""Commands run on a database of made-up sessions."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from sojourn.cli import sojourn
from tests.postgres import Cluster

TENANT = ("--tenant", "tnt_0001")
SETTINGS = {"SOJOURN_REFRESH_SECRET": "a-secret-of-at-least-thirty-two-bytes!", "SOJOURN_LOG_FORMAT": "json"}


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(sojourn, arguments, env={**SETTINGS, "SOJOURN_DATABASE_URL": url})


def done(url: str, *arguments: str) -> Result:
    result = run(url, *arguments)
    assert result.exit_code == 0, result.output
    return result


def made_up(request: pytest.FixtureRequest, *command: str) -> Iterator[str]:
    """The URL of a database of the engine in `request.param`, on which the command `seed` ran that is given."""
    if request.param == "sqlite":
        folder = request.getfixturevalue("tmp_path_factory").mktemp("sessions")
        found = f"sqlite:///{folder}/sojourn.db"
        done(found, *command)
        yield found
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.create()
    done(cluster.url(name), *command)
    yield cluster.url(name)
    cluster.drop(name)
