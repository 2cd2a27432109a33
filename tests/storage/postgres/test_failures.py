"""Which failures of the server are tried again, and what a request is told in the end."""

import asyncpg
import pytest

from sojourn.domain.errors import Unavailable
from sojourn.storage.postgres.failures import CONFLICT_RETRIES, retries, unavailable

MOVED = asyncpg.InternalServerError("could not find valid entry for shard 102058")
LOST = asyncpg.ConnectionFailureError("connection to the remote node worker:5432 failed")


@pytest.mark.parametrize(
    ("error", "again"), [(MOVED, CONFLICT_RETRIES), (LOST, 1), (asyncpg.SerializationError("x"), CONFLICT_RETRIES)]
)
def test_what_a_cluster_says_of_a_tenant_that_moves_or_is_lost_is_tried_again_and_then_503(
    error: Exception, again: int
) -> None:
    assert retries(error) == again
    assert isinstance(unavailable(error), Unavailable)


def test_another_internal_error_of_the_server_is_ours_to_look_at() -> None:
    error = asyncpg.InternalServerError("could not find a plan")

    assert retries(error) == 0
    assert unavailable(error) is error
