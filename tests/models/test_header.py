"""Files that are no model, or a broken one: an error that says so, never the end of the process."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentkit.errors import ModelFileError
from agentkit.models.embedded import base_file
from agentkit.models.header import check_model, read_header
from agentkit.models.weights import open_weights
from tests.models.tiny_models import write_adapter, write_model

MINILM = Path(__file__).parents[2] / "agentkit" / "models" / "data" / "minilm-q8_0.gguf"

# Opens mutated copies of a file one after the other, and decodes where one can be opened. The number of the copy is printed first, so
# that the last line names the one that ended the process.
MUTATIONS = """
import random, sys
from pathlib import Path
from agentkit.errors import AgentkitError
from agentkit.models.context import Context
from agentkit.models.weights import open_weights

source, first, last, spots = Path(sys.argv[1]).read_bytes(), int(sys.argv[2]), int(sys.argv[3]), eval(sys.argv[4])
for seed in range(first, last):
    print(seed, flush=True)
    chance, data = random.Random(seed), bytearray(source)
    for _ in range(chance.choice((1, 2, 4, 16))):
        place = chance.choice(spots)
        data[place] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256), data[place] ^ (1 << chance.randrange(8))))
    copy = Path(sys.argv[1]).with_name(f"mutated-{seed}.gguf")
    copy.write_bytes(data)
    try:
        context = Context(open_weights(copy), n_ctx=64, n_threads=1)
        slot, _ = context.begin([65, 66])
        context.decode(slot, [65, 66])
        context.close()
    except AgentkitError as error:
        print(type(error).__name__, error)
    copy.unlink()
print("done")
"""


def mutate(model: Path, first: int, last: int) -> str:
    data = model.read_bytes()
    sizes, tensors = data.find(b"tokenizer.ggml.tokens"), data.find(b"tokenizer.ggml.merges")
    spots = [*range(4, sizes + 60), *range(tensors, data.find(b"\0" * 32, tensors))]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MUTATIONS, str(model), str(first), str(last), repr(spots)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0 and run.stdout.endswith("done\n"), f"exit {run.returncode} behind {run.stdout[-300:]!r}: {run.stderr[:600]}"
    return run.stdout


def test_mutated_headers_never_end_the_process(tmp_path: Path) -> None:
    told = mutate(write_model(tmp_path / "tiny.gguf"), 0, 1000)
    assert told.count("ModelFileError") > 500


@pytest.mark.slow
def test_many_mutated_headers_never_end_the_process(tmp_path: Path) -> None:
    told = mutate(write_model(tmp_path / "tiny.gguf"), 1000, 12_000)
    assert told.count("ModelFileError") > 5000


@pytest.mark.parametrize("key", ["llama.block_count", "llama.attention.layer_norm_rms_epsilon"])
@pytest.mark.parametrize("value", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\x80\xbf", b"\0\0\xc0\x7f"])
def test_sizes_that_would_end_the_process_are_refused(tmp_path: Path, key: str, value: bytes) -> None:
    model = write_model(tmp_path / "tiny.gguf")
    data = bytearray(model.read_bytes())
    place = data.find(key.encode()) + len(key) + 4
    data[place : place + 4] = value
    model.write_bytes(data)
    if key.endswith("epsilon") and value == b"\0\0\0\0":
        assert open_weights(model).n_vocab == 259  # an epsilon of zero is odd, and harmless
        return
    with pytest.raises(ModelFileError, match="impossible sizes"):
        open_weights(model)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is not a GGUF file \(it begins with b''\)"),
        (b"root:x:0:0:root:/root:/bin/bash\n", r"is not a GGUF file \(it begins with b'root'\)"),
        (b"GGUF", "cannot be loaded by llama.cpp: failed to read header"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "cannot be loaded by llama.cpp"),
        (b"GGUF" + struct.pack("<IQQ", 99, 1, 1), "cannot be loaded by llama.cpp"),
        (b"GGUF" + b"\xff" * 64, "cannot be loaded by llama.cpp"),
    ],
)
def test_what_is_no_model_is_named_as_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "some.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        open_weights(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"absent\.gguf' does not exist: give the path of a GGUF file"):
        open_weights(tmp_path / "absent.gguf")
    with pytest.raises(ModelFileError, match="is a folder"):
        open_weights(tmp_path)


@pytest.mark.parametrize("size", [30, 500, 4200, 9000, 60_000])
def test_a_truncated_model_is_refused(tmp_path: Path, size: int) -> None:
    path = write_model(tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelFileError, match=r"cannot be loaded by llama\.cpp: \S"):
        open_weights(path)


def test_a_truncated_download_says_that_it_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    with base_file().open("rb") as file:
        path.write_bytes(file.read(20_000_000))
    with pytest.raises(ModelFileError, match="not within the file bounds, model is corrupted or incomplete"):
        open_weights(path)


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    path = write_adapter(tmp_path / "lora.gguf")
    with pytest.raises(ModelFileError, match=r"is an adapter, not a model: .*MODEL\.gguf\?adapter=lora\.gguf"):
        open_weights(path)


def test_an_embedding_model_cannot_chat() -> None:
    with pytest.raises(ModelFileError, match=r"is an embedding model \(bert\)"):
        open_weights(MINILM)


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="unknown model architecture: 'gpt9'"):
        open_weights(write_model(tmp_path / "new.gguf", kind="gpt9"))


def test_the_header_of_a_model() -> None:
    header = read_header(base_file())
    assert header["general.architecture"] == "llama"
    assert header["llama.block_count"] == 30
    assert "tokenizer.ggml.tokens" not in header  # the vocabulary is long: it is read where it is needed


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_read_without_a_fault(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.gguf"
    path.write_bytes(b"GGUF" + data)
    assert isinstance(read_header(path), dict)
    check_model(path)
