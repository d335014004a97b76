"""The wheel and the sdist, built from a copy of the tree and used from a clean environment in an empty folder."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("agentkit", "tools", "graphs", "prompts", "pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in", "constraints.txt")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTKIT_", "PYTHON", "COV"))}


def _run(command: Sequence[str | Path], folder: Path, *, fails: bool = False) -> str:
    """What a command says; it must succeed, or fail where `fails`."""
    parts = [str(part) for part in command]
    done = subprocess.run(parts, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=280, check=False)
    said = done.stdout + done.stderr
    assert bool(done.returncode) == fails, said
    return said


def _copy(to: Path) -> Path:
    """The tree as git would have it, links as links."""
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            to.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    return to


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("built")
    tree = _copy(folder / "tree")
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, tree], folder)
    return folder


def _wheel(folder: Path) -> Path:
    (wheel,) = folder.glob("agentkit_local-*.whl")
    return wheel


@pytest.mark.slow
def test_wheel_holds_the_linked_folders_and_the_data_and_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(_wheel(built)).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"agentkit", "agentkit_local"}
    tree = {
        f"agentkit/{folder}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder in ("tools", "graphs", "prompts")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".yaml")
    }
    assert tree <= set(names)
    assert "agentkit/py.typed" in names
    data = {f"agentkit/models/data/{path.name}" for path in (ROOT / "agentkit" / "models" / "data").glob("*.gguf")}
    assert {"agentkit/models/data/minilm-q8_0.gguf", "agentkit/models/data/embedded-adapter.gguf"} <= data <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_a_wheel_made_from_the_sdist_is_the_same(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("agentkit_local-*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Python 3.11.3 and older have no filters, and 3.12 wants one.
        if hasattr(tarfile, "data_filter"):  # since 3.11.4
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(tmp_path)
    (unpacked,) = tmp_path.iterdir()
    _run([sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path / "again", unpacked], tmp_path)
    assert sorted(zipfile.ZipFile(_wheel(tmp_path / "again")).namelist()) == sorted(zipfile.ZipFile(_wheel(built)).namelist())


USE = """
import json
from pathlib import Path

import agentkit
from agentkit import Agent, prompts
from agentkit.graphs.react import build_graph
from agentkit.models.data import __path__ as data
from agentkit.retrieval import default_embedder
from agentkit.testing import ScriptedModel
from agentkit.tools import registry
from agentkit.tools.calculator import __name__ as calculator

Path("docs").mkdir()
Path("docs/hut.md").write_text("The hut has 36 beds.")
call = {"name": "search_documents", "args": {"query": "beds"}}
answer = Agent(ScriptedModel([call, 'It has 36 [1: "36 beds"].']), documents=["docs"]).ask("How many beds?")
print(json.dumps({
    "where": agentkit.__file__, "calculator": calculator, "sum": registry.get("calculator").invoke({"expression": "6*7"}),
    "prompts": bool(prompts.load("unanswerable")), "vector": list(default_embedder().embed(["hut"]).shape),
    "data": sorted(path.name for path in Path(list(data)[0]).glob("*.gguf")), "text": answer.text, "quote": answer.citations[0]["quote"],
}))
"""


@pytest.mark.slow
def test_the_wheel_works_from_a_clean_environment_in_an_empty_folder(built: Path, tmp_path: Path) -> None:
    environment, empty = tmp_path / "environment", tmp_path / "empty"
    venv.create(environment, with_pip=False)
    empty.mkdir()
    python = environment / "bin" / "python"
    _run([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", _wheel(built)], empty)
    # The dependencies come from this environment; agentkit itself does not: a .pth file inside a folder named by a .pth file is not read.
    (packages,) = (environment / "lib").glob("python3*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    script = f"import os; os.environ['AGENTKIT_HOME'] = {str(tmp_path / 'home')!r}\n{USE}"
    seen = json.loads(_run([python, "-W", "ignore", "-c", script], empty).splitlines()[-1])
    shipped = sorted(path.name for path in (ROOT / "agentkit" / "models" / "data").glob("*.gguf"))
    assert Path(seen.pop("where")).is_relative_to(environment)
    assert seen == {
        "calculator": "agentkit.tools.calculator", "sum": "42", "prompts": True, "vector": [1, 384], "data": shipped,
        "text": "It has 36 [1].", "quote": "36 beds",
    }  # fmt: skip
    assert _run([environment / "bin" / "agentkit", "--version"], empty).startswith("agentkit 0.")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tools", "prompts"])
def test_the_build_refuses_a_checkout_whose_links_are_plain_files(name: str, tmp_path: Path) -> None:
    tree = _copy(tmp_path / "tree")
    (tree / "agentkit" / name).unlink()
    (tree / "agentkit" / name).write_text(f"../{name}", encoding="utf-8")
    said = _run([sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, tree], tmp_path, fails=True)
    assert f"agentkit/{name} is not a folder" in said
    assert "core.symlinks true" in said


def _names(requirements: Sequence[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def test_no_base_dependency_brings_torch_and_every_tested_one_has_a_constraint() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = _names([line for line in lines if not line.startswith("#")])
    extras = project["optional-dependencies"]
    tested = [*project["dependencies"], *extras["embedded"], *extras["tune"], *extras["web"], *extras["dev"]]
    assert not _names(project["dependencies"]) & {"torch", "transformers", "sentence-transformers", "datasets"}
    assert _names(tested) - pinned == set()
    assert "torch==2.13.0" in lines


def test_langgraph_json_names_a_module_and_not_a_file() -> None:
    graphs = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]
    assert graphs == {"react": "agentkit.graphs.react:make_graph"}
