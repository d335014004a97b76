"""The documentation does what it shows: Python blocks run, commands and options exist, links lead somewhere.

A line `<!-- skip: reason -->` just above a block leaves it out; `<!-- continues -->` runs it behind the block before it.
A block is run in a process of its own, in a folder that holds what a clone holds.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")] + sorted((ROOT / "docs").glob("*.md"))
SHELLS = ("", "bash", "console", "sh", "shell", "text")
MOST_SECONDS = 280

_BLOCK = re.compile(r"^```([\w-]*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (skip: .+|continues) -->$")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=")


@dataclass(frozen=True)
class Block:
    """A fenced block and where it stands."""

    file: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def place(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def blocks_of(file: Path) -> Iterator[Block]:
    """The blocks of a file, those marked `continues` with the blocks before them in front."""
    text = file.read_text(encoding="utf-8")
    before: Block | None = None
    for match in _BLOCK.finditer(text):
        above = text[: match.start()].rstrip().rpartition("\n")[2]
        mark = _MARK.search(above)
        block = Block(file, text.count("\n", 0, match.start()) + 1, match[1], match[2], mark[1] if mark else "")
        if block.mark == "continues" and before is not None:
            block = replace(block, text=f"{before.text}\n{block.text}")
        before = block
        yield block


BLOCKS = [block for file in FILES if file.is_file() for block in blocks_of(file) if not block.mark.startswith("skip")]


def python_blocks() -> list[Any]:
    """The Python blocks; one that asks a real model is slow."""
    found = [block for block in BLOCKS if block.language in ("python", "py", "pycon")]
    real = [bool(re.search(r"\b(Agent|load_model)\(", block.text)) and "ScriptedModel" not in block.text for block in found]
    return [pytest.param(block, id=block.place, marks=pytest.mark.slow if slow else ()) for block, slow in zip(found, real, strict=True)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a reader has at hand."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("README.md", "docs", "examples"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.parametrize("block", python_blocks())
def test_a_python_block_runs(block: Block, clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("block") / "block.txt"
    script.write_text(block.text, encoding="utf-8")
    how = ["-m", "doctest", "-o", "ELLIPSIS"] if block.text.lstrip().startswith(">>>") else []
    done = subprocess.run(
        [sys.executable, *how, str(script)], cwd=clone, capture_output=True, text=True, timeout=MOST_SECONDS,
        env={**os.environ, "AGENTKIT_HOME": str(clone / ".home"), "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 0, f"{block.place}\n{done.stdout}{done.stderr}"


def shell_commands(block: Block) -> Iterator[list[str]]:
    """The simple commands of a block, each as words, assignments before it and the path of its program taken off."""
    for line in block.text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
        except ValueError:  # prose with an apostrophe
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word in ("|", "||", "&&", ";", ">", "<"):
                yield [command[0].rpartition("/")[2], *command[1:]] if command else []
                command = []
            elif command or not _ASSIGNMENT.match(word):
                command.append(word)


def commands_of(program: str) -> list[Any]:
    """Each use of a program in the documentation."""
    blocks = [block for block in BLOCKS if block.language in SHELLS]
    found = [(block, words) for block in blocks for words in shell_commands(block) if words and words[0] == program]
    return [pytest.param(words[1:], id=f"{block.place} {shlex.join(words)}"[:90]) for block, words in found]


@pytest.mark.parametrize("words", commands_of("agentkit"))
def test_a_command_and_its_options_exist(words: list[str]) -> None:
    from typer.main import get_command

    from agentkit.cli.app import app

    command: Any = get_command(app)
    while words and hasattr(command, "commands") and not words[0].startswith(("-", "[")):
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"-h", "--help"}
    given = {word.partition("=")[0].strip("[].") for word in words if word.lstrip("[").startswith("-") and len(word) > 1}
    assert given <= known, f"{command.name} has no {', '.join(sorted(given - known))}"


@pytest.mark.parametrize("words", commands_of("make"))
def test_a_make_target_exists(words: list[str]) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {word for word in words if "=" not in word} <= targets


@pytest.mark.parametrize("words", commands_of("python"))
def test_a_script_exists(words: list[str]) -> None:
    scripts = [word for word in words if word.endswith(".py")]
    assert all((ROOT / script).is_file() for script in scripts), scripts


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_links_lead_somewhere(file: Path) -> None:
    links = [link for link in _LINK.findall(file.read_text(encoding="utf-8")) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_a_mark_skips_a_block_or_joins_it_to_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("```python\na = 1\n```\n<!-- continues -->\n```python\nprint(a)\n```\n\n<!-- skip: a key -->\n```bash\nrm x\n```\n")
    first, second, third = blocks_of(file)
    assert (first.text, second.text, third.mark) == ("a = 1\n", "a = 1\n\nprint(a)\n", "skip: a key")


def test_commands_are_found_behind_assignments_and_pipes() -> None:
    block = Block(ROOT / "x.md", 1, "bash", "$ A=1 .venv/bin/agentkit ask 'x y' \\\n  --json | agentkit ask - # again\n", "")
    assert [words for words in shell_commands(block) if words] == [["agentkit", "ask", "x y", "--json"], ["agentkit", "ask", "-"]]
