"""Problem pages: one for each type, for people and programs, standing alone."""

import json
from html.parser import HTMLParser

import pytest

from sojourn.openapi.loader import load_bundle
from sojourn.problems import documents, i18n, pages

HTML, JSON = "text/html", "application/json"
PAGES = pages.Pages("")


class Reader(HTMLParser):
    """Collects what a page refers to, and whether its tags are balanced."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link"):
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def frame(root: str, locale: str) -> list[str]:
    """What every page refers to in its head: the mark, its content, the other pages, the other languages."""
    languages = [f"?language={other}" for other in i18n.LOCALES]
    pages = [f"{path}?language={locale}" for path in (root or "./", f"{root}docs", f"{root}docs/problems")]
    return [f"{root}favicon.ico", "#content", *pages, *languages]


@pytest.mark.parametrize("locale", i18n.LOCALES)
@pytest.mark.parametrize("slug", documents.BY_SLUG)
def test_every_type_has_a_page_in_every_language(slug: str, locale: str) -> None:
    page = PAGES.page(slug, locale, media_type=HTML)
    assert page is not None
    text = page.decode()
    reader = Reader(text)

    assert reader.open == []
    assert reader.links == [*frame("../", locale), f"../docs/problems?language={locale}"]
    assert str(documents.BY_SLUG[slug].code) in text
    assert f'lang="{locale}"' in text
    assert "<script" not in text


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_the_index_leads_to_every_page(locale: str) -> None:
    reader = Reader(PAGES.index(locale, HTML).decode())

    assert reader.open == []
    assert sorted(reader.links) == sorted(
        (
            *frame("", locale),
            *(f"problems/{slug}?language={locale}" for slug in documents.BY_SLUG),
            *(f"#{slug}" for slug in documents.BY_SLUG),
        )
    )


def test_programs_get_the_same_facts_as_json() -> None:
    page = PAGES.page("token-expired", "en", media_type=JSON)
    assert page is not None
    index = json.loads(PAGES.index("en", JSON))

    assert json.loads(page) in index["items"]
    assert index["total"] == len(index["items"]) == len(documents.BY_SLUG)
    assert [item["code"] for item in index["items"]] == sorted(item["code"] for item in index["items"])


def test_json_pages_have_the_fields_of_the_contract() -> None:
    promised = load_bundle()["components"]["schemas"]["ProblemType"]["properties"]

    assert set(pages.page_json("internal", "en")) == set(promised)


def test_an_unknown_type_has_no_page() -> None:
    assert PAGES.page("no-such-type", "en", media_type=HTML) is None


def test_types_are_absolute_when_the_public_url_is_known() -> None:
    page = pages.page_json("internal", "en", prefix="https://id.example")

    assert page["type"] == "https://id.example/problems/internal"


def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    policy = pages.CONTENT_SECURITY_POLICY

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "\n" not in policy
