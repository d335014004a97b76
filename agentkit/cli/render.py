"""How a run looks in a terminal: its steps as they happen, its answer, its sources."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from agentkit.answer import Answer, Call, Citation, Critique, Done, Event, Observation, Thought, Token
from agentkit.cli.streamed import StreamedText
from agentkit.cli.terminal import visible

__all__ = ["Renderer", "console", "show_sources", "summary"]

LINES_SHOWN = 8
"""Lines of an observation that are shown; all of it is in the record and in `--json`."""

STOPPED = {
    "max_steps": "stopped after the allowed number of steps",
    "max_tokens": "stopped at the token budget",
    "max_seconds": "stopped at the time budget",
    "no_progress": "stopped: the same calls came again and again",
    "needs_approval": "waits for approval",
    "cancelled": "cancelled",
    "error": "the model failed",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command; Rich would end the process with 1."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console that marks nothing up by itself: what is shown is text, never markup."""
    return _Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


class Renderer:
    """Shows the events of a run; `steps` go to one console, the answer's text to another.

    With `live` the answer's tokens are shown as they come, otherwise the finished answer at the end.
    """

    def __init__(self, steps: Console | None, text: Console | None, *, live: bool) -> None:
        self._steps, self._text, self._live = steps, text, live
        self._streamed = StreamedText()
        self._open_line = False
        self.answer: Answer | None = None
        """The answer, once the run is over."""

    def run(self, events: Iterable[Event]) -> None:
        """Show events until the run is over."""
        for event in events:
            self.show(event)

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Token(text=text) if self._live:
                self._write(self._streamed.add(text))
            case Thought(text=text) if text.strip():
                self._step(Text(f"    {_clip(text)}", style="dim italic"))
            case Call():
                self._step(_call(event))
            case Observation():
                self._step(_observation(event))
            case Critique():
                outcome = "revised" if event.revised else "kept"
                self._step(Text(f"    {visible(event.principle)}: {_clip(event.finding)} ({outcome})", style="magenta"))
            case Done(answer=answer):
                self.answer = answer
                self._finish(answer)
            case _:
                pass

    def _step(self, text: Text) -> None:
        self._end_line()
        if self._steps is not None:
            self._steps.print(text)

    def _write(self, piece: str) -> None:
        if self._text is not None and piece:
            self._text.print(Text(visible(piece)), end="")
            self._open_line = True

    def _end_line(self) -> None:
        """A draft that turns out to be no answer stays as it is; what follows begins on a line of its own."""
        self._write(self._streamed.rest())
        if self._open_line and self._text is not None:
            self._text.print()
        self._open_line, self._streamed = False, StreamedText()

    def _finish(self, answer: Answer) -> None:
        self._write(self._streamed.rest())
        shown = self._streamed.shown.strip()
        self._end_line()
        if self._text is None:
            return
        if answer.text.strip() != shown and answer.text.strip():
            self._text.print(Text(visible(answer.text.strip())))
        show_sources(self._text, answer.citations)
        if answer.stop_reason != "answered" and self._steps is not None:
            reason = STOPPED.get(answer.stop_reason, answer.stop_reason)
            self._steps.print(Text(f"[{visible(reason)}]", style="yellow"))


def show_sources(to: Console, citations: Sequence[Citation]) -> None:
    """One line a citation: its number, where it stands, and the words."""
    for citation in citations:
        place = ", ".join(part for part in (citation["source"], citation["location"]) if part)
        to.print(Text(f"  [{citation['n']}] {visible(place)}: ", style="cyan") + Text(f"“{_clip(citation['quote'])}”", style="dim"))


def summary(answer: Answer) -> str:
    """Seconds and tokens of a run, in a line."""
    usage = answer.usage
    read = f"{usage['input_tokens']} tokens read ({usage['cached_tokens']} from the cache)"
    return f"{answer.stop_reason}, {usage['seconds']:.1f} s, {read}, {usage['output_tokens']} written"


def _call(event: Call) -> Text:
    return Text(f"{event.step:>2}  ", style="dim") + Text(visible(event.tool), style="bold green") + Text(f" {_arguments(event.args)}")


def _arguments(args: Mapping[str, Any]) -> str:
    """The arguments; a single text of several lines, such as a program, below the name."""
    texts = [value for value in args.values() if isinstance(value, str) and "\n" in value]
    if len(args) == 1 and texts:
        return "".join(f"\n    | {line}" for line in visible(texts[0]).rstrip().split("\n"))
    return "  ".join(f"{visible(str(name))}={_clip(json.dumps(value, ensure_ascii=False, default=str))}" for name, value in args.items())


def _observation(event: Observation) -> Text:
    lines = visible(event.text).strip().split("\n")
    left_out = len(lines) - LINES_SHOWN
    kept = [_clip(line, 200) for line in lines[:LINES_SHOWN]] + ([f"... {left_out} more lines"] if left_out > 0 else [])
    return Text("\n".join(f"    {line}" for line in kept), style="red" if event.status == "error" else "dim")


def _clip(text: str, limit: int = 300) -> str:
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
