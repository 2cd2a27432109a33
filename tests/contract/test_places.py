"""A finding in the bundle is shown where somebody wrote it: file and line of the fragment."""

from pathlib import Path

import pytest

import sojourn.openapi
from sojourn.openapi.places import Places

FOLDER = Path(next(iter(sojourn.openapi.__path__)))
SESSIONS = "components/schemas/sessions.yaml"
ABSENCE = "components/responses/absence_problems.yaml"
SCHEMES = "components/securitySchemes/schemes.yaml"
LIVENESS = "paths/everybody/liveness.yaml"


@pytest.fixture(scope="module")
def places() -> Places:
    return Places()


@pytest.mark.parametrize(
    ("pointer", "file", "text"),
    [
        ("#/info/license/name", "openapi.yaml", "    name: Apache-2.0"),
        ("#/tags/4", "openapi.yaml", "  - name: sessions"),
        ("#/paths/~1health~1live", "openapi.yaml", "  /health/live:"),
        ("#/paths/~1health~1live/get/tags", LIVENESS, "  tags:"),
        ("#/paths/~1health~1live/get/no/such/thing", LIVENESS, "get:"),
        ("#/components/schemas/SessionResponse", SESSIONS, "SessionResponse:"),
        ("#/components/schemas/SessionResponse/properties/status/enum/1", SESSIONS, "        - suspended"),
        ("#/components/schemas/NoSuchThing/type", "openapi.yaml", "  schemas:"),
        ("#/paths/~1sessions~1{session_id}/get/responses/404/content", ABSENCE, "  content:"),
        ("#/components/securitySchemes/apiKeyAuth/in", SCHEMES, "  in: header"),
    ],
)
def test_a_pointer_leads_to_the_line_of_its_key(places: Places, pointer: str, file: str, text: str) -> None:
    found, _, line = places.of(pointer).rpartition(":")

    assert found == file
    assert (FOLDER / file).read_text("utf-8").splitlines()[int(line) - 1] == text
