"""Chunks end at sentences and rows, never span headings unless they are short neighbours, and lose nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.retrieval.blocks import Block
from agentkit.retrieval.splitting import LIMIT, ROWS, TABLE_LIMIT, estimate_tokens, split, views

SENTENCE = "The keeper of the lower lock reads the gauge at seven and writes it down. "


def rows(count: int, width: int = 1, path: tuple[str, ...] = ()) -> list[Block]:
    return [
        Block(text=" | ".join(f"cell {number}" for _ in range(width)), row=number, header="a | b", path=path)
        for number in range(1, count + 1)
    ]


def test_long_prose_is_cut_at_sentences_into_parts_of_about_equal_size() -> None:
    chunks = split([Block(text=SENTENCE * 12, path=("Locks",))])
    sizes = [estimate_tokens(chunk.text) for chunk in chunks]
    assert all(chunk.text.endswith(".") for chunk in chunks) and max(sizes) <= LIMIT * 1.15 and min(sizes) > LIMIT / 3
    assert " ".join(chunk.text for chunk in chunks) == (SENTENCE * 12).strip()


def test_abbreviations_and_initials_end_no_sentence() -> None:
    text = "It was Dr. Vall of St. Osyth's, not Mr. J. Noakes, who paid in Sept. 1912. " * 8
    assert all(chunk.text.startswith("It was") for chunk in split([Block(text=text)]))


def test_a_paragraph_that_fits_is_not_cut() -> None:
    blocks = [Block(text=(SENTENCE * count).strip()) for count in (5, 6, 5)]
    assert [chunk.text for chunk in split(blocks)] == [block.text for block in blocks]


def test_sections_are_kept_apart_and_short_neighbours_are_joined_with_their_headings() -> None:
    chunks = split(
        [
            Block(text="The house.", path=("Inn",)),
            Block(text="Ten beds.", path=("Inn", "Beds")),
            Block(text="Soup.", path=("Inn", "Meals")),
            Block(text=SENTENCE * 6 + "Twice a day it is so.", path=("Inn", "Lock")),
            Block(text="Elsewhere.", path=("Barn",)),
        ]
    )
    assert [(chunk.text[:40], chunk.location) for chunk in chunks] == [
        ("The house.\nBeds\nTen beds.\nMeals\nSoup.", "Inn"),
        (SENTENCE[:40], "Inn > Lock"),
        ("Elsewhere.", "Barn"),
    ]


def test_a_heading_that_the_text_begins_with_is_not_repeated() -> None:
    blocks = [
        Block(text="1. Night\nQuiet.", path=("Rules", "1. Night"), verbatim=True),
        Block(text="2. Day\nLoud.", path=("Rules", "2. Day")),
    ]
    assert [chunk.text for chunk in split(blocks)] == ["1. Night\nQuiet.\n2. Day\nLoud."]


def test_each_chunk_of_a_table_begins_with_the_header_and_says_its_rows() -> None:
    chunks = split(rows(25))
    assert all(chunk.text.startswith("a | b\n") and chunk.text.count("\n") <= ROWS for chunk in chunks)
    assert [chunk.location for chunk in chunks] == ["rows 1-10", "rows 11-18", "rows 19-25"]


def test_wide_rows_make_smaller_chunks_and_a_single_row_is_never_cut() -> None:
    chunks = split([*rows(6, width=15), Block(text="word " * 400, row=7, header="a | b")])
    assert len(chunks) > 2 and chunks[-1].location == "row 7" and chunks[-1].text.count("word") == 400
    assert max(estimate_tokens(chunk.text) for chunk in chunks[:-1]) <= TABLE_LIMIT * 1.2


def test_a_whole_table_under_a_heading_needs_no_row_numbers() -> None:
    assert [chunk.location for chunk in split(rows(4, path=("Prices",)))] == ["Prices"]
    assert [chunk.location for chunk in split(rows(20, path=("Prices",)))] == ["Prices, rows 1-10", "Prices, rows 11-20"]


def test_a_remark_stays_with_the_table_beside_it() -> None:
    intro, after = Block(text="In euros.", path=("Prices",)), Block(text=(SENTENCE * 7).strip(), path=("Prices",))
    chunks = split([intro, *rows(8, width=3, path=("Prices",)), after])
    assert chunks[0].text.startswith("In euros.\na | b\ncell 1") and chunks[0].text.endswith("cell 8")
    assert all(chunk.text.startswith("The keeper") for chunk in chunks[1:])


def test_two_tables_in_a_row_keep_their_own_headers() -> None:
    other = [Block(text="x", row=1, header="c"), Block(text="y", row=2, header="c")]
    assert [chunk.text for chunk in split([*rows(2), *other])] == ["a | b\ncell 1\ncell 2\nc\nx\ny"]


def test_pages_and_lines_are_places() -> None:
    assert split([Block(text="One.", page=2, path=("T",))])[0].location == "T, page 2"
    assert split([Block(text="One.", page=2)])[0].location == "page 2"
    assert split([Block(text="One.", lines=(3, 3)), Block(text="Two.", lines=(5, 6))])[0].location == "lines 3-6"
    assert [chunk.location for chunk in split([Block(text=SENTENCE * 12)])] == ["part 1", "part 2"]


def test_code_is_cut_between_lines() -> None:
    code = "\n".join(f"value_{number} = compute({number})" for number in range(40))
    chunks = split([Block(text=code, verbatim=True)])
    assert "\n".join(chunk.text for chunk in chunks) == code and len(chunks) > 2


def test_a_heading_line_is_not_left_alone() -> None:
    block = Block(text="The Corn Hall\n" + SENTENCE * 12, path=("The Corn Hall",), verbatim=True)
    chunks = split([block])
    assert chunks[0].text.startswith("The Corn Hall\nThe keeper") and all(chunk.text.endswith(".") for chunk in chunks)


@pytest.mark.parametrize("text", ["word " * 900, "これは文です。" * 200, "x" * 9_000])
def test_text_without_sentences_is_cut_between_words_where_there_are_any(text: str) -> None:
    chunks = split([Block(text=text.strip())])
    assert re.sub(r"\s", "", "".join(chunk.text for chunk in chunks)) == re.sub(r"\s", "", text)


def test_views_are_sentences_and_rows() -> None:
    assert views("a | b\n1 | 2.5 km\nIt is far. Take water.\n- bread\n- bread") == [
        "a | b",
        "1 | 2.5 km",
        "It is far.",
        "Take water.",
        "- bread",
    ]


@given(
    st.lists(
        st.builds(
            lambda words, path, row: Block(text=" ".join(words), path=tuple(path), row=row, header="h | i" if row else ""),
            st.lists(st.sampled_from(["One.", "two", "Three!", "4", "five, six"]), min_size=1, max_size=60),
            st.lists(st.sampled_from(["A", "B"]), max_size=2),
            st.none() | st.integers(1, 30),
        ),
        max_size=12,
    )
)
def test_no_word_is_lost_or_moved(blocks: list[Block]) -> None:
    chunks = split(blocks)
    headings = {"A", "B", "h", "|", "i"}
    shown = [word for chunk in chunks for word in chunk.text.split() if word not in headings]
    assert shown == [word for block in blocks for word in block.text.split()]
    assert all(chunk.location for chunk in chunks)
