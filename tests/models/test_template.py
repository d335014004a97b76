"""Chat templates: rendered in a sandbox, bounded, probed rather than believed."""

import datetime

import pytest

from agentkit.models.template import FALLBACK, ChatTemplate, TemplateError

USER = [{"role": "user", "content": "Hello"}]


def refusal(source: str) -> str:
    with pytest.raises(TemplateError) as caught:
        ChatTemplate(source).render(USER)
    return str(caught.value)


@pytest.mark.parametrize("source", ["{% for %}", "{{ message", "{% generation %}", "{% nonsense %}"])
def test_a_broken_template_cannot_be_read(source: str) -> None:
    assert refusal(source).startswith("the model's chat template cannot be read:")


def test_a_refusal_of_the_template_is_told() -> None:
    assert refusal("{{ raise_exception('roles must alternate') }}") == (
        "the model's chat template refuses this conversation: roles must alternate"
    )


@pytest.mark.parametrize(
    "source",
    ["{{ messages[7].content }}", "{{ 1 / 0 }}", "{{ messages.append(1) }}", "{{ messages[0].content + 1 }}", "{% include 'x' %}",
     "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{{ range(10 ** 5, 10 ** 40) }}"],
)  # fmt: skip
def test_a_failing_template_is_told(source: str) -> None:
    assert refusal(source).startswith("the model's chat template fails on this conversation:")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{% for i in range(1000000) %}x{% endfor %}", "loops more"),
        (
            "{% for i in range(1000) %}{% for k in range(1000) %}{% for n in range(1000) %}{% endfor %}{% endfor %}{% endfor %}",
            "loops more",
        ),
        ("{{ 'a' * 10 ** 10 }}", "multiplies something by"),
        ("{{ [0] * 999999999 }}", "multiplies something by"),
        ("{{ 9 ** 9 ** 9 }}", "multiplies something by"),
        ("{% for i in range(1000) %}{{ 'x' * 9999 }}{% endfor %}", "writes more than"),
    ],
)
def test_a_template_that_would_not_end_or_fill_the_memory_is_stopped(source: str, what: str) -> None:
    assert what in refusal(source)


def test_ordinary_arithmetic_and_loops_work() -> None:
    source = "{{ 2 * 3 }} {{ 2 ** 3 }} {{ '-' * 3 }} {{ 0.5 * 2 }}{% for i in range(2) %} {{ i }}{% endfor %}"
    assert ChatTemplate(source).render(USER) == "6 8 --- 1.0 0 1"


def test_a_date_is_frozen() -> None:
    source = "{{ strftime_now('%d %b %Y') }}"
    assert ChatTemplate(source).render(USER) == ChatTemplate(source).render(USER) == "01 Jan 2026"
    assert ChatTemplate(source, today=datetime.datetime(2030, 5, 6)).render(USER) == "06 May 2030"


def test_tokens_tools_and_the_generation_prompt_are_given() -> None:
    source = "{{ bos_token }}{{ tools | tojson }}{{ eos_token }}{{ add_generation_prompt }}"
    assert ChatTemplate(source, "<s>", "</s>").render(USER, tools=[{"é": 1}], generation=False) == '<s>[{"é": 1}]</s>False'


def test_templates_that_loop_over_tools_unasked_get_an_empty_list() -> None:
    assert ChatTemplate("{% for tool in tools %}{{ tool }}{% endfor %}none").render(USER) == "none"


@pytest.mark.parametrize(
    ("source", "accepted"),
    [
        (FALLBACK, True),
        ("{{ messages[0].content }}", False),
        ("{% for m in messages | reverse %}{{ m.content }}{% endfor %}", False),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", False),
        ("{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}", False),
    ],
)
def test_roles_are_accepted_when_every_turn_stands_once_in_its_place(source: str, accepted: bool) -> None:
    assert ChatTemplate(source).accepts("system", "user", "assistant") is accepted
