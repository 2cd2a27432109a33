"""What every check is given."""

import pytest

from conformance.plugin import WORLD
from conformance.world import World


@pytest.fixture
def world(pytestconfig: pytest.Config) -> World:
    """The server under judgement."""
    return pytestconfig.stash[WORLD]
