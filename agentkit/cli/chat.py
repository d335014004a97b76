"""`agentkit chat`: questions in a conversation, a REPL or lines from a pipe."""

import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from agentkit.cli.exits import message_of, report
from agentkit.cli.options import RunOptions, shares_options

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.answer import Answer

__all__ = ["Chat", "chat", "new_thread", "typed_lines"]

GREETING = "Ask, or /help for the commands. Ctrl-C cancels an answer, Ctrl-D leaves."


@shares_options
def chat(run: RunOptions) -> None:
    """Talk with the agent; it remembers the conversation. Lines from a pipe are questions, one each.

    \b
    agentkit chat --docs handbook/
    agentkit chat --name handbook
    printf 'How many beds?\\nAnd upstairs?\\n' | agentkit chat --docs handbook/
    """
    talk = Chat(run.agent(), record=run.record)
    if not sys.stdin.isatty():
        for line in sys.stdin:
            if not talk.take(line):
                break
        return
    report(GREETING)
    from agentkit import settings

    for line in typed_lines(settings.load().home):
        if not talk.take(line):
            break


def typed_lines(home: Path) -> Iterator[str]:
    """The lines that a person types; Ctrl-C clears the line, Ctrl-D ends."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory

    class History(FileHistory):
        def store_string(self, string: str) -> None:
            with suppress(OSError):  # a full disk costs the history, not the question
                super().store_string(string)

    home.mkdir(parents=True, exist_ok=True)
    kept = home / "chat_history"
    kept.touch(mode=0o600)
    session: PromptSession[str] = PromptSession(history=History(str(kept)))
    while True:
        try:
            yield session.prompt("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


class Chat:
    """A conversation: the thread it stands in and what was asked and answered since it began here."""

    def __init__(self, agent: "Agent", *, record: Path | None = None) -> None:
        from agentkit.cli.render import console

        self.agent = agent
        self.out = console()
        self.err = console(stderr=True)
        self.thread = new_thread()
        self.turns: list[tuple[str, Answer]] = []
        self._record = record

    def take(self, line: str) -> bool:
        """Answer a question or carry out a command; whether the conversation goes on."""
        from agentkit.cli.commands import carry_out

        text = line.strip()
        if text.startswith("/"):
            return carry_out(self, text)
        if text:
            self._answer(text)
        else:
            report("nothing was asked: type a question, or /help")
        return True

    def _answer(self, question: str) -> None:
        """Show the answer as it comes; whatever goes wrong ends this answer, not the conversation."""
        from agentkit.cli.render import Renderer

        renderer = Renderer(self.err, self.out, live=sys.stdout.isatty())
        try:
            with closing(self.agent.stream(question, thread=self.thread, record=self._record)) as events:  # type: ignore[type-var]
                renderer.run(events)
        except KeyboardInterrupt:
            report("cancelled")
        except Exception as error:
            report(message_of(error))
        if renderer.answer is not None:
            self.turns.append((question, renderer.answer))


def new_thread() -> str:
    """A thread's name that nothing else has."""
    return f"chat-{uuid4().hex[:12]}"
