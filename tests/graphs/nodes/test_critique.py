"""The deterministic checks."""

from decimal import Decimal

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from agentkit.answer import Passage
from agentkit.graphs.nodes.critique import check_citations, check_numbers, numbers_in

SHOWN = [
    Passage(n=1, source="a.md", location="A", text='The "old" house has 36 beds.'),
    Passage(n=2, source="b.md", location="B > C", text="A bed costs 24.00."),
]


@pytest.mark.parametrize(
    ("draft", "text", "quotes", "findings"),
    [
        ('36 beds [1: "36 beds"].', "36 beds [1].", ["36 beds"], []),
        ('It is old [1: "The \\"old\\" house"].', "It is old [1].", ['The "old" house'], []),
        ('A [1: "beds"][2: "bed"].', "A [1][2].", ["beds", "bed"], []),
        ('A [1: "beds"] B [1: "beds"].', "A [1] B [1].", ["beds"], []),
        ('37 [1: "37 beds"].', "37.", [], ["passage 1 does not say '37 beds'"]),
        ('X [7: "beds"].', "X.", [], ["no passage 7 was shown"]),
        ('X [1: ""].', "X.", [], ["passage 1 does not say ''"]),
        ("X [1].", "X.", [], ["passage 1 is cited without a quote"]),
        ('X [1] and [1: "beds"].', "X [1] and [1].", ["beds"], []),
        ("list[3] = x[1]", "list[3] = x", [], ["passage 1 is cited without a quote"]),
        ('Cut [1: "36 be', 'Cut [1: "36 be', [], []),
        ("Nothing.", "Nothing.", [], []),
    ],
)
def test_citations(draft: str, text: str, quotes: list[str], findings: list[str]) -> None:
    shown, citations, notes = check_citations(draft, SHOWN)
    assert (shown, [citation["quote"] for citation in citations], [note["finding"] for note in notes]) == (text, quotes, findings)
    assert all(note["principle"] == "quotes are literal" and not note["revised"] for note in notes)


def test_a_citation_carries_its_place() -> None:
    assert check_citations('24 [2: "24.00"].', SHOWN)[1] == [{"n": 2, "source": "b.md", "location": "B > C", "quote": "24.00"}]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("36 beds, 24.00 each", ["36", "24.00"]),
        ("1,250,000 or 1'250 or 12,5", ["1250000", "1250", "12", "5"]),
        ("-3 and 2024-05-07", ["3", "2024", "5", "7"]),
        ("07:30, v2, 1.2.3", ["7", "30", "2", "1.2", "3"]),
        ("none", []),
    ],
)
def test_numbers(text: str, numbers: list[str]) -> None:
    assert numbers_in(text) == [Decimal(number) for number in numbers]


def findings(answer: str, *, question: str = "How much is it?", observed: str = "", args: str = "") -> list[str]:
    messages: list[AnyMessage] = [HumanMessage(question)]
    if observed or args:
        messages += [
            AIMessage("", tool_calls=[{"name": "calculator", "args": {"expression": args}, "id": "1"}]),
            ToolMessage(observed, tool_call_id="1"),
        ]
    return [note["finding"].partition(" is ")[0] for note in check_numbers(answer, messages)]


@pytest.mark.parametrize(
    ("answer", "given", "unknown"),
    [
        ("It is 42.", {"observed": "42"}, []),
        ("It is 41.", {"observed": "42"}, ["41"]),
        ("It is 3.33.", {"observed": "3.3333333"}, []),
        ("It is 3.", {"observed": "3.3333333"}, []),
        ("It is 3.34.", {"observed": "3.3333333"}, ["3.34"]),
        ("About 25%.", {"observed": "0.25"}, []),
        ("About 1.25 million.", {"observed": "1250000"}, []),
        ("It is 1,250.", {"observed": "1250"}, []),
        ("Of 30, that is 7.5.", {"question": "A quarter of 30?", "observed": "7.5"}, []),
        ("15 in all.", {"args": "15 * 2", "observed": "30"}, []),
        ("There are 3 pumps.", {"observed": "three pumps"}, []),
        ("1. First\n2. Second", {"observed": "x"}, []),
        ("It costs 24 [7].", {"observed": "24"}, []),
        ("No number.", {}, []),
        ("In 1969.", {}, ["1969"]),
    ],
)
def test_every_number_occurs_or_follows(answer: str, given: dict[str, str], unknown: list[str]) -> None:
    assert findings(answer, **given) == unknown
