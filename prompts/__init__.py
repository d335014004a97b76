"""Every prompt is a file in this folder; this module reads and fills them.

A prompt is plain text with `{name}` slots. Filling fails on a missing and on an unknown name, so that no prompt is
ever sent half-filled. Braces that belong to the text are doubled.
"""

import functools
import string
from importlib import resources

__all__ = ["load", "load_all", "render"]


@functools.cache
def load(name: str) -> str:
    """Return the text of the prompt file `name` (without a final line break).

    Raises:
        FileNotFoundError: there is no such prompt.

    >>> load("unanswerable")
    "The documents don't say."
    """
    text = (resources.files(__name__) / f"{name}.md").read_text(encoding="utf-8")
    return text.removesuffix("\n")


def load_all() -> None:
    """Read every prompt now, so that no event loop has to wait for a file later."""
    for file in resources.files(__name__).iterdir():
        if file.name.endswith(".md"):
            load(file.name.removesuffix(".md"))


def render(prompt: str, **values: str) -> str:
    """Fill the slots of a prompt.

    Raises:
        ValueError: a slot has no value, or a value has no slot.

    >>> render("cut", left_out="812")
    '[cut here: 812 tokens left out]'
    """
    text = load(prompt)
    slots = {slot for _, slot, _, _ in string.Formatter().parse(text) if slot is not None}
    if slots != set(values):
        missing, unknown = sorted(slots - set(values)), sorted(set(values) - slots)
        raise ValueError(f"prompt {prompt!r} has the slots {sorted(slots)}: missing {missing}, unknown {unknown}")
    return text.format(**values)
