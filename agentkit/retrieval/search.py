"""Two rankings, one list: nearest vectors and BM25 over words, fused by reciprocal rank (Cormack et al. 2009)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentkit.retrieval.store import Matrix

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Hit", "fuse", "nearest", "words_expression"]

DEPTH = 30
"""How many chunks each ranking hands to the fusion."""

CONSTANT = 5
"""The constant of reciprocal rank fusion; smaller than the usual 60 since indexes of one's own documents are small."""

_STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing don down during each else few for from further get gets give given go had has have
    having he her here hers him his how i if in into is it its itself just let like ll many may me might more most much
    must my myself need no nor not of off on once only or other our ours out over own please re s said same say says
    shall she should so some such t tell than thank thanks that the their theirs them then there these they thing this
    those through to too under until up us ve very want was we were what when where which while who whom whose why will
    with would you your yours
    """.split()  # noqa: SIM905 (two hundred quoted words are hard to read)
)
_WORD = re.compile(r"[^\W_]+(?:[.:,/'’-][^\W_]+)*")


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage that was found.

    >>> Hit(source="prices.md", location="Extras", text="Tea: 2.50", score=0.1).source
    'prices.md'
    """

    source: str
    """The file's path relative to the folder that was named."""
    location: str
    """Its place there: headings, page, rows or lines."""
    text: str
    """The passage, literal to the source apart from layout."""
    score: float
    """Of the fusion: comparable within one search only."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """`dense` (a cosine) and `words` (BM25), each where that ranking found it."""


def words_expression(query: str) -> str:
    """A query as an FTS5 expression: its telling words, each quoted, any of them.

    >>> words_expression('What does a "bed" cost at 14:00?')
    '"bed" OR "cost" OR "14:00"'
    """
    words = list(dict.fromkeys(_bare(word) for word in _WORD.findall(query.lower())))
    telling = [word for word in words if word not in _STOP_WORDS and (len(word) > 1 or word.isdigit())]
    return " OR ".join(f'"{word}"' for word in (telling or words)[:64])


def _bare(word: str) -> str:
    """A word without the possessive or a contraction's end."""
    return re.sub(r"['’](?:s|t|re|ve|ll|d|m)$", "", word)


def nearest(matrix: Matrix, vector: "npt.NDArray[np.float32]", limit: int) -> list[tuple[int, float]]:
    """The chunks nearest to a vector `[size]`, best first: the mean of the cosine of the whole and that of its best sentence or row.

    The whole carries the subject, a single sentence the answer; both together find a few per cent more than the whole alone.
    """
    import numpy as np

    if not matrix.ids:
        return []
    cosines = matrix.values @ vector
    scores = (cosines[matrix.starts] + np.maximum.reduceat(cosines, matrix.starts)) / 2
    best = np.argsort(-scores, kind="stable")[:limit]
    return [(matrix.ids[place], float(scores[place])) for place in best]


def fuse(
    rankings: Mapping[str, Sequence[tuple[int, float]]], weights: Mapping[str, float], constant: float = CONSTANT
) -> list[tuple[int, float]]:
    """Ids by the sum of `weight / (constant + rank)`, best first; ties go to the smaller id.

    >>> fuse({"dense": [(7, 0.9), (3, 0.8)], "words": [(3, 4.2)]}, {"dense": 1.0, "words": 1.0})[0][0]
    3
    """
    sums: dict[int, float] = {}
    for name, ranking in rankings.items():
        for rank, (number, _) in enumerate(ranking, 1):
            sums[number] = sums.get(number, 0.0) + weights[name] / (constant + rank)
    return sorted(sums.items(), key=lambda item: (-item[1], item[0]))
