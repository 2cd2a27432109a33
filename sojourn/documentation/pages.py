"""What the handlers of the documentation use."""

from sojourn.documentation import scalar
from sojourn.documentation.front import front_html, front_json
from sojourn.documentation.reference import FilledIn, reference_page
from sojourn.problems.pages import HTML, MARK, index_html


class Documentation:
    """The front page and those below `/docs`; `prefix` stands before every link that programs are given.

    `filled_in` is what the reference's requests are made with before anybody has written anything: nothing, but in a
    demo.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.filled_in: FilledIn | None = None

    def front(self, locale: str, media_type: str) -> bytes:
        """The front page, as HTML in the locale's language or as JSON."""
        return front_html(locale) if media_type == HTML else front_json(self._prefix)

    def mark(self) -> bytes:
        """The mark of the pages, an SVG."""
        return MARK.encode()

    def reference(self, locale: str) -> tuple[bytes, bytes]:
        """The reference, with its head in the locale's language, and its Content-Security-Policy."""
        return reference_page(locale, self.filled_in)

    def script(self) -> bytes:
        """The script of the reference."""
        return scalar.script()

    def script_hash(self) -> str:
        """What the address of the script says of it."""
        return scalar.script_hash()

    def problems(self, locale: str) -> bytes:
        """Every problem type, in the locale's language."""
        return index_html(locale, "../").encode()
