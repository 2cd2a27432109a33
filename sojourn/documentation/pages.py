"""What the program lends to the handlers of the documentation."""

from sojourn.documentation import scalar
from sojourn.documentation.catalogue import catalogue_page
from sojourn.documentation.reference import reference_page


class Documentation:
    """The pages below `/docs`; each is made, or read, when it is first asked for."""

    def reference(self) -> tuple[bytes, bytes]:
        """The reference and its Content-Security-Policy."""
        return reference_page()

    def script(self) -> bytes:
        """The script of the reference."""
        return scalar.script()

    def problems(self, locale: str) -> bytes:
        """Every problem type, in the locale's language."""
        return catalogue_page(locale)
