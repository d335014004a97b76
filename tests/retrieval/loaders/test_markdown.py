"""Markdown keeps its words and loses its marks."""

from pathlib import Path

from agentkit.retrieval.blocks import Block
from agentkit.retrieval.loaders.markdown import read


def read_text(tmp_path: Path, text: str) -> list[Block]:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_headings_give_the_path_and_are_not_in_the_text(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "Before.\n\n# Mill\n\nOne.\n\n## Wheel\n\nTwo.\n\n# Yard\n\nThree.")
    assert [(block.text, block.path) for block in blocks] == [
        ("Before.", ()),
        ("One.", ("Mill",)),
        ("Two.", ("Mill", "Wheel")),
        ("Three.", ("Yard",)),
    ]


def test_a_table_is_a_block_a_row_with_the_header_line(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "| Bed | Price |\n|---|---|\n| small | 24.00 |\n| **large** | `39.00` |\n")
    assert [(block.text, block.row, block.header) for block in blocks] == [
        ("small | 24.00", 1, "Bed | Price"),
        ("large | 39.00", 2, "Bed | Price"),
    ]


def test_a_table_of_a_header_alone_is_still_shown(tmp_path: Path) -> None:
    assert [block.text for block in read_text(tmp_path, "| Bed | Price |\n|---|---|\n")] == ["Bed | Price"]


def test_lists_keep_their_marks(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "- salt\n- pepper\n  - black\n\n3. stir\n4. wait\n")
    assert [block.text for block in blocks] == ["- salt", "- pepper", "- black", "3. stir", "4. wait"]


def test_emphasis_links_and_images_leave_their_text(tmp_path: Path) -> None:
    [block] = read_text(tmp_path, "See *the* [map](http://x.example/secret) and ![a bridge](b.png), ~~not~~ `code`.")
    assert block.text == "See the map and a bridge, not code."


def test_wrapped_lines_are_joined_and_hard_breaks_are_kept(tmp_path: Path) -> None:
    assert [block.text for block in read_text(tmp_path, "one\ntwo  \nthree<br>four")] == ["one two\nthree\nfour"]


def test_comments_and_inline_html_are_dropped_and_html_blocks_are_read(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "# T\n\nSeen <!-- not --> <b>this</b>.\n\n<!-- hidden order -->\n\n<div><h2>In</h2><p>Block</p></div>\n")
    assert [(block.text, block.path) for block in blocks] == [("Seen this.", ("T",)), ("Block", ("T", "In"))]


def test_code_is_kept_line_by_line(tmp_path: Path) -> None:
    [block] = read_text(tmp_path, "```sh\nmake  demo\n\n    indented\n```\n")
    assert (block.text, block.verbatim) == ("make  demo\n\n    indented", True)


def test_front_matter_is_kept_as_it_stands(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "---\ntitle: Ponds\nauthor: Ada\n---\n# Ponds\n\nDeep.\n")
    assert [block.text for block in blocks] == ["title: Ponds\nauthor: Ada", "Deep."]


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    assert [block.text for block in read_text(tmp_path, "---\n\nJust text.")] == ["Just text."]
