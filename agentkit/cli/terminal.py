"""Text of models, tools and documents made safe for a terminal, and the streams it is written to."""

import re
import sys

__all__ = ["escape_json", "prepare_streams", "visible"]

# C0 without tab and line feed, DEL, C1 (U+009B begins an escape sequence as ESC [ does), marks that reorder what is read.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text with every character that could command a terminal written out; line breaks and tabs stay.

    >>> print(visible("\x1b[2Jgone"))
    \x1b[2Jgone
    """
    return _UNSAFE.sub(_written_out, text.replace("\r\n", "\n"))


def escape_json(text: str) -> str:
    """JSON text with the same characters as `\\u` escapes; they occur in strings only, so the data are unchanged."""
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def prepare_streams() -> None:
    """Let no character that a stream cannot encode end a run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
