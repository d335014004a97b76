"""Text from programs and from the web, made harmless for a terminal."""

import re

__all__ = ["neutral"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and line break, marks that turn the direction of text, halves of surrogate pairs."""


def neutral(text: str) -> str:
    r"""Write control characters as escapes, so that they are seen and not obeyed.

    >>> print(neutral("a\x1b[31mb\r\nc"))
    a\x1b[31mb
    c
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text.replace("\r\n", "\n"))
