"""What the program lends to the handlers of the documentation."""

from sojourn.documentation import scalar
from sojourn.documentation.catalogue import catalogue_page
from sojourn.documentation.front import front_html, front_json
from sojourn.documentation.reference import reference_page
from sojourn.problems.pages import HTML, MARK


class Documentation:
    """The front page and those below `/docs`; `prefix` stands before every link that programs are given."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def front(self, locale: str, media_type: str) -> bytes:
        """The front page, as HTML in the locale's language or as JSON."""
        return front_html(locale) if media_type == HTML else front_json(self._prefix)

    def mark(self) -> bytes:
        """The mark of the pages, an SVG."""
        return MARK.encode()

    def reference(self) -> tuple[bytes, bytes]:
        """The reference and its Content-Security-Policy."""
        return reference_page()

    def script(self) -> bytes:
        """The script of the reference."""
        return scalar.script()

    def problems(self, locale: str) -> bytes:
        """Every problem type, in the locale's language."""
        return catalogue_page(locale)
