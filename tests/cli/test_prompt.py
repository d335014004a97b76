"""`agentkit show-prompt`: exactly what is sent."""

import json

from tests.cli.conftest import Cli, Script


def test_a_model_that_is_shown_messages_gets_them_as_json(cli: Cli, script: Script) -> None:
    model = script("never said")
    done = cli("show-prompt", "What is 6 * 7?", "--tool", "calculator")
    request = json.loads(done.out)
    assert done.code == 0
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert request["messages"][1]["content"] == "What is 6 * 7?"
    assert [tool["function"]["name"] for tool in request["tools"]] == ["calculator"]
    assert model.requests == []


def test_an_endpoint_s_request_is_shown_with_its_parameters(cli: Cli) -> None:
    endpoint = ("--model", "openai:some-name", "--base-url", "http://localhost:1/v1")
    done = cli("show-prompt", "hello", "--tool", "calculator", *endpoint, "--set", "temperature=0.5")
    request = json.loads(done.out)
    assert (done.code, request["model"], request["temperature"]) == (0, "some-name", 0.5)
    assert request["tools"][0]["function"]["name"] == "calculator"


def test_the_prompt_as_json(cli: Cli, script: Script) -> None:
    script("never said")
    done = cli("show-prompt", "hello", "--tool", "calculator", "--json")
    assert "hello" in json.loads(done.out)["prompt"]


def test_an_empty_question_has_no_prompt(cli: Cli) -> None:
    assert cli("show-prompt", " ").code == 2
