"""Imports go downward only, `import agentkit` stays light, and nothing reaches for the network by being imported."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS = (
    ("errors", "prompts"),
    ("settings", "redact", "disk", "answer", "contract", "budget"),
    ("record",),
    ("state", "models", "retrieval", "portal"),
    ("tools", "alignment", "threads"),
    ("graphs",),
    ("run",),
    ("agent",),
    ("replaying", "difference", "testing", "evaluation"),
    ("cassette",),
    ("tuning",),
    ("server",),
    ("cli",),
)
"""From the bottom up; a unit imports from its own layer and those below."""

ALLOWED = {("graphs", "agent"): "make_graph, the factory for `langgraph dev`, makes an agent when it is called"}

HEAVY = ("torch", "llama_cpp", "chromadb", "langgraph", "langchain_core", "langchain_openai", "numpy", "pydantic", "transformers", "rich")


def _sources() -> Iterator[tuple[str, Path]]:
    """Each module's unit (its name below agentkit) and file."""
    for folder in ("agentkit", "tools", "graphs", "prompts"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if any(part.is_symlink() for part in (path, *path.parents)):
                continue
            below = path.relative_to(ROOT / folder).with_suffix("").parts
            yield (below[0] if folder == "agentkit" else folder), path


def _imported(path: Path) -> Iterator[str]:
    """What a module imports of agentkit, at its top or in a function; not what only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            unseen.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "agentkit":
            yield from (f"agentkit.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_imports_go_downward_only() -> None:
    level = {name: place for place, names in enumerate(LAYERS) for name in names}
    unknown, upward = set(), set()
    for unit, path in _sources():
        for module in _imported(path):
            package, _, rest = module.partition(".")
            other = rest.split(".")[0]
            if package != "agentkit" or not other or "__init__" in unit or other == unit:
                continue
            if unit not in level or other not in level:
                unknown.add(unit if unit not in level else other)
            elif level[other] > level[unit] and (unit, other) not in ALLOWED:
                upward.add(f"{path.relative_to(ROOT)}: {unit} imports {other}, which stands above it")
    assert not upward
    assert not unknown, "give these a place in LAYERS"


def test_tools_graphs_and_prompts_are_imported_under_one_name() -> None:
    imported = {(path.name, module.split(".")[0]) for _, path in _sources() for module in _imported(path)}
    assert not [pair for pair in imported if pair[1] in ("tools", "graphs", "prompts")]


@pytest.mark.parametrize("name", ["tools", "graphs", "prompts"])
def test_the_linked_folders_are_relative_links(name: str) -> None:
    assert (ROOT / "agentkit" / name).readlink() == Path("..") / name


def _run(code: str) -> dict[str, object]:
    """What a fresh interpreter prints, as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


WATCH = """
import json, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") and event != "socket.__new__" else None)
"""


def test_import_is_quick_and_loads_nothing_heavy() -> None:
    code = WATCH + (
        "import time; begun = time.perf_counter(); import agentkit; seconds = time.perf_counter() - begun\n"
        f"print(json.dumps({{'seconds': seconds, 'heavy': [name for name in {HEAVY!r} if name in sys.modules], 'opened': opened}}))"
    )
    runs = [_run(code) for _ in range(3)]
    assert runs[0]["heavy"] == []
    assert runs[0]["opened"] == []
    assert min(float(str(run["seconds"])) for run in runs) < 0.15


def test_no_module_reaches_for_the_network_when_it_is_imported() -> None:
    code = WATCH + (
        "import importlib, pkgutil, agentkit\n"
        "names = [m.name for m in pkgutil.walk_packages(agentkit.__path__, 'agentkit.')]\n"
        "names = [name for name in names if not name.startswith('agentkit.tuning') and not name.endswith('__main__')]\n"
        "for name in names: importlib.import_module(name)\n"
        # urllib3, which langsmith brings, binds a socket to ::1 to find out whether there is IPv6.
        "reached = [event for event in opened if event != 'socket.bind']\n"
        "print(json.dumps({'names': len(names), 'opened': reached, 'torch': 'torch' in sys.modules, 'tools': 'tools' in sys.modules}))"
    )
    seen = _run(code)
    assert int(str(seen["names"])) > 40
    assert (seen["opened"], seen["torch"], seen["tools"]) == ([], False, False)


def test_answering_from_an_index_needs_neither_torch_nor_chroma_nor_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentkit import Knowledge

    monkeypatch.setenv("AGENTKIT_HOME", str(tmp_path / "home"))
    (tmp_path / "hut.md").write_text("The hut has 36 beds.\n", encoding="utf-8")
    assert Knowledge(tmp_path / "hut.md").refresh().files == 1
    code = WATCH + (
        "from agentkit import Agent\nfrom agentkit.testing import ScriptedModel\n"
        "model = ScriptedModel([{'name': 'search_documents', 'args': {'query': 'beds'}}, '36'])\n"
        f"answer = Agent(model, documents={str(tmp_path / 'hut.md')!r}).ask('How many beds?')\n"
        "connected = [event for event in opened if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto')]\n"
        "print(json.dumps({'text': answer.text, 'connected': connected,"
        " 'heavy': [name for name in ('torch', 'chromadb', 'transformers') if name in sys.modules]}))"
    )
    assert _run(code) == {"text": "36", "connected": [], "heavy": []}


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = "import json, sys, agentkit.cli.app\n" + f"print(json.dumps({{'heavy': [name for name in {HEAVY!r} if name in sys.modules]}}))"
    assert _run(code) == {"heavy": []}


BROUGHT_ALONG = {"langsmith": "langchain-core", "referencing": "jsonschema", "pydantic_core": "pydantic"}
"""What a declared dependency needs itself, so that it need not be declared again."""

OF_EXTRAS = {"ddgs": "web_search.py", "sentence_transformers": "make_embedder.py", "torch": "make_embedder.py", "pytest": "cassette.py"}
"""Imports that only an extra provides, and the one file that may make them, in a function."""


def test_what_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[\[<>=~! ]", text)[0].lower() for text in project["dependencies"]}
    provided_by = packages_distributions()
    undeclared = set()
    for unit, path in _sources():
        for name in {module.split(".")[0] for module in _imported(path)} - set(sys.stdlib_module_names) - {"agentkit"}:
            distributions = {distribution.lower().replace("_", "-") for distribution in [name, *provided_by.get(name, [])]}
            known = distributions & declared or name in BROUGHT_ALONG or OF_EXTRAS.get(name) == path.name or unit == "tuning"
            if not known:
                undeclared.add(f"{path.relative_to(ROOT)}: {name}")
    assert not undeclared


def test_a_public_name_is_no_module_that_would_hide_it() -> None:
    import agentkit

    modules = {path.stem for path in Path(agentkit.__file__).parent.glob("*.py")}
    assert not modules & set(agentkit.__all__)
