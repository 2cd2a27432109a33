"""A cache of results for texts that clients send, bounded in bytes and in number."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

LONGEST = 256
"""What honest clients send again and again is shorter than so many characters; longer texts are not kept."""


def short_texts(*, maxsize: int, longest: int = LONGEST) -> Callable[[Function], Function]:
    """Remember the latest `maxsize` results of a function whose arguments are texts, or None.

    Only results about texts of up to `longest` characters, or bytes, are kept: `maxsize` times `longest` is the most
    that clients can make the process remember. Every other text is worked on each time.
    """

    def decorate(function: Function) -> Function:
        remembered = lru_cache(maxsize=maxsize)(function)

        @wraps(function)
        def answer(*texts: Any) -> Any:
            for text in texts:
                if text is not None and len(text) > longest:
                    return function(*texts)
            return remembered(*texts)

        return cast(Function, answer)

    return decorate
