"""The KV cache: conversations are continued, copied and dropped, and never read under another adapter."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.errors import ContextOverflowError, ModelFileError, SettingsError
from agentkit.models.context import SLOTS, Context
from agentkit.models.weights import Weights, open_weights
from tests.models.tiny_models import write_adapter, write_model

SYSTEM = list(range(30, 70))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return open_weights(write_model(tmp_path_factory.mktemp("models") / "tiny.gguf"))


@pytest.fixture
def context(tiny: Weights) -> Iterator[Context]:
    """A cache of 512 tokens."""
    made = Context(tiny, n_ctx=512, n_threads=1)
    yield made
    made.close()


def read(context: Context, prompt: Sequence[int], **adapter: Any) -> tuple[int, Any]:
    """Read a prompt; how much of it was there already, and the logits behind it."""
    slot, cached = context.begin(prompt, **adapter)
    return cached, context.decode(slot, prompt[cached:]).copy()


def talk(number: int) -> list[int]:
    """A conversation of 20 tokens that begins as no other one does."""
    return [200 + number, *range(100, 119)]


def alone(weights: Weights, prompt: Sequence[int], **adapter: Any) -> Any:
    """The logits behind a prompt that is read from its beginning."""
    context = Context(weights, n_ctx=512, n_threads=1)
    try:
        return read(context, prompt, **adapter)[1]
    finally:
        context.close()


def test_a_longer_prompt_goes_on_where_the_last_one_ended(context: Context, tiny: Weights) -> None:
    assert read(context, SYSTEM)[0] == 0
    cached, logits = read(context, [*SYSTEM, 5, 6])
    assert cached == len(SYSTEM) and context.decoded == len(SYSTEM) + 2
    assert np.allclose(logits, alone(tiny, [*SYSTEM, 5, 6]), atol=0.05)


def test_the_last_token_is_always_read_since_its_logits_are_wanted(context: Context) -> None:
    _, first = read(context, SYSTEM)
    cached, again = read(context, SYSTEM)
    assert cached == len(SYSTEM) - 1
    assert np.allclose(first, again, atol=0.05)


def test_a_new_conversation_copies_the_beginning_that_it_shares_and_leaves_the_other_whole(context: Context, tiny: Weights) -> None:
    one, two = [*SYSTEM, *talk(0)], [*SYSTEM, *talk(3)]
    read(context, one)
    cached, logits = read(context, two)
    assert cached == len(SYSTEM)
    assert np.allclose(logits, alone(tiny, two), atol=0.05)
    cached, logits = read(context, [*one, 7])
    assert cached == len(one)
    assert np.allclose(logits, alone(tiny, [*one, 7]), atol=0.05)


def test_a_rewritten_tail_is_written_over_in_its_place(context: Context) -> None:
    read(context, [*SYSTEM, 1, 2, 3])
    slot, cached = context.begin([*SYSTEM, 4])
    assert (cached, slot.tokens) == (len(SYSTEM), SYSTEM)


def test_what_was_read_with_one_adapter_is_not_used_with_another_or_another_scale(context: Context, tiny: Weights, tmp_path: Path) -> None:
    first, second = (str(write_adapter(tmp_path / f"{seed}.gguf", seed=seed)) for seed in (1, 2))
    ways: list[dict[str, Any]] = [{}, {"adapter": first}, {"adapter": first, "scale": 0.5}, {"adapter": second}]
    seen = []
    for way in ways:
        cached, logits = read(context, SYSTEM, **way)
        assert cached == 0
        seen.append(logits)
    for way, before in zip(ways, seen, strict=True):
        cached, logits = read(context, SYSTEM, **way)
        assert cached == len(SYSTEM) - 1
        assert np.allclose(logits, before, atol=0.05) and np.allclose(logits, alone(tiny, SYSTEM, **way), atol=0.05)
    assert all(not np.allclose(seen[0], logits, atol=0.05) for logits in seen[1:])


def test_an_adapter_that_is_not_there_is_refused_and_the_context_goes_on(context: Context) -> None:
    with pytest.raises(ModelFileError, match=r"there is no adapter file 'absent\.gguf'"):
        context.begin(SYSTEM, adapter="absent.gguf")
    assert read(context, SYSTEM)[0] == 0


def test_of_more_conversations_than_slots_the_one_used_longest_ago_is_dropped(context: Context) -> None:
    for number in range(SLOTS):
        read(context, talk(number))
    read(context, [*talk(0), 1])  # used again: now number 1 is the oldest
    read(context, talk(SLOTS))
    kept = [number for number in range(SLOTS + 1) if any(slot.tokens[:20] == talk(number) for slot in context._slots)]
    assert kept == [0, *range(2, SLOTS + 1)]
    assert read(context, [*talk(2), 1])[0] == 20
    assert read(context, [*talk(1), 1])[0] == 0


def test_a_full_cache_drops_old_conversations_for_the_one_that_is_read(context: Context, tiny: Weights) -> None:
    random = np.random.default_rng(3)
    prompts = [random.integers(0, 250, size=200).tolist() for _ in range(4)]
    for prompt in prompts:
        cached, logits = read(context, prompt)
        assert cached == 0
    assert np.allclose(logits, alone(tiny, prompts[-1]), atol=0.05)
    assert sum(len(slot.tokens) for slot in context._slots) <= 512


def test_a_conversation_that_outgrows_the_window_is_an_error_and_the_next_one_works(context: Context, tiny: Weights) -> None:
    with pytest.raises(ContextOverflowError, match="the prompt has 512 tokens and the context window 512"):
        context.begin([1] * 512)
    slot, _ = context.begin(SYSTEM)
    with pytest.raises(ContextOverflowError, match="outgrew the context window of 512 tokens"):
        context.decode(slot, [2] * 600)
    assert np.allclose(read(context, SYSTEM)[1], alone(tiny, SYSTEM), atol=0.05)


def test_another_type_of_cache_works_and_an_unknown_one_is_refused(tiny: Weights) -> None:
    context = Context(tiny, n_ctx=128, n_threads=1, type_k="f32", type_v="f32")
    assert np.isfinite(read(context, SYSTEM)[1]).all()
    context.close()
    context.close()
    with pytest.raises(SettingsError, match="the KV cache is to have the type 'q3': allowed are f32, f16"):
        Context(tiny, n_ctx=128, type_k="q3")
