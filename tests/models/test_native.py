"""The native dialect: call syntax read off templates, and steps written in it by a real model."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agentkit.contract import ToolSpec
from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.decoding import compile_grammar
from agentkit.models.dialect import encode
from agentkit.models.embedded import base_file
from agentkit.models.native import CallSyntax, NativeDialect, probe_syntax
from agentkit.models.template import ChatTemplate, TemplateError
from agentkit.models.weights import Weights, open_weights

# what Qwen, Granite and MiMo write, in ChatML; SmolLM2's vocabulary has its control tokens
HERMES = """{%- for message in messages -%}
{%- if loop.first and tools -%}<|im_start|>system
{{ message.content if message.role == 'system' }}
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif -%}
{%- if message.role == 'system' and not (loop.first and tools) -%}<|im_start|>system
{{ message.content }}<|im_end|>
{% elif message.role == 'tool' -%}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif message.role == 'assistant' -%}<|im_start|>assistant
{{ message.content }}{% for call in message.tool_calls or [] %}{{ '\\n' if message.content and loop.first or not loop.first }}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% elif message.role == 'user' -%}<|im_start|>user
{{ message.content }}<|im_end|>
{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""

SPECS = [
    ToolSpec(name="bin", description="Empties a bin.", parameters={"type": "object", "properties": {}}),
    ToolSpec(
        name="bin_day",
        description="Says when a bin is emptied.",
        parameters={
            "type": "object",
            "properties": {"street": {"type": "string"}, "waste": {"enum": ["paper", "glass"]}, "week": {"type": "integer"}},
            "required": ["street", "waste"],
        },
    ),
]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return open_weights(base_file())


@pytest.fixture(scope="module")
def dialect(weights: Weights) -> NativeDialect:
    return NativeDialect(ChatTemplate(HERMES), weights, fingerprint="f")


def called(*calls: tuple[str, dict[str, Any]]) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"abcdefgh{place}"} for place, (name, args) in enumerate(calls)])


def test_the_syntax_of_a_call_is_read_off_its_rendering(dialect: NativeDialect) -> None:
    assert dialect.syntax == CallSyntax(
        lead='<tool_call>\n{"name": "',
        middle='", "arguments": ',
        tail="}\n</tool_call>",
        between='}\n</tool_call>\n<tool_call>\n{"name": "',
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("{{ tool | tojson }}", "a tool"), "does not show tools"),
        (("{{ message.content }}{% for call", "{% for call"), "text beside a call is lost"),
        (("{{ call.function.arguments | tojson }}", "{{ call.function.arguments.n }}"), "not written as its name and its arguments"),
        (("<tool_response>\n{{ message.content }}", "<tool_response>\n"), "result is not shown"),
        (("<|im_start|>assistant\n{{ message.content }}", "<|im_start|>model\n{{ message.content }}"), "does not extend the prompt"),
    ],
)
def test_a_template_that_fails_a_probe_is_refused_with_the_reason(change: tuple[str, str], reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        probe_syntax(ChatTemplate(HERMES.replace(*change)), ["<|im_end|>"])


def test_a_conversation_renders_as_the_template_writes_it(dialect: NativeDialect) -> None:
    messages: list[BaseMessage] = [
        SystemMessage("Be brief."),
        HumanMessage("When is the paper collected in Elm Road?"),
        called(("bin_day", {"street": "Elm Road", "waste": "paper"})),
        ToolMessage("Tuesday", tool_call_id="abcdefgh0", name="bin_day"),
        AIMessage("On Tuesday."),
    ]
    text = "".join(segment.text for segment in dialect.render(messages, SPECS[1:], generation=False))
    tools = json.dumps(_function(SPECS[1]))
    assert text == (
        f"<|im_start|>system\nBe brief.\n{tools}\n<|im_end|>\n"
        "<|im_start|>user\nWhen is the paper collected in Elm Road?<|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "bin_day", "arguments": {"street": "Elm Road", "waste": "paper"}}\n'
        "</tool_call><|im_end|>\n"
        "<|im_start|>user\n<tool_response>\nTuesday\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\nOn Tuesday.<|im_end|>\n"
    )


def test_turns_keep_the_ids_that_were_generated(dialect: NativeDialect, weights: Weights) -> None:
    from agentkit.models.dialect import text_hash

    message = called(("bin", {}))
    message.response_metadata = {"token_ids": [5, 6, 7], "fingerprint": "f", "text_hash": text_hash(message)}
    encoded = encode(dialect.render([HumanMessage("Empty it."), message], SPECS, generation=False), weights)
    assert [token for token, own in zip(encoded.ids, encoded.own, strict=True) if own][:3] == [5, 6, 7]
    other = message.model_copy(update={"response_metadata": {**message.response_metadata, "fingerprint": "another"}})
    retokenised = encode(dialect.render([HumanMessage("Empty it."), other], SPECS, generation=False), weights)
    assert [token for token, own in zip(retokenised.ids, retokenised.own, strict=True) if own][:3] != [5, 6, 7]


@pytest.mark.parametrize(
    "message",
    [
        called(("bin", {})),
        called(("bin", {}), ("bin_day", {"street": 'Elm "Road"', "waste": "glass"})),
    ],
)
def test_what_is_written_is_read_again(dialect: NativeDialect, message: AIMessage) -> None:
    step = dialect.parse(dialect.own_text(message))
    assert [(call.name, json.loads(call.args)) for call in step.calls if call.complete] == [
        (c["name"], c["args"]) for c in message.tool_calls
    ]


def test_text_may_come_before_a_call_that_begins_with_a_control_token(weights: Weights) -> None:
    marked = NativeDialect(ChatTemplate(HERMES.replace("<tool_call>", "<jupyter_start>")), weights)
    thinking = AIMessage("", additional_kwargs={"reasoning_content": "Two bins."}, tool_calls=called(("bin", {})).tool_calls)
    step = marked.parse(marked.own_text(thinking))
    assert (step.thought, [call.name for call in step.calls]) == ("Two bins.", ["bin"])
    grammar = marked.grammar(SPECS, choice="auto", passages={}, thought=True)
    tokens = weights.tokenize(marked.own_text(thinking), special=True)
    assert compile_grammar(weights, grammar).try_consume_tokens(tokens) == len(tokens)
    assert marked.must_finish(b"Two bins.<jupyter_start>") and not marked.must_finish(b"Two bins.")


def test_an_answer_is_not_taken_for_a_call(dialect: NativeDialect) -> None:
    assert dialect.parse("It is Tuesday.").answer == "It is Tuesday."


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ('<tool_call>\n{"name": "bin", "arguments": {}}\n</tool_call>', True),
        ('<tool_call>\n{"name": "bin_day", "arguments": {"street": "x", "waste": "paper"}}\n</tool_call>', True),
        ('<tool_call>\n{"name": "bin_day", "arguments": {"street": "x", "waste": "wood"}}', False),
        ('<tool_call>\n{"name": "box"', False),
        ("It is Tuesday.", True),
        ('It says so [1: "on Tuesday"].', True),
        ('It says so [2: "on', False),
        ('It says so [1: "on Monday', False),
    ],
)
def test_the_grammar_holds_calls_and_citations(dialect: NativeDialect, weights: Weights, text: str, accepted: bool) -> None:
    grammar = dialect.grammar(SPECS, choice="auto", passages={1: "Paper is collected on Tuesday."}, thought=True)
    tokens = weights.tokenize(text, special=True)
    assert (compile_grammar(weights, grammar).try_consume_tokens(tokens) == len(tokens)) is accepted


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, weights: Weights, dialect: NativeDialect) -> ChatLlamaCpp:
    """SmolLM2 made to speak another template."""
    model = ChatLlamaCpp(model_path=base_file(), n_ctx=1024, n_threads=1, max_tokens=60)
    monkeypatch.setattr(ChatLlamaCpp, "dialect", property(lambda self: dialect))
    return model


@pytest.mark.parametrize("choice", ["any", "bin_day"])
def test_a_forced_call_is_valid_at_every_limit(model: ChatLlamaCpp, choice: str) -> None:
    cost = model.call_costs([_function(spec) for spec in SPECS])
    least = min(cost.values()) if choice == "any" else cost[choice]
    for limit in (1, least - 1, least, least + 8, least + 30):
        bound = model.bind_tools([_function(spec) for spec in SPECS], tool_choice=choice, max_tokens=limit)
        answer = bound.invoke("When is the paper collected in Elm Road?")
        assert bool(answer.tool_calls) is (limit >= least)
        assert all(call["name"] in cost for call in answer.tool_calls)


def test_the_stream_tells_what_the_whole_says(model: ChatLlamaCpp) -> None:
    bound = model.bind_tools([_function(spec) for spec in SPECS], tool_choice="bin_day")
    whole = bound.invoke("When is the paper collected in Elm Road?")
    streamed: Any = None
    for piece in bound.stream("When is the paper collected in Elm Road?"):
        streamed = piece if streamed is None else streamed + piece
    assert [(call["name"], call["args"]) for call in streamed.tool_calls] == [(call["name"], call["args"]) for call in whole.tool_calls]


def _function(spec: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}}


def templates() -> Iterator[tuple[str, str]]:
    """Name and text of the chat templates in llama.cpp's sources, as the build keeps them."""
    archives = sorted((Path(__file__).parents[2] / ".cache" / "sdist").glob("llama_cpp_python-*.tar.gz"))
    if not archives:
        return
    with tarfile.open(archives[-1]) as archive:
        for member in archive:
            if "/vendor/llama.cpp/models/templates/" in member.name and member.name.endswith(".jinja"):
                file = archive.extractfile(member)
                assert file is not None
                yield Path(member.name).stem, file.read().decode("utf-8")


def test_templates_that_carry_calls_are_known() -> None:
    found = list(templates())
    if not found:
        pytest.skip("the sources of llama-cpp-python are not kept in .cache/sdist")
    native = []
    for name, source in found:
        try:
            probe_syntax(ChatTemplate(source, "<s>", "</s>"), ["<|im_end|>", "</s>", "<|eot_id|>", "<|end_of_text|>"])
        except TemplateError:
            continue
        native.append(name)
    assert native == [
        "GigaChat3-10B-A1.8B",
        "GigaChat3.1-10B-A1.8B",
        "MiMo-VL",
        "Qwen-Qwen2.5-7B-Instruct",
        "ibm-granite-granite-4.0",
        "ibm-granite-granite-4.1",
        "meetkai-functionary-medium-v3.1",
        "mistralai-Ministral-3-14B-Reasoning-2512",
        "moonshotai-Kimi-K2",
        "unsloth-Apriel-1.5",
        "unsloth-mistral-Devstral-Small-2507",
    ]
