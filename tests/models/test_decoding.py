"""The decode loop, walked at random through real token masks."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentkit.errors import ModelError
from agentkit.models.context import Context
from agentkit.models.decoding import Sampling, compile_grammar, generate
from agentkit.models.dialect import PlainDialect
from agentkit.models.turn import call_costs
from agentkit.models.weights import Weights
from tests.models.schemas import tool_sets
from tests.models.walking import CITING, Favoured, RandomContext, check_message, spec, take_walk

Property = Callable[[Callable[..., None]], Callable[..., None]]

PASSAGES = {
    1: 'The "Old Mill"\nhas 36 beds; a night costs 7.50 €.',
    3: "| Name | Phone |\n|---|---|\n| Möller | 0451\\22 |",
    12: "水のポンプ場は一九八七年に建てられた。",
}
CALCULATOR = spec("calculator", {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]})
BOOKING = spec(
    "book",
    {
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "people": {"type": "integer", "minimum": 1, "maximum": 12},
            "wishes": {"type": "array", "items": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}},
            "place": {"enum": ["inside", "garden"]},
        },
        "required": ["day", "people", "wishes"],
    },
)
TREE = spec(
    "plant",
    {
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/node"}},
        "required": ["root"],
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
                "required": ["name", "children"],
            }
        },
    },
)


def often(fast: int) -> Property:
    return settings(max_examples=fast, deadline=None, suppress_health_check=list(HealthCheck))


favourites = st.sampled_from(["", '"', "[", '[]"', "{", "[{", "\\", "0123456789", "}]", "\n", ",", "C", "é水", CITING])
limits = st.integers(1, 200)
seeds = st.integers(0, 2**32)


@often(60)
@given(tools=tool_sets(), limit=limits, seed=seeds, favoured=favourites, choice=st.sampled_from(["auto", "any", "none"]))
def test_whatever_is_drawn_from_the_masks_is_valid(
    weights: Weights, dialect: PlainDialect, tools: list[Any], limit: int, seed: int, favoured: Favoured, choice: str
) -> None:
    walk = take_walk(weights, dialect, tools, limit=limit, seed=seed, choice=choice, passages=PASSAGES, favoured=favoured)
    assert len(walk.generated.tokens) <= limit
    check_message(walk, tools, PASSAGES, dialect)


@pytest.mark.slow
@often(1500)
@given(tools=tool_sets(), limit=limits, seed=seeds, favoured=favourites, choice=st.sampled_from(["auto", "any", "none"]))
def test_whatever_is_drawn_from_the_masks_is_valid_many_times(
    weights: Weights, dialect: PlainDialect, tools: list[Any], limit: int, seed: int, favoured: Favoured, choice: str
) -> None:
    walk = take_walk(weights, dialect, tools, limit=limit, seed=seed, choice=choice, passages=PASSAGES, favoured=favoured)
    assert len(walk.generated.tokens) <= limit
    check_message(walk, tools, PASSAGES, dialect)


@pytest.mark.parametrize("tools", [[CALCULATOR], [BOOKING], [TREE], [CALCULATOR, BOOKING, TREE]], ids=["string", "object", "tree", "all"])
def test_a_forced_call_completes_from_its_cost_upward_and_is_not_begun_below(
    weights: Weights, dialect: PlainDialect, tools: list[Any]
) -> None:
    cost = min(call_costs(weights, dialect, tools).values())
    for limit in range(1, 201):
        walk = take_walk(weights, dialect, tools, limit=limit, seed=limit, choice="any", favoured="{[" if limit % 2 else "")
        check_message(walk, tools, {}, dialect)
        assert bool(walk.message.tool_calls) == (limit >= cost)
        if limit < cost:
            assert walk.text == "" and walk.generated.finish_reason == "length"


@often(120)
@given(limit=limits, seed=seeds, favoured=st.sampled_from([CITING, CITING[:-2], "[", '["', "[]"]))
def test_answers_cite_literally_and_citations_are_not_cut(
    weights: Weights, dialect: PlainDialect, limit: int, seed: int, favoured: Favoured
) -> None:
    walk = take_walk(weights, dialect, [], limit=limit, seed=seed, choice="none", passages=PASSAGES, favoured=favoured)
    check_message(walk, [], PASSAGES, dialect)


@pytest.mark.parametrize("n", PASSAGES)
def test_random_answers_do_cite_each_passage(weights: Weights, dialect: PlainDialect, n: int) -> None:
    favoured = (" [", "[", *str(n), ":", ' "')
    walks = [take_walk(weights, dialect, [], limit=200, seed=s, choice="none", passages=PASSAGES, favoured=favoured) for s in range(12)]
    assert any(f'[{n}: "' in str(walk.message.content) for walk in walks)


def test_an_answer_has_no_control_characters(weights: Weights, dialect: PlainDialect) -> None:
    walks = [take_walk(weights, dialect, [], limit=60, seed=seed, choice="none", favoured="\x1b\x07\x00\r\x7f") for seed in range(20)]
    assert not any(set(walk.text) & set("\x1b\x07\x00\r\x7f") for walk in walks)


def test_sampling_keeps_to_the_grammar_too(weights: Weights, dialect: PlainDialect) -> None:
    warm = Sampling(temperature=1.3, top_k=0, top_p=1.0, min_p=0.0, seed=7)
    for seed, limit in enumerate((9, 14, 30, 50, 60, 80)):
        walk = take_walk(weights, dialect, [BOOKING, CALCULATOR], limit=limit, seed=seed, choice="any", sampling=warm)
        assert walk.message.tool_calls
        check_message(walk, [BOOKING, CALCULATOR], {}, dialect)


def test_an_unbounded_string_is_closed_at_the_limit(weights: Weights, dialect: PlainDialect) -> None:
    walk = take_walk(weights, dialect, [CALCULATOR], limit=40, seed=3, choice="calculator")
    assert walk.generated.finish_reason == "stop"
    assert len(walk.generated.tokens) == 40


def test_greedy_takes_the_best_token_and_top_k_of_one_does_too(weights: Weights) -> None:
    greedy, single = (
        generate(_context(weights), [1], limit=20, sampling=sampling).tokens
        for sampling in (Sampling(), Sampling(temperature=1.0, top_k=1))
    )
    assert greedy == single


def test_a_seed_repeats_what_was_drawn(weights: Weights) -> None:
    first, again, other = (
        generate(_context(weights), [1], limit=20, sampling=Sampling(temperature=1.0, min_p=0.0, seed=seed)).tokens for seed in (5, 5, 6)
    )
    assert first == again != other


@pytest.mark.parametrize("narrow", [{"min_p": 1.0}, {"top_p": 1e-6}, {"temperature": 1e-6}])
def test_narrow_sampling_is_greedy(weights: Weights, narrow: dict[str, float]) -> None:
    drawn = generate(_context(weights), [1], limit=10, sampling=Sampling(**{"temperature": 1.0, "seed": 1, **narrow}))  # type: ignore[arg-type]
    assert drawn.tokens == generate(_context(weights), [1], limit=10).tokens


def test_a_repeat_penalty_makes_repetition_rarer(weights: Weights) -> None:
    plain, punished = (
        generate(_context(weights, favoured="e", bonus=40.0), [1], limit=100, sampling=Sampling(repeat_penalty=penalty)).tokens
        for penalty in (1.0, 1000.0)
    )
    assert len(set(punished)) >= len(set(plain))
    assert max(map(punished[:60].count, punished[:60])) == 1


def test_a_cancelled_run_reads_no_further(weights: Weights) -> None:
    context, cancelled = _context(weights), threading.Event()
    cancelled.set()
    result = generate(context, list(range(1000)), limit=10, cancelled=cancelled)
    assert (result.finish_reason, result.tokens, context.decoded) == ("cancelled", [], 0)


def test_the_limit_is_what_the_context_leaves(weights: Weights) -> None:
    result = generate(_context(weights, n_ctx=50), list(range(40)), limit=100)
    assert (len(result.tokens), result.finish_reason) == (10, "length")


def test_a_grammar_that_does_not_compile_is_a_model_error(weights: Weights) -> None:
    with pytest.raises(ModelError, match="does not compile"):
        compile_grammar(weights, "start: UNKNOWN")


def _context(weights: Weights, favoured: Favoured = "", bonus: float = 6.0, n_ctx: int = 8192) -> Context:
    return cast(Context, RandomContext(weights, seed=11, favoured=favoured, bonus=bonus, n_ctx=n_ctx))
