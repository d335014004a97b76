"""The record of a run: one file that is the trace one looks at, the sample one evaluates, and the example one tunes on.

JSON Lines, an event a line, written as the run goes on, secrets taken out as they are written. A file holds the turns
of one thread. Every event has `event`, `turn`, `step` (0 for the question), `call` where it belongs to a call, and `at`,
the time.

```
asked        question, thread, instructions, tools, budget, contract and golden hash, model (uri, fingerprint, parameters),
             what the thread held
prompt       messages (those that the prompt before did not have), withheld, due (why an answer is forced), left_out,
             offered (the tools beside the messages: names, choice, hashes of their schemas and of the text that shows them)
message      the model's turn: text, calls, token ids, usage; seconds
result       of a call: what the tool returned; seconds
observation  what the model reads of it; where it was cut
verdict      citations that hold, critiques
typed        the value, where a schema was given
answer       `Answer.to_dict()`; `error` where the run ended with one
```

Ids of messages are `turn.step` and `turn.step.call`.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from agentkit.contract import CONTRACT, ToolSpec, render_tools
from agentkit.disk import disk_full, is_full
from agentkit.errors import AgentkitError, RecordError
from agentkit.redact import Redactor

__all__ = ["Key", "Record", "Recorder", "Scribe", "canonical", "compact", "dump_line", "key_of", "load_record", "offered", "timeless"]

Key = tuple[str, int, int, int]
"""Kind, turn, step, call; -1 for an event that belongs to no call."""

FIRST = '{"event": "asked", '
"""How a record begins."""
KINDS = ("asked", "prompt", "message", "result", "observation", "verdict", "typed", "answer")


def key_of(event: Mapping[str, Any]) -> Key:
    """The key of an event.

    >>> key_of({"event": "result", "turn": 1, "step": 2, "call": 0})
    ('result', 1, 2, 0)
    """
    call = event.get("call")
    return str(event["event"]), int(event["turn"]), int(event["step"]), -1 if call is None else int(call)


def timeless(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without its times, which a replay copies."""
    left = {name: value for name, value in event.items() if name not in ("at", "seconds")}
    if isinstance(left.get("usage"), Mapping):
        left["usage"] = {**left["usage"], "seconds": 0}
    if isinstance(left.get("answer"), Mapping):
        usage = {**left["answer"].get("usage", {}), "seconds": 0}
        left["answer"] = {**left["answer"], "usage": usage}
    return left


def compact(messages: Iterable[Any]) -> list[dict[str, Any]]:
    """Messages as a prompt shows them: what the model reads, nothing else."""
    shown = []
    for message in messages:
        item: dict[str, Any] = {"role": message.type, "content": message.content}
        if message.type == "ai":
            item["calls"] = [{"name": call["name"], "args": call["args"], "id": call["id"]} for call in message.tool_calls]
            item["thought"] = message.additional_kwargs.get("reasoning_content") or ""
        if message.type == "tool":
            item |= {"name": message.name, "id": message.tool_call_id, "status": message.status}
        shown.append(item)
    return shown


def offered(specs: Sequence[ToolSpec], *, withheld: Sequence[str], answer_only: bool) -> dict[str, Any]:
    """What the model is offered beside the messages of a prompt, as it is written: two values of it are digests.

    The digests are made of what a record may hold, behind the taking out of secrets (`Scribe.event`), so that a replay
    of the record's own tools comes to the same ones.
    """
    choice = "none" if answer_only or len(specs) == len(withheld) else "auto"
    shown = {"specs": [vars(spec) for spec in specs], "section": render_tools(specs)}
    return {"tools": [spec.name for spec in specs], "choice": choice, "digests": shown}


class Scribe:
    """Makes events of what the nodes write: plain data, without secrets, prompts without what stood in the one before."""

    def __init__(self, *, thread: str | None = None, secrets: Iterable[str] = (), prompt: Sequence[Any] = ()) -> None:
        self._redact = Redactor(secrets)
        self._thread = thread
        self._prompt = list(prompt)

    def event(self, kind: str, *, turn: int, step: int, call: int | None = None, **fields: Any) -> dict[str, Any]:
        """The event as it is written."""
        if kind == "asked":
            self._prompt = []
            fields = {"contract": CONTRACT, "thread": self._thread, **fields}
        clean = self._redact(json.loads(_dump(fields)))
        if kind == "prompt":
            clean = _digested(self._delta(clean))
        place = {"event": kind, "turn": turn, "step": step, **({} if call is None else {"call": call})}
        return {**place, "at": round(time.time(), 3), **clean}

    def _delta(self, fields: dict[str, Any]) -> dict[str, Any]:
        messages, before = fields["messages"], self._prompt
        same = 0
        while same < min(len(messages), len(before)) and messages[same] == before[same]:
            same += 1
        self._prompt = messages
        return {**fields, "messages": messages[same:], "same": same}


def _digested(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a prompt with digests in place of what the model was offered; tools stand whole in `asked`."""
    if "offered" not in fields:
        return fields
    digests = {name: digest(value) for name, value in fields["offered"].pop("digests").items()}
    return {**fields, "offered": {**fields["offered"], **digests}}


def digest(data: Any) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of JSON data.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:16]


class Recorder:
    """Writes a record, a line an event.

    Args:
        path: the file; its folder is made where it is missing. A record of the same thread is continued, another
            record is replaced, any other file is left alone.
        thread: the thread that is recorded.
        secrets: values to take out, beside those of the environment.
        resumed: the turn that waited for approval and goes on; its record is continued whatever its thread.

    Raises:
        RecordError: the file can't be written, is there and is no record, or doesn't hold the turn that goes on.
        DiskFullError: there is no room for it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, thread: str | None = None, secrets: Iterable[str] = (), resumed: int | None = None
    ) -> None:
        self._path = Path(path)
        prompt = () if resumed is None else _prompt_of(self._path, resumed)
        self._scribe = Scribe(thread=thread, secrets=secrets, prompt=prompt)
        self._broken = False
        self._file = self._open(thread, resumed is not None)

    def _open(self, thread: str | None, resumed: bool) -> IO[str]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            goes_on = resumed or (thread is not None and self._path.exists() and _thread_of(self._path) == thread)
            if self._path.exists() and not goes_on:
                _refuse_no_record(self._path)
            if goes_on:
                _drop_half_a_line(self._path)
            return self._path.open("a" if goes_on else "w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def write(self, kind: str, *, turn: int, step: int, call: int | None = None, **fields: Any) -> None:
        """Write an event; it is in the file when this returns.

        Raises:
            RecordError: the file can't be written any more.
            DiskFullError: there is no room left for it.
        """
        line = dump_line(self._scribe.event(kind, turn=turn, step=step, call=call, **fields))
        try:
            self._file.write(line)
            self._file.flush()
        except (OSError, ValueError) as error:
            self._broken = True
            raise _unwritable(self._path, error, " any more") from error

    def read(self, kind: str, *, turn: int, step: int, call: int | None = None) -> dict[str, Any] | None:
        """Nothing is known beforehand: this is a first run."""
        return None

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            if not self._broken:  # else it was told already
                raise _unwritable(self._path, error, " any more") from error


def _unwritable(path: Path, error: Exception, since: str = "") -> AgentkitError:
    if is_full(error):
        return disk_full("the record", path, error, "name a file on another disk")
    return RecordError(f"the record {str(path)!r} can't be written{since}: {getattr(error, 'strerror', None) or error}")


def dump_line(event: Mapping[str, Any]) -> str:
    """An event as a line of the file."""
    return _dump(event) + "\n"


@dataclass(frozen=True)
class Record:
    """A record that was read."""

    events: Sequence[dict[str, Any]]

    @property
    def turns(self) -> list[int]:
        """The turns that it holds."""
        return sorted({event["turn"] for event in self.events if event["event"] == "asked"})

    def find(self, kind: str, *, turn: int, step: int, call: int | None = None) -> dict[str, Any] | None:
        """The event with that key, the last one where a run was resumed."""
        key = (kind, turn, step, -1 if call is None else call)
        found = [event for event in self.events if key_of(event) == key]
        return found[-1] if found else None

    def answer(self, turn: int) -> dict[str, Any] | None:
        """The answer event of a turn; `None` where the run was killed."""
        found = [event for event in self.events if event["event"] == "answer" and event["turn"] == turn]
        return found[-1] if found else None

    def prompts(self, turn: int) -> dict[int, list[dict[str, Any]]]:
        """The whole prompt of each step of a turn."""
        whole: list[dict[str, Any]] = []
        prompts = {}
        for event in self.events:
            if event["event"] == "prompt" and event["turn"] == turn:
                whole = [*whole[: event["same"]], *event["messages"]]
                prompts[event["step"]] = whole
        return prompts


def load_record(path: str | os.PathLike[str]) -> Record:
    """Read a record; a last line that was cut off as the process was killed is left out.

    Raises:
        RecordError: the file is missing, unreadable or no record.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"the record {os.fspath(path)!r} can't be read: {getattr(error, 'strerror', None) or error}") from error
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        event = _event(line)
        if event is not None:
            events.append(event)
        elif line.strip() and number < len(lines):
            raise RecordError(f"{os.fspath(path)!r} is not a record: line {number} is no event of one, but {line[:80]!r}")
    if not events or events[0]["event"] != "asked":
        raise RecordError(f"{os.fspath(path)!r} is not a record: it does not begin with a question")
    return Record(events)


def canonical(events: Iterable[Mapping[str, Any]]) -> str:
    """Events as canonical JSON, sorted by their keys: two runs are equal when this text is."""
    latest = {key_of(event): event for event in events}
    ordered = sorted(latest.items(), key=lambda item: (item[0][1], item[0][2], KINDS.index(item[0][0]), item[0][3]))
    return "\n".join(json.dumps(event, sort_keys=True, ensure_ascii=True, separators=(",", ":")) for _, event in ordered)


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
        return event if key_of(event)[0] in KINDS else None
    except (ValueError, KeyError, TypeError):
        return None


def _first_line(path: Path) -> str:
    """The first line of a record; a sign of whatever else is there, empty for nothing and for what is no ordinary file."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(len(FIRST))
        return head + file.readline() if head == FIRST else head


def _drop_half_a_line(path: Path) -> None:
    """Cut off what a full disk or a killed process left of a line: the next event begins a line of its own."""
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)


def _prompt_of(path: Path, turn: int) -> Sequence[Any]:
    """The last prompt of a turn that goes on."""
    record = load_record(path)
    if record.find("asked", turn=turn, step=0) is None:
        raise RecordError(f"the record {str(path)!r} doesn't hold the question that goes on: name the one that it was asked with")
    prompts = record.prompts(turn)
    return prompts[max(prompts)] if prompts else ()


def _thread_of(path: Path) -> str | None:
    thread = (_event(_first_line(path)) or {}).get("thread")
    return thread if isinstance(thread, str) else None


def _refuse_no_record(path: Path) -> None:
    if _first_line(path).strip() and not _first_line(path).startswith(FIRST):
        raise RecordError(f"{str(path)!r} is there already and is no record: name another file")


def _dump(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, default=_plain)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can write
        return json.dumps(data, ensure_ascii=True, default=_plain)
    return text


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset | tuple):
        return sorted(value, key=str) if not isinstance(value, tuple) else list(value)
    return str(value)
