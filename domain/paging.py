"""Pages: where each begins, and the numbers that describe it."""

from dataclasses import dataclass

LOOKED_AT_FOR_EACH = 50
"""How many rows a response may look at for each one that it may show, where the filters have no index."""
FEWEST_LOOKED_AT, MOST_LOOKED_AT = 1_000, 5_000


def window_for(size: int) -> int:
    """How many rows a response looks at, at most, that may show `size` of them."""
    return min(max(LOOKED_AT_FOR_EACH * size, FEWEST_LOOKED_AT), MOST_LOOKED_AT)


@dataclass(frozen=True, slots=True)
class Page:
    """A page asked for: `number` counts from 1, `size` is at least 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.number - 1) * self.size

    def total(self, counted: int, found: int) -> int:
        """The total to show when `counted` rows were counted elsewhere and `found` rows are there.

        `found` counts the rows from this page's first on, one more than the page holds at most. The total never
        contradicts what is shown.
        """
        if found > self.size:
            return max(counted, self.offset + found)
        if found or self.number == 1:
            return self.offset + found
        return min(counted, self.offset)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What a response says about a page of a list of `total` rows. A page past the end is empty, not an error."""

    page: int
    page_size: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool


def page_info(page: Page, total: int) -> PageInfo:
    """The facts about `page` in a list of `total` rows."""
    pages = -(-total // page.size)
    return PageInfo(
        page=page.number,
        page_size=page.size,
        total=total,
        total_pages=pages,
        has_next=page.number < pages,
        has_prev=page.number > 1 and pages > 0,
    )
