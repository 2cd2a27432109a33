"""What every check is given."""

import pytest

from sojourn.conformance.plugin import WORLD
from sojourn.conformance.world import World


@pytest.fixture
def world(pytestconfig: pytest.Config) -> World:
    """The server under judgement."""
    return pytestconfig.stash[WORLD]
