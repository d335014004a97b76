"""Questions as people type them: another case, no punctuation, a slip of the finger."""

import random
import re

__all__ = ["typed"]

_NEAR = {"a": "s", "e": "r", "i": "o", "o": "p", "t": "y", "n": "m", "s": "d", "r": "e", "l": "k", "h": "j", "c": "v", "u": "i"}


def typed(question: str, random: random.Random) -> str:
    """The question with one or two changes; digits, names and quoted text keep their letters.

    >>> import random
    >>> typed("What does a bed cost?", random.Random(4))
    'What does a bed cost'
    """
    change = random.choice(("lower", "bare", "slip", "slip", "polite"))
    if change == "lower":
        return question[:1].lower() + question[1:]
    if change == "bare":
        return question.rstrip("?.! ")
    if change == "polite":
        return random.choice(("please: {}", "hey, {}", "{} thanks", "Hi! {}", "quick one: {}")).format(question)
    words = list(re.finditer(r"(?<![\w'\"-])[a-z]{4,}(?![\w'\"-])", question))
    if not words or '"' in question:
        return question
    word = random.choice(words)
    return question[: word.start()] + _slip(word[0], random) + question[word.end() :]


def _slip(word: str, random: random.Random) -> str:
    """One letter left out, doubled, swapped with the next, or taken for its neighbour."""
    at = random.randrange(1, len(word) - 1)
    return random.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + _NEAR.get(word[at], word[at]) + word[at + 1 :],
        )
    )
