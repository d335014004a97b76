"""Queries become harmless expressions; rankings become one."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.retrieval.search import fuse, nearest, words_expression
from agentkit.retrieval.store import Matrix


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("What does a bed cost?", '"bed" OR "cost"'),
        ("Is it the warden's dog, or don't you know?", '"warden" OR "dog" OR "know"'),
        ("part ST-101, firmware 3.1 at 14:00", '"part" OR "st-101" OR "firmware" OR "3.1" OR "14:00"'),
        ("what is it", '"what" OR "is" OR "it"'),
        ("bed bed BED", '"bed"'),
        ("Größe der Mühle", '"größe" OR "der" OR "mühle"'),
        ("?!", ""),
    ],
)
def test_the_telling_words_are_kept(query: str, expression: str) -> None:
    assert words_expression(query) == expression


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(['"', "AND", "NOT", "NEAR(", "*", "^", ":", "text:", "-", "(", ")", "bed", "'"])).map(" ".join)
)
def test_no_query_breaks_the_word_index(query: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    expression = words_expression(query)
    found = database.execute("SELECT * FROM words WHERE words MATCH ?", (expression,)).fetchall() if expression else []
    database.close()
    assert found == []


def test_what_both_rankings_find_comes_first_and_ties_are_stable() -> None:
    fused = fuse({"dense": [(1, 0.9), (2, 0.8), (3, 0.7)], "words": [(3, 5.0), (4, 4.0)]}, {"dense": 1.0, "words": 1.0})
    assert [number for number, _ in fused] == [3, 1, 2, 4]
    assert fuse({"dense": [(9, 1.0)], "words": [(4, 1.0)]}, {"dense": 1.0, "words": 1.0})[0][0] == 4


def test_weights_shift_the_fusion() -> None:
    rankings = {"dense": [(1, 0.9)], "words": [(2, 3.0)]}
    assert fuse(rankings, {"dense": 2.0, "words": 1.0})[0][0] == 1
    assert fuse(rankings, {"dense": 1.0, "words": 2.0})[0][0] == 2


def test_a_chunk_is_as_near_as_its_whole_and_its_best_sentence() -> None:
    values = np.array([[0.6, 0.8], [1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=np.float32)
    matrix = Matrix(ids=[7, 8], starts=np.array([0, 2]), values=values)
    found = nearest(matrix, np.array([1.0, 0.0], dtype=np.float32), 5)
    assert [(number, round(score, 3)) for number, score in found] == [(7, 0.8), (8, 0.8)]
    assert nearest(Matrix(ids=[], starts=np.zeros(0, dtype=np.int64), values=values[:0]), values[0], 5) == []
