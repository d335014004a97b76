"""The commands of the chat: what begins with a slash."""

import json
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from agentkit.cli.exits import message_of, report
from agentkit.cli.render import show_sources, summary
from agentkit.cli.terminal import visible

if TYPE_CHECKING:
    from agentkit.answer import Answer
    from agentkit.cli.chat import Chat

__all__ = ["COMMANDS", "carry_out"]


def _help(chat: "Chat", rest: str) -> None:
    """the commands"""
    for name, command in COMMANDS.items():
        chat.out.print(Text(f"  {name:<10}", style="bold") + Text(command.__doc__ or ""))


def _new(chat: "Chat", rest: str) -> None:
    """begin another conversation"""
    from agentkit.cli.chat import new_thread

    chat.thread, chat.turns = new_thread(), []
    report("a new conversation")


def _threads(chat: "Chat", rest: str) -> None:
    """list the kept conversations; /threads NAME goes on with one"""
    from agentkit.threads import list_threads

    known = list_threads()
    if not rest:
        for name in known:
            chat.out.print(Text(f"{'*' if name == chat.thread else ' '} {visible(name)}"))
        return
    if rest not in known:
        near = get_close_matches(rest, known, n=1)
        report(f"there is no conversation {rest!r}" + (f"; did you mean {near[0]!r}?" if near else "; /threads lists them"))
        return
    chat.thread, chat.turns = rest, []
    report(f"going on with {rest}")


def _cite(chat: "Chat", rest: str) -> None:
    """the sources of the last answer, word for word"""
    answer = _last(chat)
    if answer is None:
        return
    if not answer.citations:
        report("the last answer cites nothing")
    show_sources(chat.out, answer.citations)


def _why(chat: "Chat", rest: str) -> None:
    """how the last answer came about: thoughts, calls, results, cost"""
    answer = _last(chat)
    if answer is None:
        return
    for step in answer.steps:
        if step["thought"]:
            chat.out.print(Text(visible(step["thought"]), style="dim italic"))
        args = visible(json.dumps(step["args"], ensure_ascii=False))
        chat.out.print(Text(f"{step['step']:>2}  {visible(step['tool'])} {args}", style="green"))
        chat.out.print(Text(visible(step["observation"]), style="dim"))
    for note in answer.critiques:
        chat.out.print(Text(visible(f"{note['principle']}: {note['finding']}"), style="magenta"))
    chat.out.print(Text(summary(answer), style="dim"))


def _save(chat: "Chat", rest: str) -> None:
    """write the conversation to a file: /save talk.md"""
    path = Path(rest).expanduser()
    if not rest or path.exists():
        report(f"{rest} exists already: name another file" if rest else "name a file: /save talk.md")
        return
    try:
        path.write_text("\n".join(_written(question, answer) for question, answer in chat.turns), encoding="utf-8")
    except OSError as error:
        report(f"not saved: {error}")
        return
    report(f"saved {len(chat.turns)} answers to {path}")


def _written(question: str, answer: "Answer") -> str:
    sources = [f"- [{c['n']}] {c['source']}, {c['location']}: \"{c['quote']}\"" for c in answer.citations]
    return visible("\n".join([f"## {question}", "", answer.text, "", *sources, *([""] if sources else [])]))


def _quit(chat: "Chat", rest: str) -> None:
    """leave"""


COMMANDS: dict[str, Callable[["Chat", str], None]] = {
    "/help": _help,
    "/new": _new,
    "/threads": _threads,
    "/cite": _cite,
    "/why": _why,
    "/save": _save,
    "/quit": _quit,
}


def carry_out(chat: "Chat", line: str) -> bool:
    """Carry out a command; whether the conversation goes on."""
    name, _, rest = line.partition(" ")
    if name in ("/quit", "/exit"):
        return False
    command = COMMANDS.get(name)
    if command is None:
        near = get_close_matches(name, COMMANDS, n=1)
        report(f"there is no command {name}; " + (f"did you mean {near[0]}?" if near else "/help lists them"))
        return True
    try:
        command(chat, rest.strip())
    except KeyboardInterrupt:
        report("cancelled")
    except Exception as error:
        report(message_of(error))
    return True


def _last(chat: "Chat") -> "Answer | None":
    if not chat.turns:
        report("nothing was answered yet")
        return None
    return chat.turns[-1][1]
