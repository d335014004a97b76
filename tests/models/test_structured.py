"""Answers of a given type: schemas of every kind, roots of every kind, on a local model and on any other."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, RootModel, ValidationError, field_validator
from typing_extensions import TypedDict

from agentkit import Agent
from agentkit.errors import ModelError, UsageError
from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.structured import read_schema, structured_output, value_reader
from agentkit.testing import ScriptedModel
from tests.models.tiny_models import write_model

NODE = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]}


class Bin(BaseModel):
    """A bin."""

    kind: Literal["paper", "glass"]
    litres: int


class Bins(RootModel[list[Bin]]):
    """Some bins."""


class Place(TypedDict):
    """A place."""

    name: Annotated[str, ..., "what it is called"]
    beds: int


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ChatLlamaCpp:
    """A random model: whatever it writes, the grammar holds."""
    path = write_model(tmp_path_factory.mktemp("models") / "tiny.gguf")
    return ChatLlamaCpp(model_path=path, n_ctx=1024, n_threads=1, max_tokens=90)


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, dict),
        (
            {"title": "day plan: a!", "description": "x", "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
            dict,
        ),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3}, list),
        ({"title": "bools", "type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3}, list),
        ({"enum": ["yes", "no"]}, str),
        ({"title": "none", "type": "string", "maxLength": 5}, str),
        ({"type": "number"}, (int, float)),
        ({"type": ["integer", "null"]}, (int, type(None))),
        ({"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}], "$defs": {"a": {"const": "x"}}}, (str, type(None))),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"enum": [1, 2]}}}, int),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"b": {"const": 1}}, "required": ["b"]}}}, dict),
        ({"oneOf": [NODE, {"type": "integer"}]}, (dict, int)),
        ({"properties": {"value": {"enum": ["a"]}}, "required": ["value"]}, dict),
        ({"name": "plan", "description": "", "parameters": {"type": "object", "properties": {"n": {"const": 3}}, "required": ["n"]}}, dict),
    ],
)
def test_a_json_schema_of_any_root_gives_a_value_of_it(tiny: ChatLlamaCpp, schema: dict[str, Any], kinds: Any) -> None:
    value = tiny.with_structured_output(schema).invoke("Say it.")
    assert isinstance(value, kinds)
    raw = tiny.with_structured_output(schema, include_raw=True).invoke("Say it.")
    assert isinstance(raw["parsed"], kinds) and raw["parsing_error"] is None
    assert isinstance(raw["raw"], AIMessage) and len(raw["raw"].tool_calls) == 1
    assert "reasoning_content" not in raw["raw"].additional_kwargs


@pytest.mark.parametrize(("schema", "kind"), [(Bin, Bin), (Bins, Bins), (Place, dict)])
def test_classes_give_their_objects(tiny: ChatLlamaCpp, schema: Any, kind: type) -> None:
    value = tiny.with_structured_output(schema, method="function_calling", strict=True).invoke("Say it.")
    assert isinstance(value, kind)


async def test_it_is_awaited_and_streamed_too(tiny: ChatLlamaCpp) -> None:
    model = tiny.with_structured_output({"enum": ["only"]})
    assert await model.ainvoke("Say it.") == "only"
    assert [piece async for piece in model.astream("Say it.")] == ["only"] == list(model.stream("Say it."))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({}, "none of its keys says what the answer is: give a Pydantic model"),
        ({"name": "text", "age": "number"}, "none of its keys says what the answer is"),
        ({"type": "objekt"}, "is no JSON Schema .*'objekt'"),
        ({"enum": [{1, 2}]}, "is no JSON Schema"),
        (int, "schema=<class 'int'>: give a Pydantic model, a TypedDict, or a JSON Schema"),
        ("Bin", "schema='Bin': give a Pydantic model"),
    ],
)
def test_what_is_no_schema_is_refused_before_the_model_is_asked(tiny: ChatLlamaCpp, schema: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tiny.with_structured_output(schema)
    model = ScriptedModel(["never said"])
    with pytest.raises(UsageError, match=message):
        Agent(model, tools=[]).ask("Which?", schema=schema)
    assert not model.requests


def test_what_cannot_become_a_grammar_and_unknown_options_are_refused(tiny: ChatLlamaCpp) -> None:
    with pytest.raises(UsageError, match="'answer' has a schema that cannot become a grammar"):
        tiny.with_structured_output({"type": "string", "pattern": "^(?=a)b"})
    with pytest.raises(UsageError, match="no option 'temperature': allowed are include_raw, method, strict"):
        tiny.with_structured_output(Bin, temperature=1)


def test_a_limit_below_the_shortest_answer_is_told(tiny: ChatLlamaCpp) -> None:
    model = ChatLlamaCpp(model_path=tiny.model_path, n_ctx=1024, n_threads=1, max_tokens=3)
    with pytest.raises(ModelError, match="set a larger max_tokens"):
        model.with_structured_output(Bin).invoke("Say it.")
    told = model.with_structured_output(Bin, include_raw=True).invoke("Say it.")
    assert told["parsed"] is None and isinstance(told["parsing_error"], ModelError)


def test_what_the_grammar_does_not_hold_is_checked_behind_it() -> None:
    class Even(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def even(cls, n: int) -> int:
            if n % 2:
                raise ValueError("odd")
            return n

    said = AIMessage("", tool_calls=[{"name": "x", "args": {"n": 3}, "id": "1"}])
    with pytest.raises(ValidationError, match="odd"):
        value_reader(read_schema(Even), include_raw=False).invoke(said)
    unique = read_schema({"type": "object", "properties": {"n": {"not": {"const": 3}}}})
    with pytest.raises(ModelError, match=r"the answer does not fit its schema at \$.n"):
        value_reader(unique, include_raw=False).invoke(said)
    told = value_reader(unique, include_raw=True).invoke(said)
    assert (told["raw"], told["parsed"]) == (said, None)
    with pytest.raises(ModelError, match="no answer came"):
        value_reader(unique, include_raw=False).invoke(AIMessage("So it is."))


def test_references_to_the_root_are_kept_right() -> None:
    tree = {"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"$ref": "#/$defs/leaf"}], "$defs": {"leaf": {"type": "integer"}}}
    output = read_schema(tree)
    moved = output.parameters["properties"]["value"]["anyOf"]
    assert (moved[0]["items"]["$ref"], moved[1]["$ref"]) == ("#/properties/value", "#/properties/value/$defs/leaf")
    assert output.value({"value": [1, [2]]}) == [1, [2]]


# ---------------------------------------------------------------- through an agent


@pytest.mark.parametrize(
    ("schema", "said", "value"),
    [
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, {"n": 3}, {"n": 3}),
        ({"type": "array", "items": {"type": "integer"}}, {"value": [1, 2]}, [1, 2]),
        ({"enum": ["yes", "no"]}, {"value": "no"}, "no"),
        ({"type": ["string", "null"]}, {"value": None}, None),
        (Bins, {"value": [{"kind": "paper", "litres": 60}]}, Bins([Bin(kind="paper", litres=60)])),
    ],
)
def test_an_agent_asks_any_model_for_any_schema_and_replays_it(tmp_path: Path, schema: Any, said: Any, value: Any) -> None:
    from agentkit.replaying import replay

    answer = Agent(ScriptedModel(["So it is.", json.dumps(said)]), tools=[]).ask("Which?", schema=schema, record=tmp_path / "run.jsonl")
    assert (answer.value, answer.stop_reason) == (value, "answered")
    assert json.loads(answer.text) == (value.model_dump() if isinstance(value, BaseModel) else value)
    assert replay(tmp_path / "run.jsonl", schema=schema).value == value


@pytest.mark.parametrize("said", ['{"value": [1, "two"]}', "[1]", "nothing"])
def test_what_another_model_says_against_the_schema_is_a_model_error(said: str) -> None:
    with pytest.raises(ModelError, match="no answer of the type asked for came"):
        Agent(ScriptedModel(["So.", said]), tools=[]).ask("Which?", schema={"type": "array", "items": {"type": "integer"}})


def test_an_agent_on_a_local_model_gives_lists(tiny: ChatLlamaCpp) -> None:
    schema = {"type": "array", "items": {"type": "integer"}, "maxItems": 3}
    answer = Agent(tiny, tools=[]).ask("Which?", schema=schema)
    assert isinstance(answer.value, list)
    model = structured_output(tiny, schema)
    assert isinstance(model.invoke([HumanMessage("Which?")])["parsed"], list)
