"""An answer as it streams in, with `[1: "quote"]` shown as `[1]`, as the finished answer shows it."""

import re

from agentkit.contract import parse_citations

__all__ = ["StreamedText"]

_BEGINNING = re.compile(r'\[(?:\d{1,4}(?::(?: (?:"(?:[^"\\\n]|\\.)*(?:\\|"\]?)?)?)?)?)?')
"""What may still become a citation."""


class StreamedText:
    """Holds back what may be part of a citation until it is known.

    >>> text = StreamedText()
    >>> [text.add(piece) for piece in ("36 beds [1", ': "Beds: ', '36"]', ".")]
    ['36 beds ', '', '[1]', '.']
    """

    def __init__(self) -> None:
        self._held = ""
        self.shown = ""
        """All that was given out."""

    def add(self, piece: str) -> str:
        """Take a piece; what can be shown now comes back."""
        self._held += piece
        out = ""
        while self._held:
            before, bracket, _ = self._held.partition("[")
            out += before
            self._held = self._held[len(before) :]
            if not bracket:
                break
            match = _BEGINNING.match(self._held)
            whole = match[0] if match else "["
            shortened, citations = parse_citations(whole)
            if citations:
                out += shortened
            elif whole == self._held:
                break
            else:
                whole = "["
                out += whole
            self._held = self._held[len(whole) :]
        self.shown += out
        return out

    def rest(self) -> str:
        """What is still held back, once nothing more comes."""
        out, self._held = self._held, ""
        self.shown += out
        return out
