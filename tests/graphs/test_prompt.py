"""Prompts: built, counted, shortened."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from agentkit import Agent, tool
from agentkit.contract import ToolSpec, render_compaction
from agentkit.errors import ContextOverflowError
from agentkit.graphs.prompt import build_prompt, fit_prompt, prompt_tokens, split_turns
from agentkit.state import NOTHING_LEFT_OUT, LeftOut
from agentkit.testing import ScriptedModel


def pair(turn: int, step: int, *, calls: int = 1) -> list[AnyMessage]:
    ids = [f"{turn}{step}{n}" for n in range(calls)]
    asked = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": id_, "type": "tool_call"} for id_ in ids], id=f"{turn}.{step}")
    return [asked, *(ToolMessage(f"result {id_}", tool_call_id=id_, id=f"{turn}.{step}.{id_}") for id_ in ids)]


THREAD = [
    HumanMessage("one?", id="1.0"), *pair(1, 1, calls=2), *pair(1, 2), AIMessage("one.", id="1.3"),
    HumanMessage("two?", id="2.0"), *pair(2, 1), AIMessage("two.", id="2.2"),
    HumanMessage("three?", id="3.0"), *pair(3, 1), *pair(3, 2),
]  # fmt: skip


def texts(prompt: list[AnyMessage]) -> list[str]:
    return [str(message.content) or f"call {message.id}" for message in prompt[1:]]


def prompt(**left_out: int) -> list[AnyMessage]:
    return build_prompt(THREAD, instructions="", left_out=LeftOut(**{**NOTHING_LEFT_OUT, **left_out}))  # type: ignore[typeddict-item]


def test_a_whole_prompt_is_system_text_and_thread() -> None:
    whole = prompt()
    assert isinstance(whole[0], SystemMessage)
    assert whole[1:] == THREAD


def test_pairs_go_first_and_a_note_counts_their_calls() -> None:
    assert texts(prompt(pairs=1)) == [f"one?\n{render_compaction(2)}", "call 1.2", "result 120", "one.", *texts(prompt())[7:]]
    assert texts(prompt(pairs=3))[:4] == [f"one?\n{render_compaction(3)}", "one.", f"two?\n{render_compaction(1)}", "two."]


def test_then_whole_turns_and_last_the_pairs_of_this_turn() -> None:
    assert texts(prompt(pairs=3, turns=1))[:2] == [f"two?\n{render_compaction(1)}", "two."]
    assert texts(prompt(pairs=3, turns=2)) == ["three?", "call 3.1", "result 310", "call 3.2", "result 320"]
    assert texts(prompt(pairs=5, turns=2)) == [f"three?\n{render_compaction(2)}"]


def measure(prompt: list[AnyMessage]) -> int:
    return 10 * len(prompt)


@pytest.mark.parametrize(
    ("window", "left_out"),
    [
        (200, {"pairs": 0, "turns": 0}),
        (160, {"pairs": 3, "turns": 0}),
        (110, {"pairs": 3, "turns": 2}),
        (80, {"pairs": 4, "turns": 2}),
        (40, {"pairs": 5, "turns": 2}),
    ],
)
def test_a_smaller_window_leaves_more_out_oldest_first(window: int, left_out: LeftOut) -> None:
    kept, left = fit_prompt(THREAD, instructions="", left_out=NOTHING_LEFT_OUT, measure=measure, window=window, room=10)
    assert left == left_out
    assert measure(kept) <= window


def test_what_is_left_out_makes_room_so_that_prompts_extend_each_other() -> None:
    first, left_out = fit_prompt(THREAD, instructions="", left_out=NOTHING_LEFT_OUT, measure=measure, window=160, room=10)
    longer = [*THREAD, *pair(3, 3)]
    second, same = fit_prompt(longer, instructions="", left_out=left_out, measure=measure, window=160, room=10)
    assert same == left_out
    assert second[: len(first)] == first


def test_a_question_that_cannot_fit_is_told_with_sizes() -> None:
    with pytest.raises(ContextOverflowError, match="takes 20 tokens, the context window has 25"):
        fit_prompt(THREAD, instructions="", left_out=NOTHING_LEFT_OUT, measure=measure, window=25, room=10)


def test_calls_without_all_their_results_are_dropped() -> None:
    cut_off = [HumanMessage("one?"), *pair(1, 1), *pair(1, 2, calls=2)[:-1], HumanMessage("two?")]
    turns = split_turns(cut_off)
    assert [len(turn.pairs) for turn in turns] == [1, 0]
    assert texts(build_prompt(cut_off, instructions="", left_out=NOTHING_LEFT_OUT)) == ["one?", "call 1.1", "result 110", "two?"]


def test_messages_before_any_question_are_kept() -> None:
    assert texts(build_prompt([AIMessage("Hello."), HumanMessage("Hi.")], instructions="", left_out=NOTHING_LEFT_OUT)) == ["Hello.", "Hi."]


def test_a_prompt_is_counted_with_its_calls_thoughts_and_tools() -> None:
    spec = ToolSpec(name="f", description="one two three", parameters={})
    call = AIMessage("", tool_calls=[{"name": "f", "args": {"a": "x y"}, "id": "1"}], additional_kwargs={"reasoning_content": "hm hm"})

    def count(text: str) -> int:
        return len(text.split())

    assert prompt_tokens([call], [], count) - prompt_tokens([], [], count) == 8 + 2 + 4
    assert prompt_tokens([], [spec], count) > prompt_tokens([], [], count)


def test_a_run_never_sends_more_than_the_window_and_says_what_it_left_out() -> None:
    @tool(max_result_tokens=100)
    def page(n: int) -> str:
        """Give a page."""
        return f"page {n} " + "word " * 200

    def model_says(messages: list[Any]) -> Any:
        last = max((int(str(message.content).split()[4]) for message in messages if isinstance(message, ToolMessage)), default=0)
        return {"name": "page", "args": {"n": last + 1}} if last < 5 else "Read."

    model = ScriptedModel(model_says, n_ctx=500)
    answer = Agent(model, tools=[page]).ask("Read all.")
    assert (answer.text, len(answer.steps)) == ("Read.", 5)
    sizes = [sum(model.count_tokens(str(message.content)) for message in request.messages) for request in model.requests]
    assert max(sizes) <= 500
    assert "earlier calls and their results left out]" in str(model.requests[-1].messages[1].content)
    assert all(request.options["max_tokens"] + size <= 500 for request, size in zip(model.requests, sizes, strict=True))
