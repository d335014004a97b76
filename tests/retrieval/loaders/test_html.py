"""HTML gives what a reader of the page sees."""

from pathlib import Path

import pytest

from agentkit.errors import DocumentError
from agentkit.retrieval.loaders import load
from agentkit.retrieval.loaders.html import blocks_of_html, read


def texts(markup: str) -> list[str]:
    return [block.text for block in blocks_of_html(markup)]


def test_headings_give_the_path() -> None:
    blocks = blocks_of_html("<h1>Inn</h1><p>One.</p><h2>Beds</h2><p>Two.</p><h2>Meals</h2><p>Three.</p>")
    assert [(block.text, block.path) for block in blocks] == [
        ("One.", ("Inn",)),
        ("Two.", ("Inn", "Beds")),
        ("Three.", ("Inn", "Meals")),
    ]


def test_without_a_first_heading_the_title_heads_the_path(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<html><head><title>Opening hours</title></head><body><h2>Winter</h2>Closed.</body></html>")
    assert [(block.text, block.path) for block in read(path)] == [("Closed.", ("Opening hours", "Winter"))]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>SECRET</script>",
        "<style>SECRET</style>",
        "<!-- SECRET -->",
        "<template>SECRET</template>",
        "<p hidden>SECRET</p>",
        '<p style="color: red; display:none">SECRET</p>',
        '<p style="visibility: hidden">SECRET</p>',
        '<p style="font-size:0">SECRET</p>',
        '<span aria-hidden="true">SECRET</span>',
        "<nav>SECRET</nav>",
        '<a href="http://SECRET.example">seen too</a>',
        "<noscript>SECRET</noscript>",
    ],
)
def test_what_a_reader_does_not_see_is_dropped(hidden: str) -> None:
    shown = " ".join(texts(f"<p>seen</p>{hidden}"))
    assert "seen" in shown and "SECRET" not in shown


def test_a_table_has_rows_under_its_header() -> None:
    blocks = blocks_of_html(
        "<table><caption>Prices</caption><tr><th>Bed</th><th>Price</th></tr><tr><td>small</td><td>24.00</td></tr></table>"
    )
    assert [(block.text, block.row, block.header) for block in blocks] == [("Prices", None, ""), ("small | 24.00", 1, "Bed | Price")]


def test_a_row_of_plain_cells_is_no_header() -> None:
    blocks = blocks_of_html("<table><tr><td>Beds</td><td>36</td></tr><tr><th>Built</th><td>1926</td></tr></table>")
    assert [(block.text, block.header) for block in blocks] == [("Beds | 36", ""), ("Built | 1926", "")]


def test_a_cell_over_several_rows_is_repeated_and_one_over_columns_leaves_them_empty() -> None:
    markup = (
        "<table><tr><th>Day<th>From<th>To<tr><td rowspan=2>Monday<td>8<td>12<tr><td>14<td>18<tr><td colspan=2>Tuesday<td>closed</table>"
    )
    assert texts(markup) == ["Monday | 8 | 12", "Monday | 14 | 18", "Tuesday | | closed"]


def test_a_table_that_lays_out_the_page_is_read_as_prose() -> None:
    assert texts("<table><tr><td><p>Left.</p><table><tr><td>a</td><td>b</td></tr></table></td><td>Right.</td></tr></table>") == [
        "Left.",
        "a | b",
        "Right.",
    ]


def test_lists_keep_marks_and_numbers() -> None:
    assert texts("<ul><li>salt<ul><li>grey</ul><li>oil</ul><ol start=3><li>stir<li>wait</ol>") == [
        "- salt",
        "- grey",
        "- oil",
        "3. stir",
        "4. wait",
    ]


def test_line_breaks_are_kept_and_other_white_space_is_layout() -> None:
    assert texts("<p>Mill\n   Street 4<br>Haldern</p>") == ["Mill Street 4\nHaldern"]


def test_preformatted_text_is_kept() -> None:
    assert texts("<pre>a  b\n  c</pre>") == ["a  b\n  c"]


def test_a_link_around_a_heading_hides_neither() -> None:
    blocks = blocks_of_html('<a href="x"><h2>Boats</h2></a><p>Three.</p>')
    assert [(block.text, block.path) for block in blocks] == [("Three.", ("Boats",))]


@pytest.mark.parametrize("tag", ["div", "b", "ul><li"])
def test_tags_nested_without_end_are_refused(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "deep.html"
    path.write_text(f"<{tag}>" * 20_000 + "x")
    with pytest.raises(DocumentError, match="nested"):
        load(path)
