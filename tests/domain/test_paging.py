"""Pages: together they are the list, each row on one of them."""

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.paging import Page, page_info, window_for

numbers = st.integers(1, 1000)
sizes = st.integers(1, 500)
totals = st.integers(0, 2000)


@given(sizes, totals)
def test_every_row_is_on_exactly_one_page_and_they_come_in_order(size: int, total: int) -> None:
    pages = [Page(number, size) for number in range(1, page_info(Page(1, size), total).total_pages + 1)]

    assert [row for page in pages for row in range(total)[page.offset :][: page.size]] == list(range(total))
    assert all(page.offset < total for page in pages)


@given(numbers, sizes, totals)
def test_there_is_a_next_page_exactly_where_rows_follow(number: int, size: int, total: int) -> None:
    page = Page(number, size)

    assert page_info(page, total).has_next == (page.offset + page.size < total)


@given(numbers, sizes, totals)
def test_there_is_a_previous_page_exactly_where_there_are_rows_before(number: int, size: int, total: int) -> None:
    page = Page(number, size)

    assert page_info(page, total).has_prev == (min(page.offset, total) > 0)


@given(numbers, sizes, totals)
def test_a_page_says_what_was_asked_for(number: int, size: int, total: int) -> None:
    info = page_info(Page(number, size), total)

    assert (info.page, info.page_size, info.total) == (number, size, total)


@given(st.integers(1, 10_000))
def test_a_response_looks_at_fifty_rows_for_each_that_it_may_show_at_least_1000_and_at_most_5000(size: int) -> None:
    assert window_for(size) == sorted((1_000, 50 * size, 5_000))[1]
