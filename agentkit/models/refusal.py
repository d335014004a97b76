"""When a small model says that the documents don't say: only where it is sure enough.

What a model of this size writes first is the likeliest beginning, and "The documents don't say." begins many of its training
answers: it wins with a small share of the probability where several right beginnings divide the rest. So the share of the
sentence is looked at before it is begun, and below a threshold the likeliest other beginning is taken.
"""

from dataclasses import dataclass

__all__ = ["EMBEDDED_THRESHOLD", "Refusal"]

EMBEDDED_THRESHOLD = 0.3
"""Of the embedded model: between the half that hardly ever refuses and the model's own choice, which refuses too often (docs/log.md)."""


@dataclass(frozen=True)
class Refusal:
    """The line that says it, from its start, and the share of the probability that its first two tokens must have together.

    >>> refusal = Refusal(b"Answer: The documents don't say.", 0.5)
    >>> refusal.begun(b"Thought: none.\\nAnswer: The"), refusal.begun(b"Answer: A"), refusal.begun(b"Answer:")
    (True, False, False)
    """

    line: bytes
    threshold: float

    def begun(self, text: bytes) -> bool:
        """Whether a text ends in the beginning of the sentence, by a word or more."""
        last = text.rpartition(b"\n")[2]
        return len(last) > self.line.find(b" ") + 1 and self.line.startswith(last)
