"""What the page about PostgreSQL says is what happens, on a server of the tests' own."""

import asyncio
import signal
from pathlib import Path

import asyncpg

from tests import postgres
from tests.docs.snippets import ROOT, run, snippets
from tests.faults.clients import RecordingClient
from tests.faults.history import History
from tests.live import LiveServer

PAGE = ROOT / "docs" / "postgresql.md"
ADDRESS = "postgresql://sojourn:...@db.example.org/sojourn?sslmode=verify-full"
SECRET = "a-secret-of-at-least-thirty-two-bytes!"

TABLES_OUT_OF_REACH = """
    SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    AND NOT (has_table_privilege('guide_server', oid, 'SELECT') AND has_table_privilege('guide_server', oid, 'INSERT')
    AND has_table_privilege('guide_server', oid, 'UPDATE') AND has_table_privilege('guide_server', oid, 'DELETE'))
    ORDER BY 1
"""
"""Tables that the server's role may not both read and write."""
OF_A_REPLICA = 1
"""Snippets about a replica: `tests/faults/test_failover.py` runs these commands."""
ELSEWHERE = {
    ("commands.md", "text"),  # what commands print about themselves
    ("faults.md", "sh"),  # runs the fault suite itself
    ("on-call.md", "sh"),  # the same lines as in the guide for operators, where they are run
    ("security.md", "text"),  # a setting
    ("traces.md", "sh"),  # needs a receiver: tests/observability/test_spans.py has one
    ("upgrading.md", "text"),  # what a command prints
    ("versioning.md", "text"),  # for a release that is published; tests/release compares the checksums
}


async def execute(url: str, statements: str) -> list[str]:
    """Run the statements one after the other on one connection; what the server said to each."""
    connection = await asyncpg.connect(url)
    try:
        return [await connection.execute(part) for part in statements.split(";") if part.strip()]
    finally:
        await connection.close()


def test_the_snippets_of_the_page_set_a_database_up_serve_it_and_ask_it(tmp_path: Path) -> None:
    found = [snippet.text for snippet in snippets(PAGE) if snippet.language == "sql"]
    (setup,) = (text for text in found if "CREATE DATABASE" in text)
    (server_role,) = (text for text in found if "CREATE ROLE sojourn_server" in text)
    (query,) = (text for text in found if "SELECT count" in text)
    assert len(found) == len({setup, query, server_role}) + OF_A_REPLICA
    with postgres.cluster() as server:
        setup = setup.replace("ROLE sojourn", "ROLE guide").replace(
            "DATABASE sojourn OWNER sojourn", "DATABASE guide OWNER guide"
        )
        asyncio.run(execute(server.url("postgres", "postgres"), setup))
        url = server.url("guide", "guide")

        real = {ADDRESS: url, "SOJOURN_REFRESH_SECRET=...": f"SOJOURN_REFRESH_SECRET={SECRET}"}
        assert list(run(PAGE, tmp_path, real, SOJOURN_JWT_SECRET=SECRET)) == []
        assert asyncio.run(execute(url, query)) == ["BEGIN", "SET", "SELECT 1", "COMMIT"]

        grants = server_role.replace("sojourn_server", "guide_server").replace("FOR ROLE sojourn ", "FOR ROLE guide ")
        asyncio.run(execute(server.url("guide", "postgres"), grants))
        serve_as_the_role_that_owns_nothing(server, tmp_path)
        asyncio.run(execute(url, "CREATE TABLE of_the_next_release (id text)"))
        assert server.command(TABLES_OUT_OF_REACH, "guide") == [("alembic_version",), ("migration_steps",)]


def serve_as_the_role_that_owns_nothing(server: postgres.Cluster, folder: Path) -> None:
    """Every kind of write, and nothing that the server refuses for want of a grant."""
    live = LiveServer(folder, SOJOURN_DATABASE_URL=server.url("guide", "guide_server"), SOJOURN_REFRESH_SECRET=SECRET)
    client = RecordingClient(live.port, "acme", "ann", History())
    held = client.create()
    assert held is not None
    client.touch(held)
    client.refresh(held)
    client.revoke(held)
    assert client.check(held) == "revoked"
    client.close()
    assert live.stop() in (0, -signal.SIGTERM)
    log = live.log.read_text()
    assert "permission denied" not in log, log


def test_no_other_page_holds_a_snippet_that_would_have_to_be_run() -> None:
    others = [page for page in (ROOT / "docs").glob("*.md") if page != PAGE]

    assert others
    found = {(page.name, snippet.language) for page in others for snippet in snippets(page) if snippet.language}
    assert found == ELSEWHERE
    run_there = (ROOT / "docs" / "guides" / "operations").with_suffix(".md").read_text("utf-8")
    assert all(snippet.text in run_there for snippet in snippets(ROOT / "docs" / "on-call.md"))
