"""What the guides say is what happens: every snippet is run, every answer shown is compared."""

import itertools
from pathlib import Path

import pytest

from tests.docs.snippets import ROOT, missing, run, snippets

DOCS = ROOT / "docs"
GUIDES = sorted((DOCS / "guides").glob("*.md"))
RUN = {"sh", "python"}
COMPARED = {"json"}
RUN_BY_THE_DRILL = {"backup-and-restore": {"bash", "ini"}}
"""Languages of snippets that need a server of PostgreSQL: `tests/backups` runs them."""


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.stem))
def test_the_snippets_of_a_guide_run_and_answer_as_shown(guide: Path, tmp_path: Path) -> None:
    assert list(run(guide, tmp_path)) == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.stem))
def test_a_guide_holds_no_snippet_that_is_not_run(guide: Path) -> None:
    found = snippets(guide)

    assert {snippet.language for snippet in found} <= RUN | COMPARED | RUN_BY_THE_DRILL.get(guide.stem, set())
    assert RUN & {snippet.language for snippet in found}
    for before, snippet in itertools.pairwise(found):
        assert snippet.language not in COMPARED or before.language in RUN


def test_a_page_that_is_wrong_is_found(tmp_path: Path) -> None:
    failing, lying = tmp_path / "failing.md", tmp_path / "lying.md"
    failing.write_text("```sh\nsojourn no-such-command\n```\n", "utf-8")
    lying.write_text('```sh\necho \'{"a": 1}\'\n```\n\n```json\n{"a": 2}\n```\n', "utf-8")

    assert "no-such-command" in "".join(run(failing, tmp_path))
    assert list(run(lying, tmp_path)) == ["answer 1.a: 2 is shown, 1 came"]
    assert list(missing({"a": [1]}, {"a": []}, "it")) == ["it.a: [1] is shown, [] came"]
    assert list(missing({"a": "…"}, {"a": "x", "b": 2}, "it")) == []
