"""`io`: `StringIO`."""

from typing import Any


class StringIO:
    def __init__(self, initial_value: str = "", newline: Any = "\n") -> None:
        self._text = initial_value
        self._at = 0
        self.closed = False

    def __iter__(self) -> Any:
        return iter(self.readlines())

    def getvalue(self) -> str:
        return self._text

    def write(self, s: str) -> int:
        if not s:
            return 0
        padded = self._text + "\0" * (self._at - len(self._text))
        self._text = padded[: self._at] + s + padded[self._at + len(s) :]
        self._at += len(s)
        return len(s)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def read(self, size: Any = -1) -> str:
        end = len(self._text) if size is None or size < 0 else self._at + size
        found = self._text[self._at : end]
        self._at += len(found)
        return found

    def readline(self, size: Any = -1) -> str:
        place = self._text.find("\n", self._at)
        line = self._text[self._at :] if place < 0 else self._text[self._at : place + 1]
        return self.read(len(line) if size is None or size < 0 else min(size, len(line)))

    def readlines(self) -> list[str]:
        found = []
        line = self.readline()
        while line:
            found.append(line)
            line = self.readline()
        return found

    def tell(self) -> int:
        return self._at

    def seek(self, pos: int, whence: int = 0) -> int:
        self._at = len(self._text) if whence == 2 else pos
        return self._at

    def truncate(self, pos: Any = None) -> int:
        end = self._at if pos is None else pos
        self._text = self._text[:end]
        return end

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
