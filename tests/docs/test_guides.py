"""What the guides say is what happens: every snippet is run, every answer shown is compared."""

import itertools
import re
from pathlib import Path

import pytest

from tests.docs.snippets import ROOT, missing, run, snippets
from tests.live import free_port

DOCS = ROOT / "docs"
GUIDES = sorted((DOCS / "guides").glob("*.md"))
RUN = {"sh", "python"}
COMPARED = {"json"}
DRAWN = {"mermaid"}
"""Pictures: the site draws them."""
RUN_BY_OTHERS = {
    "backup-and-restore": {"bash", "ini"},
    "browser-sessions": {"js", "py"},
    "gateways": {"nginx", "text", "yaml"},
    "python-client": {"bash", "py"},
    "typescript-client": {"bash", "ts"},
}
"""Languages of snippets that need a server of PostgreSQL, a provider, generators, Express, or proxies: `tests/backups`,
`tests/clients` (`test_browser_guide.py`, `test_round_trips.py`) and `tests/deploy` run them."""
ELSEWHERE = "bash"
"""Snippets that need what no test has, such as a cluster: the text before each says that it is not run, and why."""
PORTS = ("8081", "8082", "9464")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.stem))
def test_the_snippets_of_a_guide_run_and_answer_as_shown(guide: Path, tmp_path: Path) -> None:
    assert list(run(guide, tmp_path, {f"{port}": str(free_port()) for port in PORTS})) == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.stem))
def test_a_guide_holds_no_snippet_that_is_not_run(guide: Path) -> None:
    found = snippets(guide)

    drill = RUN_BY_OTHERS.get(guide.stem, set())
    assert {snippet.language for snippet in found} <= RUN | COMPARED | DRAWN | drill | {ELSEWHERE}
    assert drill or unexplained(guide.read_text("utf-8")) == []
    assert RUN & {snippet.language for snippet in found}
    for before, snippet in itertools.pairwise(found):
        assert snippet.language not in COMPARED or before.language in RUN


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.stem))
def test_a_snippet_holds_nothing_that_only_the_tests_know(guide: Path) -> None:
    text = "".join(snippet.text for snippet in snippets(guide))

    assert re.findall(r"^serve\b.*|.*\bserver\.pid\b.*", text, re.MULTILINE) == []
    assert "2>server.log" in text or "server.log" not in text


def unexplained(text: str) -> list[str]:
    """Snippets for elsewhere that no sentence since the last heading or snippet says of that they are not run."""
    parts = re.split(r"^ *(```\w*)\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    return [
        code
        for before, fence, code in zip(parts[::3], parts[1::3], parts[2::3], strict=False)
        if fence == f"```{ELSEWHERE}"
        and not re.search(
            r"\(not run here: [^()]+\)", " ".join(re.split(r"^#+ ", before, flags=re.MULTILINE)[-1].split())
        )
    ]


def test_a_snippet_for_elsewhere_that_does_not_say_so_is_found() -> None:
    said = "Do it (not run\nhere: no cluster):\n\n```bash\nkubectl x\n```\n"

    assert unexplained(said) == []
    assert unexplained(f"{said}\nAnd:\n\n```bash\nkubectl y\n```\n") == ["kubectl y\n"]
    assert unexplained("(not run here: no)\n\n# Title\n\n  ```bash\n  x\n  ```\n") == ["  x\n"]


def test_the_figures_of_the_guide_on_sizing_are_those_of_the_pages_that_it_names() -> None:
    rows = re.findall(
        r"^\| .+ \| ([0-9.,]+) \| \[\w+\]\((\S+)\) \|$", (DOCS / "guides/sizing.md").read_text("utf-8"), re.M
    )

    assert len(rows) > 10
    for figure, page in rows:
        cells = re.findall(r"[0-9][0-9.,]*", (DOCS / "guides" / page).read_text("utf-8"))
        assert figure in cells, (figure, page)


def test_a_page_that_is_wrong_is_found(tmp_path: Path) -> None:
    failing, lying = tmp_path / "failing.md", tmp_path / "lying.md"
    failing.write_text("```sh\nsojourn no-such-command\n```\n", "utf-8")
    lying.write_text('```sh\necho \'{"a": 1}\'\n```\n\n```json\n{"a": 2}\n```\n', "utf-8")

    assert "no-such-command" in "".join(run(failing, tmp_path))
    assert list(run(lying, tmp_path)) == ["answer 1.a: 2 is shown, 1 came"]
    assert list(missing({"a": [1]}, {"a": []}, "it")) == ["it.a: [1] is shown, [] came"]
    assert list(missing({"a": "…"}, {"a": "x", "b": 2}, "it")) == []
