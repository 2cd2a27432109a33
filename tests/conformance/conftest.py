"""Which of these tests run one after another in one process, and which processes begin with the longest."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay together, but those of our own server, each of which has servers of its own, come first.

    Most of such a test is waiting: for deadlines of a server, for processes that start.
    """
    items.sort(key=lambda item: item.path.name != "test_own_server.py")
    for item in items:
        group = item.name if item.path.name == "test_own_server.py" else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))
