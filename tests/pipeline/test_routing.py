"""Routing takes the path as it was sent: nothing is decoded, joined or redirected."""

import pytest

from sojourn.pipeline.routing import Router
from sojourn.problems.http_errors import MethodNotAllowed, RouteNotFound


@pytest.fixture
def router() -> Router[str]:
    router: Router[str] = Router("/base/")
    router.add("GET", "/sessions/{id}", value="one")
    router.add("DELETE", "/sessions/{id}", value="end")
    router.add("GET", "/sessions/all", value="all")
    router.add("GET", "/sessions/{id}/usage", value="usage")
    router.add("GET", "/sessions/all/only", value="only")
    return router


@pytest.mark.parametrize(
    ("path", "value", "captured"),
    [
        (b"/base/sessions/all", "all", ()),
        (b"/base/sessions/x", "one", (b"x",)),
        (b"/base/sessions/a%2Fb", "one", (b"a%2Fb",)),
        (b"/base/sessions/all/usage", "usage", (b"all",)),
        (b"/base/sessions/all/only", "only", ()),
    ],
)
def test_literals_win_and_templates_capture_raw_bytes(
    router: Router[str], path: bytes, value: str, captured: tuple[bytes, ...]
) -> None:
    assert router.find("GET", path) == (value, captured)


@pytest.mark.parametrize(
    "path",
    [b"/sessions/x", b"/base/sessions/", b"/base/sessions", b"/base/sessions/x/", b"/base//sessions/x", b"/base", b"*"],
)
def test_any_other_path_is_not_found(router: Router[str], path: bytes) -> None:
    with pytest.raises(RouteNotFound):
        router.find("GET", path)


def test_another_method_is_told_all_that_the_path_has(router: Router[str]) -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        router.find("HEAD", b"/base/sessions/x")

    assert refusal.value.params == {"allow": "DELETE, GET"}


def test_a_question_to_the_whole_server_is_told_all_methods_of_all_paths(router: Router[str]) -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        router.find("OPTIONS", b"*")

    assert refusal.value.params == {"allow": "DELETE, GET"}
