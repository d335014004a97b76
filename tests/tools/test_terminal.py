"""No text from outside commands a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from agentkit.tools.terminal import neutral


def test_escape_sequences_are_shown() -> None:
    assert neutral("\x1b]0;title\x07\x9b31m") == "\\x1b]0;title\\x07\\x9b31m"


def test_line_ends_of_windows_are_line_breaks_and_lone_returns_are_shown() -> None:
    assert neutral("a\r\nb\rc\td") == "a\nb\\rc\td"


def test_marks_that_turn_text_round_are_shown() -> None:
    assert neutral("abc\u202edef") == "abc\\u202edef"


@given(st.text(st.characters()))
def test_what_is_left_can_be_written_and_obeys_nothing(text: str) -> None:
    clean = neutral(text)
    assert clean.encode() and all(character in "\n\t" or ord(character) >= 32 for character in clean) if text else clean == ""
    assert neutral(clean) == clean
