"""Samples from written data."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from agentkit.contract import ToolSpec, unanswerable
from agentkit.tuning.check_data import check, overlaps
from agentkit.tuning.samples import faults
from agentkit.tuning.samples.calls import read_family
from agentkit.tuning.samples.computed import exchange_of_turn, numbers_of, says
from agentkit.tuning.samples.documents import DocumentSet, exchanges_of_set, query_of
from agentkit.tuning.samples.make import Amounts, make_samples
from agentkit.tuning.samples.masking import mask, shuffle_arguments
from agentkit.tuning.samples.noise import typed
from agentkit.tuning.samples.numbers import with_other_numbers
from agentkit.tuning.samples.quotes import align
from agentkit.tuning.samples.values import Texts, with_other_values
from agentkit.tuning.trajectory import Exchange

PRICES = "Ticket | Adult | Child\nSingle swim | 8.50 | 4.50\nA locker key costs **35.00**, paid in cash (no cards)."
CODE = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
WEIGHT = {"type": "object", "properties": {"kg": {"type": "number"}, "land": {"enum": ["DE", "FR"]}}, "required": ["kg"]}
FAMILY: dict[str, Any] = {
    "family": "parcels",
    "tools": [
        {"name": "track", "description": "Where a parcel is.", "parameters": CODE},
        {"name": "price", "description": "Price by weight.", "parameters": WEIGHT},
    ],
    "rows": [
        {"question": "where is QX1", "calls": [{"tool": "track", "args": {"code": "QX1"}, "result": {"at": "Ghent"}}], "answer": "Ghent."},
        {"question": "2 kg to France?", "calls": [{"tool": "price", "args": {"kg": 2, "land": "FR"}, "result": "9.10"}], "answer": "9.10."},
        {"question": "thanks", "calls": [], "answer": "You're welcome!"},
    ],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Written data of every kind, small."""
    folder = tmp_path / "data"
    pool = folder / "documents" / "pool"
    pool.mkdir(parents=True)
    (folder / "tools").mkdir()
    (pool / "prices.md").write_text("# Prices\n\n| Ticket | Adult |\n|---|---|\n| Single swim | 8.50 |\n\nA locker key costs 35.00.\n")
    (pool / "rules.txt").write_text("No running. Dogs wait outside.\n")
    rows: list[dict[str, Any]] = [
        {"question": "what is a swim", "answer": "8.50", "file": "prices.md", "quote": "| Single swim | 8.50 |", "kind": "table"},
        {"question": "who is the boss", "answer": None, "kind": "unanswerable"},
        {"question": "lost?", "answer": "No.", "file": "rules.txt", "quote": "words that stand nowhere", "kind": "fact"},
        {"turns": [
            {"question": "can my dog come in?", "answer": "No, dogs wait outside.", "file": "rules.txt", "quote": "Dogs wait outside."},
            {"question": "and what is a key?", "answer": "35.00", "file": "prices.md", "quote": "A locker key costs 35.00."},
        ]},
    ]  # fmt: skip
    lines(pool / "questions.jsonl", rows)
    lines(
        folder / "sums.jsonl",
        [{"question": f"what is {n}% of {n}0", "expression": f"0.{n}*{n}0", "answer": f"{n * n / 10:g}"} for n in range(11, 31)],
    )
    lines(folder / "programs.jsonl", [{"question": "2 to the 10", "code": "print(2**10)", "answer": "1024."}])
    lines(folder / "chat.jsonl", [{"question": "hi", "answer": "Hi!"}, {"question": "who are you", "answer": "I'm agentkit."}])
    lines(
        folder / "mixed.jsonl",
        [{"turns": [{"question": "3*4", "expression": "3*4", "answer": "12"}, {"question": "ta", "answer": "Sure!"}]}],
    )
    (folder / "tools" / "parcels.json").write_text(json.dumps(FAMILY))
    (folder / "tools" / "again.json").write_text(json.dumps({**FAMILY, "family": "again"}))
    return folder


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("quote", "answer", "found"),
    [
        ("| Single swim | 8.50 | 4.50 |", "8.50", "Single swim | 8.50 | 4.50"),
        ("Single swim 8.50 4.50", "8.50", "Single swim | 8.50 | 4.50"),
        ("a locker key costs 35.00", "35.00", "A locker key costs **35.00"),
        ("(no cards)", "no", "(no cards)"),
        ("locker key that costs 35.00 cash", "35.00", "A locker key costs **35.00**, paid in cash (no cards)."),
        ("nothing of the kind", "8.50", None),
        ("...", "8.50", None),
    ],
)
def test_a_quote_is_aligned_to_the_passage_as_shown(quote: str, answer: str, found: str | None) -> None:
    assert align(quote, PRICES, answer=answer) == found
    assert found is None or found in PRICES


def test_a_long_quote_is_cut_at_a_word() -> None:
    text = "word " * 60
    aligned = align(text, text)
    assert aligned is not None and len(aligned) <= 160 and aligned.endswith("word")


def test_a_follow_up_searches_with_what_went_before() -> None:
    assert query_of("since when?", "Who keeps the keys?") == "Who keeps the keys, since when"
    assert query_of("How much does a family ticket cost?", "Who keeps the keys?") == "How much does a family ticket cost"


def test_document_rows_become_searches_with_cited_answers(data: Path, tmp_path: Path) -> None:
    documents = DocumentSet(data / "documents" / "pool", tmp_path / "work")
    found = list(exchanges_of_set(documents, random.Random(0)))
    assert [kind for kind, _ in found] == ["document", "unanswerable", "conversation"]
    assert documents.dropped == ["lost?"]
    for _, exchanges in found:
        for exchange in exchanges:
            passages = exchange.turns[0].calls[0].passages
            assert passages is not None
            assert all(quote in passages[place]["text"] for place, quote in exchange.citations)
            assert all("question" not in passage["text"] for passage in passages), "the questions were indexed"
    assert found[1][1][0].answer == unanswerable()
    assert found[2][1][1].turns[0].calls[0].args == {"query": "can my dog come in, and what is a key"}


def test_an_answer_that_does_not_say_the_result_is_left_out() -> None:
    assert exchange_of_turn({"question": "?", "expression": "2*3", "answer": "7"}) is None
    assert exchange_of_turn({"question": "?", "expression": "2*", "answer": "7"}) is None
    assert says("It has three.", "3") and says("$1,250.00", "1250") and says("ebc", "ebc") and not says("no", "ebc")
    assert numbers_of("-3, 1,000 and 2.5") == [-3, 1000, 2.5]


@pytest.mark.parametrize(
    ("question", "expression", "answer"),
    [
        ("at 9:40 plus 30", "30+9", "39"),
        ("half of 70 to 1 place", "round(50/3, 1)", "16.7"),
        ("5 and 5", "5+5", "10"),
        ("one", "1+2", "3"),
    ],
)
def test_numbers_that_cannot_be_told_apart_stay(question: str, expression: str, answer: str) -> None:
    assert with_other_numbers({"question": question, "expression": expression, "answer": answer}, random.Random(0)) is None


def test_varied_sums_are_still_right() -> None:
    row = {"question": "2 tickets at 1,450 + 12% fee, total", "expression": "2*1450*1.12", "answer": "The total is 3,248.00."}
    for seed in range(20):
        varied = with_other_numbers(row, random.Random(seed))
        assert varied is not None
        assert exchange_of_turn(varied) is not None
        assert varied["question"].endswith("+ 12% fee, total")


def test_places_stay_and_thousands_keep_their_separators() -> None:
    row = {"question": "1,450 by 7 to 2 places", "expression": "round(1,450/7, 2)", "answer": "It is 207.14."}
    found = [varied for seed in range(20) if (varied := with_other_numbers(row, random.Random(seed))) is not None]
    assert len(found) > 10
    for varied in found:
        assert exchange_of_turn(varied) is not None
        assert varied["question"].endswith("to 2 places") and varied["expression"].endswith(", 2)")
        assert varied["question"].split()[0] in varied["expression"]


def test_varied_programs_are_run_again() -> None:
    rows = [
        {"question": "reverse harbour", "code": 's = "harbour"\nprint(s[::-1])', "answer": "ruobrah"},
        {"question": "how many letters has lantern", "code": 's = "lantern"\nprint(len(s))', "answer": "It has 7."},
        {"question": "squares below 90", "code": "print(sum(1 for n in range(90) if n * n < 90))", "answer": "There are 10."},
    ]
    texts = Texts.of(rows)
    assert with_other_values(rows[0], texts, random.Random(0)) == {
        "question": "reverse lantern", "code": 's = "lantern"\nprint(s[::-1])', "answer": "nretnal",
    }  # fmt: skip
    for answer in ("There are 11.", "There are 10 of the 10."):  # not what it prints; not once
        assert with_other_values({**rows[2], "answer": answer}, texts, random.Random(0)) is None
    dated = {"question": "weekday of 14 May 2031", "code": "import datetime\nprint(datetime.date(2031, 5, 14).weekday())", "answer": "2"}
    assert with_other_values(dated, texts, random.Random(0)) is None


def test_typing_keeps_numbers_and_names() -> None:
    for seed in range(40):
        assert "Ghent" in typed("Where in Ghent is parcel QX17 now?", random.Random(seed))
        assert "QX17" in typed("Where in Ghent is parcel QX17 now?", random.Random(seed))


def test_a_family_offers_what_its_rows_need(tmp_path: Path) -> None:
    path = tmp_path / "parcels.json"
    path.write_text(json.dumps(FAMILY))
    family = read_family(path)
    assert family.exchanges[0].turns[0].calls[0].text == '{"at": "Ghent"}'
    for seed in range(10):
        tools, exchanges = family.offer(random.Random(seed))
        assert all({tool.name for tool in tools}.issuperset(exchange.needs) for exchange in exchanges)


def test_masking_renames_tools_and_arguments_in_calls_too(tmp_path: Path) -> None:
    path = tmp_path / "parcels.json"
    path.write_text(json.dumps(FAMILY))
    family = read_family(path)
    for seed in range(10):
        tools, exchanges = mask(family.tools, family.exchanges, random.Random(seed))
        specs = {tool.name: tool for tool in tools}
        assert not {"track", "price"} & set(specs)
        for call in (call for exchange in exchanges for turn in exchange.turns for call in turn.calls):
            assert set(call.args) <= set(specs[call.tool].parameters["properties"])
            assert set(specs[call.tool].parameters["required"]) <= set(call.args)
    assert list(shuffle_arguments(family.tools[1], random.Random(1)).parameters["properties"]) == ["land", "kg"]


def test_faults_are_shown_and_not_trained(tmp_path: Path) -> None:
    path = tmp_path / "parcels.json"
    path.write_text(json.dumps(FAMILY))
    family = read_family(path)
    specs: dict[str, ToolSpec] = {tool.name: tool for tool in family.tools}
    asked, chance = family.exchanges[0], random.Random(0)
    sum_ = exchange_of_turn({"question": "6 times 7", "expression": "6*7", "answer": "42"})
    program = exchange_of_turn({"question": "6 times 7", "code": "print(6*7)", "answer": "42"})
    assert sum_ is not None and program is not None
    for exchange in (asked, sum_, program):
        mended = faults.mended(exchange, specs, chance)
        assert mended is not None and not mended.turns[0].trained and mended.turns[0].calls[0].status == "error"
        again = faults.repeated(exchange)
        assert again is not None and not again.turns[-1].trained and again.turns[-1].calls[0].status == "hint"
    failed = faults.failed(asked, chance)
    assert failed is not None and failed.turns[0].calls[0].status == "error" and "Ghent" not in failed.answer
    ordered = faults.ordered(asked, chance)
    assert (
        ordered is not None and ordered.answer == asked.answer and len(ordered.turns[0].calls[0].text) > len(asked.turns[0].calls[0].text)
    )
    small_talk = Exchange(question="hi", answer="Hi!")
    assert faults.failed(small_talk, chance) is faults.mended(small_talk, {}, chance) is faults.repeated(small_talk) is None
    assert faults.ordered(sum_, chance) is None


def test_all_samples_offer_what_they_call_and_repeat_with_the_seed(data: Path, tmp_path: Path) -> None:
    amounts = Amounts(faulty=0.3, held_back=0.3, masked=0.5)
    trained, held, report = make_samples(data, tmp_path / "one", seed=3, amounts=amounts)
    again, _, _ = make_samples(data, tmp_path / "two", seed=3, amounts=amounts)
    assert [t.to_json() for t in trained] == [t.to_json() for t in again]
    assert {"sum", "tools"} <= {t.kind for t in trained} and held
    assert report.dropped["document"] == 1
    for trajectory in [*trained, *held]:
        offered = {tool.name for tool in trajectory.tools}
        assert all(offered.issuperset(exchange.needs) for exchange in trajectory.exchanges)
        assert len(offered) == len(trajectory.tools)
    assert not {t.group for t in trained if t.kind == "tools"} & {t.group for t in held if t.kind == "tools"}
    counted = check(trained, [(10, 3)] * len(trained))
    assert counted["conversations"] == len(trained) == sum(kind["conversations"] for kind in counted["kinds"].values())


def test_overlap_with_measuring_questions_is_found(data: Path, tmp_path: Path) -> None:
    trained, _, _ = make_samples(data, tmp_path / "work", seed=0)
    measured = tmp_path / "questions"
    measured.mkdir()
    (measured / "q.jsonl").write_text("Is it true: can my dog come in?")
    assert overlaps(trained, measured) == []
    (measured / "q.jsonl").write_text("Ticket Adult, Single swim 8.50 A locker key costs 35.00")
    assert overlaps(trained, measured) != [] or all(t.kind != "document" for t in trained)


def test_a_short_question_that_is_asked_when_measuring_is_found(data: Path, tmp_path: Path) -> None:
    trained, held, _ = make_samples(data, tmp_path / "work", seed=0)
    question = max((e.question for t in [*trained, *held] for e in t.exchanges), key=lambda text: len(text.split()) < 8 and len(text))
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "q.jsonl").write_text(json.dumps({"turns": [{"question": question.upper() + "?!"}]}) + "\nno row\n")
    assert overlaps([*trained, *held], tmp_path / "questions") != []
    (tmp_path / "questions" / "q.jsonl").write_text(json.dumps({"question": "not " + question}) + "\n")
    assert overlaps([*trained, *held], tmp_path / "questions") == []
