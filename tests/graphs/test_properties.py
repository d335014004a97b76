"""Whatever a model does, a run stays within its budgets and its window and ends with an answer or a named stop."""

import time
from typing import Any, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from agentkit import Agent, Answer, Budget, tool
from agentkit.answer import StopReason
from agentkit.errors import ContextOverflowError, ToolError
from agentkit.graphs.prompt import build_prompt, fit_prompt, split_turns
from agentkit.graphs.tokens import cut_to, head_of
from agentkit.testing import ScriptedModel, count_words

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def echo(text: str) -> str:
    """Say it back."""
    return text


@tool
def broken(times: int = 1) -> str:
    """Break."""
    raise ToolError("out of order " * times)


@tool(response_format="content_and_artifact")
def search(query: str) -> tuple[str, dict[str, Any]]:
    """Search."""
    texts = [f"passage about {query} number {n}" for n in range(len(query) % 4)]
    return "", {"passages": [{"source": "a.md", "location": "A", "text": text} for text in texts]}


TOOLS = [add, echo, broken, search]

values = st.one_of(st.none(), st.integers(-3, 3), st.text(max_size=8), st.lists(st.integers(), max_size=2))
arguments = st.dictionaries(st.sampled_from(["a", "b", "text", "query", "times", "zzz"]), values, max_size=3)
good_calls = st.one_of(
    st.builds(lambda a, b: {"name": "add", "args": {"a": a, "b": b}}, st.integers(0, 2), st.integers(0, 1)),
    st.builds(lambda text: {"name": "echo", "args": {"text": text}}, st.sampled_from(["x", "y", "long " * 400])),
    st.builds(lambda query: {"name": "search", "args": {"query": query}}, st.sampled_from(["beds", "pump", "a"])),
)
wild_calls = st.builds(
    lambda name, args, id_: {"name": name, "args": args, "id": id_},
    st.sampled_from(["add", "echo", "broken", "search", "serch", "", "no such tool", "\ud800"]),
    arguments,
    st.sampled_from([None, "", "same", "other"]),
)
invalid = st.builds(
    lambda args: AIMessage("", invalid_tool_calls=[{"type": "invalid_tool_call", "name": "add", "args": args, "id": None, "error": ""}]),
    st.text(max_size=10),
)
drafts = st.one_of(
    st.sampled_from(["", " ", "It is 3.", '[1: "passage"] and [2: "nothing"]', "[[1: \"x", "word " * 300, "half \ud83d", "7 " * 5]),
    st.text(max_size=40),
)
outputs = st.one_of(good_calls, wild_calls, st.lists(st.one_of(good_calls, wild_calls), min_size=1, max_size=4), drafts, invalid)


class Hostile(ScriptedModel):
    """Goes through its outputs again and again."""

    def __init__(self, script: list[Any], **fields: Any) -> None:
        def forever() -> Any:
            while True:
                yield from script

        super().__init__(forever(), **fields)


budgets = st.builds(
    Budget, st.one_of(st.none(), st.integers(0, 6)), st.one_of(st.none(), st.integers(0, 300)), st.one_of(st.none(), st.just(20.0))
)


windows = st.sampled_from([None, 600, 2000])


@given(script=st.lists(outputs, min_size=1, max_size=6), budget=budgets, withholding=st.booleans(), n_ctx=windows)
@settings(quick, max_examples=100)
def test_a_hostile_model_always_ends_with_an_answer_or_a_named_stop(
    script: list[Any], budget: Budget, withholding: bool, n_ctx: int | None
) -> None:
    steps = budget.steps if budget.steps is not None else 12
    model = Hostile(script, supports_withholding=withholding, n_ctx=n_ctx)
    began = time.monotonic()
    answer = Agent(model, tools=TOOLS, budget=Budget(steps, budget.tokens, budget.seconds)).ask("What now, 3?")
    assert answer.stop_reason in get_args(StopReason)
    assert answer.text.strip()
    assert time.monotonic() - began < 20
    assert len({step["step"] for step in answer.steps}) <= steps
    assert len(model.requests) <= steps + 2
    if budget.tokens is not None:
        assert answer.usage["output_tokens"] <= budget.tokens
    _assert_sound(answer, model, n_ctx)


def _assert_sound(answer: Answer, model: ScriptedModel, n_ctx: int | None) -> None:
    for request in model.requests:
        _assert_order(request.messages)
        if n_ctx is not None:
            assert sum(model.count_tokens(str(message.content)) for message in request.messages) <= n_ctx
    for citation in answer.citations:
        passage = f"[{citation['n']}] {citation['source']}, {citation['location']}\n"
        assert any(citation["quote"] in step["observation"].partition(passage)[2] for step in answer.steps)


def _assert_order(messages: Any) -> None:
    """Every call is followed by its result, in order, under ids that are unique."""
    waiting: list[str] = []
    seen: set[str] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            assert message.tool_call_id == waiting.pop(0)
            continue
        assert not waiting
        if isinstance(message, AIMessage):
            waiting = [str(call["id"]) for call in message.tool_calls]
            assert len(set(waiting)) == len(waiting)
            assert not seen & set(waiting)
            seen.update(waiting)
    ids = [message.id for message in messages]
    assert len(set(ids)) == len(ids)


@given(script=st.lists(good_calls, min_size=1, max_size=3))
@quick
def test_going_round_in_circles_ends_without_any_budget(script: list[Any]) -> None:
    model = Hostile(script)
    answer = Agent(model, tools=TOOLS, budget=Budget(None, None, None)).ask("Go.")
    assert answer.stop_reason == "no_progress"
    assert len(model.requests) <= len(script) + 5
    results = [step["observation"] for step in answer.steps if step["observation"].startswith(("Result", "Passages", "No passages"))]
    assert len(results) == len({str(call) for call in script}), "no call is run twice"


# ---------------------------------------------------------------------- prompts of random histories


@st.composite
def histories(draw: Any) -> list[AnyMessage]:
    messages: list[AnyMessage] = []
    for turn in range(1, draw(st.integers(1, 5)) + 1):
        messages.append(HumanMessage("question " * draw(st.integers(1, 20)), id=f"{turn}.0"))
        step = 0
        for step in range(1, draw(st.integers(0, 4)) + 1):
            ids = [f"{turn}{step}{call}" for call in range(draw(st.integers(1, 3)))]
            calls = [{"name": "add", "args": {"a": 1}, "id": id_, "type": "tool_call"} for id_ in ids]
            messages.append(AIMessage("", tool_calls=calls, id=f"{turn}.{step}"))
            answered = ids if draw(st.integers(0, 9)) else ids[:-1]
            results = [ToolMessage("result " * draw(st.integers(1, 60)), tool_call_id=id_, id=f"{turn}.{step}.{id_}") for id_ in answered]
            messages.extend(results)
        if draw(st.integers(0, 9)):
            messages.append(AIMessage("answer " * draw(st.integers(1, 40)), id=f"{turn}.{step + 1}"))
    last = draw(st.integers(1, 20))
    return [*messages, HumanMessage("now " * last, id="99.0")]


def measure(prompt: list[AnyMessage]) -> int:
    return sum(count_words(str(message.content)) + 8 for message in prompt)


@given(history=histories(), window=st.integers(60, 1500), room=st.integers(0, 200))
@settings(quick, max_examples=300)
def test_a_prompt_never_exceeds_the_window_and_holds_whole_pairs(history: list[AnyMessage], window: int, room: int) -> None:
    nothing = {"pairs": 0, "turns": 0}
    try:
        prompt, left_out = fit_prompt(history, instructions="", left_out=nothing, measure=measure, window=window, room=room)  # type: ignore[arg-type]
    except ContextOverflowError as error:
        assert str(window) in str(error)
        alone = build_prompt([history[-1]], instructions="", left_out=nothing)  # type: ignore[arg-type]
        assert measure(alone) + 8 > window
        return
    assert measure(prompt) <= window
    _assert_order(prompt)
    assert [message.type for message in (prompt[0], prompt[-1])] == ["system", "human"]
    kept = [message.id for message in prompt[1:]]
    whole = [message.id for message in build_prompt(history, instructions="", left_out=nothing)[1:]]  # type: ignore[arg-type]
    assert kept == [id_ for id_ in whole if id_ in set(kept)], "what stays is in its order"
    if measure(build_prompt(history, instructions="", left_out=nothing)) + room <= window:  # type: ignore[arg-type]
        assert kept == whole
    again, same = fit_prompt(history, instructions="", left_out=left_out, measure=measure, window=window, room=room)
    assert (again, same) == (prompt, left_out) or measure(prompt) + room > window, "what is left out stays left out"


@given(history=histories())
@quick
def test_turns_lose_nothing_but_calls_without_results(history: list[AnyMessage]) -> None:
    turns = split_turns(history)
    kept = {message.id for turn in turns for message in [turn.question, *turn.rest] if message}
    kept |= {message.id for turn in turns for pair in turn.pairs for message in pair}
    answered = {message.tool_call_id for message in history if isinstance(message, ToolMessage)}
    for message in history:
        whole = not isinstance(message, AIMessage) or all(call["id"] in answered for call in message.tool_calls)
        if not isinstance(message, ToolMessage):
            assert (message.id in kept) == whole


@given(texts=st.lists(st.text(max_size=60), max_size=5), limit=st.integers(0, 40))
@quick
def test_a_cut_is_a_beginning_within_the_limit(texts: list[str], limit: int) -> None:
    kept, left_out = head_of(texts, limit, count_words)
    assert sum(map(count_words, kept)) <= limit
    assert all(text.startswith(head) for text, head in zip([text for text in texts if text], kept, strict=False)) or "" in texts
    assert left_out >= 0
    for text in texts:
        head = text[: cut_to(text, limit, count_words)]
        assert count_words(head) <= limit or head == text
