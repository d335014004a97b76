"""Text that would command a terminal is written out; the rest stays as it is."""

import json

import pytest

from agentkit.cli.terminal import escape_json, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 15 °C, 日本 👩‍🚀\tx\n", "plain, 15 °C, 日本 👩‍🚀\tx\n"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\rc", "a\nb\\x0dc"),
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("half \ud800", "half \\ud800"),
        ("bell\x07\x08\x7f", "bell\\x07\\x08\\x7f"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_escaped_json_holds_the_same_data_and_no_control_character() -> None:
    data = {"text": "\x1b[2J \x9b1m \u202e \x7f 日本"}
    written = escape_json(json.dumps(data, ensure_ascii=False))
    assert json.loads(written) == data
    assert visible(written) == written
