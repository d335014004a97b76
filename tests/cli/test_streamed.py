"""Citations are shortened while they stream, whatever the pieces are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.cli.streamed import StreamedText
from agentkit.contract import parse_citations, write_citation


def _whole(pieces: list[str]) -> str:
    text = StreamedText()
    shown = "".join(text.add(piece) for piece in pieces) + text.rest()
    assert text.shown == shown
    return shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('It has 36 beds [1: "Beds: 36"].', "It has 36 beds [1]."),
        ('Two [1: "a ] b"] and [12: "say \\"x\\""]', "Two [1] and [12]"),
        ("a[0] = b[i] [see below]", "a[0] = b[i] [see below]"),
        ('unfinished [1: "Beds', 'unfinished [1: "Beds'),
        ("[[1", "[[1"),
        ('[1: "]', '[1: "]'),
    ],
)
def test_only_whole_citations_are_shortened(text: str, shown: str) -> None:
    assert _whole([text]) == shown
    assert _whole(list(text)) == shown


def test_text_before_a_citation_is_shown_at_once() -> None:
    assert StreamedText().add("It has 36 beds [1") == "It has 36 beds "


TEXT = st.text(alphabet='ab[]:" \\\n1', max_size=8)
CITATION = st.builds(write_citation, st.integers(1, 99), st.text(max_size=8))


@given(st.lists(st.one_of(TEXT, CITATION), max_size=6))
def test_streamed_text_is_the_text_of_the_answer(parts: list[str]) -> None:
    text = "".join(parts)
    assert "".join(_whole(list(text)).split()) == "".join(parse_citations(text)[0].split())
