"""The model's turn: the prompt is measured outside of the event loop."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent
from agentkit.errors import ContextOverflowError
from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.weights import Weights
from agentkit.testing import ScriptedModel
from tests.models.tiny_models import write_model

LONG = "word " * 200_000


class _Gate:
    """Holds up whoever counts a long text until another run has ended."""

    def __init__(self) -> None:
        self.other_run_ended, self.held, self.in_vain = threading.Event(), False, False

    def pass_through(self, text: str) -> None:
        if len(text) > 100_000 and not self.held:
            self.held = True
            self.in_vain = not self.other_run_ended.wait(20)


def scripted(gate: _Gate, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    def count(text: str) -> int:
        gate.pass_through(text)
        return len(text) // 5

    return ScriptedModel(["never said"], tokenizer=count, n_ctx=2000)


def local(gate: _Gate, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    tokenize = Weights.tokenize

    def held(self: Weights, text: str, *, special: bool = False) -> list[int]:
        gate.pass_through(text)
        return tokenize(self, text, special=special)

    monkeypatch.setattr(Weights, "tokenize", held)
    return ChatLlamaCpp(model_path=write_model(folder / "tiny.gguf"), n_ctx=512, n_threads=1)


@pytest.mark.parametrize("make", [scripted, local])
def test_another_run_goes_on_while_a_question_of_a_megabyte_is_counted(make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gate = _Gate()
    model = make(gate, monkeypatch, tmp_path)

    async def both() -> tuple[str, BaseException]:
        slow = asyncio.ensure_future(Agent(model, tools=[]).aask(LONG))
        while not gate.held and not slow.done():
            await asyncio.sleep(0.01)
        answer = await Agent(ScriptedModel(["Short."]), tools=[]).aask("Short?")
        gate.other_run_ended.set()
        (error,) = await asyncio.gather(slow, return_exceptions=True)
        assert isinstance(error, BaseException)
        return answer.text, error

    text, error = asyncio.run(both())
    assert text == "Short." and gate.held and not gate.in_vain
    assert isinstance(error, ContextOverflowError) and "ask a shorter question" in str(error)
