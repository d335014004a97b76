"""The script that makes the packaged embedder."""

from pathlib import Path

import pytest

from agentkit.errors import ModelFileError
from agentkit.models import make_embedder


@pytest.mark.slow
def test_the_packaged_file_is_what_the_script_makes(tmp_path: Path) -> None:
    make_embedder.convert(make_embedder.weights_folder(), tmp_path / "made.gguf")
    made, packaged = (tmp_path / "made.gguf").read_bytes(), make_embedder.TARGET.read_bytes()
    assert made == packaged


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="convert_hf_to_gguf failed"):
        make_embedder.convert(tmp_path, tmp_path / "out.gguf")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_embedder, "PACKAGE", "gt_nowhere_to_be_found")
    with pytest.raises(ModelFileError, match="'gt-nowhere-to-be-found' is not installed"):
        make_embedder.weights_folder()


def test_a_file_whose_vectors_are_off_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_embedder, "convert", lambda folder, target: target.write_bytes(b"GGUF"))
    monkeypatch.setattr(make_embedder, "compare", lambda folder, made: 0.9)
    with pytest.raises(ModelFileError, match=r"cosine 0\.90000"):
        make_embedder.main(["--out", str(tmp_path / "out.gguf")])
    assert not (tmp_path / "out.gguf").exists()
    monkeypatch.setattr(make_embedder, "compare", lambda folder, made: 0.9995)
    make_embedder.main(["--out", str(tmp_path / "out.gguf")])
    assert (tmp_path / "out.gguf").exists() and "0.99950" in capsys.readouterr().out
