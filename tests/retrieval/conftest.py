"""Documents made on the spot, and an embedder that costs nothing."""

import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

TextAt = tuple[str, float, float, float, bool]
"""Text, left edge, height above the bottom, size, bold."""


class WordHashes:
    """A bag of words as a vector: texts that share words are near each other."""

    size = 64

    def __init__(self, fingerprint: str = "word-hashes") -> None:
        self.fingerprint = fingerprint
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.seen += texts
        vectors = np.full((len(texts), self.size), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, zlib.crc32(word.encode()) % self.size] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


@pytest.fixture
def embedder() -> WordHashes:
    return WordHashes()


@pytest.fixture
def other_embedder() -> WordHashes:
    return WordHashes("another fingerprint")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


@pytest.fixture
def make_pdf(tmp_path: Path) -> Callable[[list[list[TextAt]]], Path]:
    """Writes a PDF with a text layer, a list of texts a page."""

    def make(pages: list[list[TextAt]]) -> Path:
        objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
        plain, bold_face = (f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} >>" for name in ("Helvetica", "Helvetica-Bold"))
        fonts = f"<< /Font << /F0 {plain} /F1 {bold_face} >> >>"
        kids = []
        for page in pages:
            shown = "\n".join(f"BT /F{int(bold)} {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET" for text, x, y, size, bold in page)
            objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources {fonts} /Contents {len(objects) + 2} 0 R >>")
            kids.append(f"{len(objects)} 0 R")
            objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream")
        objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
        body, places = "%PDF-1.4\n", []
        for number, content in enumerate(objects, 1):
            places.append(len(body))
            body += f"{number} 0 obj\n{content}\nendobj\n"
        table = "".join(f"{place:010} 00000 n \n" for place in places)
        size = len(places) + 1
        end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
        path = tmp_path / "made.pdf"
        path.write_bytes((body + end).encode("latin-1"))
        return path

    return make
