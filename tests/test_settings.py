"""Settings: precedence, checks, and messages that say what came from where."""

import os
from pathlib import Path

import pytest

from agentkit import settings
from agentkit.errors import SettingsError


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and no AGENTKIT_ variable."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_argument_goes_before_environment_before_file_before_default(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().model == "embedded"
    (working_folder / settings.FILE).write_text('model = "openai:from-file"')
    assert settings.load().model == "openai:from-file"
    monkeypatch.setenv("AGENTKIT_MODEL", "openai:from-environment")
    assert settings.load().model == "openai:from-environment"
    assert settings.load(model="openai:from-argument").model == "openai:from-argument"


def test_origin_names_where_a_value_came_from(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.origin("seed") == "the default"
    (working_folder / settings.FILE).write_text("seed = 1")
    assert settings.origin("seed") == str(working_folder / settings.FILE)
    monkeypatch.setenv("AGENTKIT_SEED", "2")
    assert settings.origin("seed") == "AGENTKIT_SEED"
    assert settings.origin("seed", {"seed": 3}) == "an argument"


def test_an_argument_that_is_none_and_an_empty_variable_count_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_TEMPERATURE", "")
    assert settings.load(temperature=None).temperature is None


def test_only_parameters_that_are_set_are_handed_to_the_model() -> None:
    loaded = settings.load(temperature=0, n_ctx=2048)
    assert loaded.inference() == {"temperature": 0.0}
    assert loaded.local() == {"n_ctx": 2048}


@pytest.mark.parametrize(("written", "read"), [("END", ("END",)), ('["a", "b"]', ("a", "b"))])
def test_stop_in_the_environment_is_one_string_or_a_json_list(written: str, read: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_STOP", written)
    assert settings.load().stop == read


def test_a_list_of_stop_strings_in_the_file(working_folder: Path) -> None:
    (working_folder / settings.FILE).write_text('stop = ["x", "y"]')
    assert settings.load().stop == ("x", "y")


def test_home_is_an_absolute_path_with_the_user_folder_expanded(monkeypatch: pytest.MonkeyPatch, working_folder: Path) -> None:
    monkeypatch.setenv("HOME", str(working_folder))
    monkeypatch.setenv("AGENTKIT_HOME", "~/kept")
    assert settings.load().home == working_folder / "kept"
    assert settings.load(home=Path("here")).home == working_folder / "here"


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("AGENTKIT_MAX_TOKENS", "0", "greater than or equal to 1"),
        ("AGENTKIT_TOP_P", "1.5", "less than or equal to 1"),
        ("AGENTKIT_TYPE_K", "int8", "'q8_0'"),
        ("AGENTKIT_BASE_URL", "localhost:8080", "https?://"),
        ("AGENTKIT_PYTHON_TIMEOUT", "soon", "valid number"),
        ("AGENTKIT_STOP", "[1,", "JSON list"),
    ],
)
def test_a_bad_value_is_told_with_value_origin_and_what_is_allowed(
    variable: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert repr(value) in str(caught.value)
    assert f"(from {variable})" in str(caught.value)
    assert allowed in str(caught.value)


def test_an_unknown_name_in_the_file_is_told_with_the_nearest_one(working_folder: Path) -> None:
    (working_folder / settings.FILE).write_text('modle = "x"')
    with pytest.raises(SettingsError, match=r"there is no setting 'modle' \(from .*agentkit.toml\): did you mean model\?"):
        settings.load()


def test_an_unknown_argument_is_told_with_the_known_names() -> None:
    with pytest.raises(SettingsError, match=r"'zzz'.*known are adapter, api_key"):
        settings.load(zzz=1)


def test_a_file_that_is_not_toml_is_told_with_its_line(working_folder: Path) -> None:
    (working_folder / settings.FILE).write_text("seed = 1\nmodel = nothing\n")
    with pytest.raises(SettingsError, match=r"agentkit.toml is not TOML: .*line 2"):
        settings.load()


def test_a_file_of_bytes_is_told_as_unreadable(working_folder: Path) -> None:
    (working_folder / settings.FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load()


def test_the_key_is_shown_neither_by_repr_nor_by_an_error() -> None:
    assert "canary" not in repr(settings.load(api_key="canary"))
    with pytest.raises(SettingsError) as caught:
        settings.load(api_key=["canary"])
    assert "canary" not in str(caught.value)


def test_documents_are_paths_as_in_path_or_a_list(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().documents == ()
    (working_folder / settings.FILE).write_text('documents = ["docs", "notes.md"]')
    assert settings.load().documents == (working_folder / "docs", working_folder / "notes.md")
    monkeypatch.setenv("AGENTKIT_DOCUMENTS", os.pathsep.join(["a", str(working_folder / "b")]))
    assert settings.load().documents == (working_folder / "a", working_folder / "b")
    monkeypatch.setenv("AGENTKIT_DOCUMENTS", '["a:b", "c"]')
    assert settings.load().documents == (working_folder / "a:b", working_folder / "c")
    monkeypatch.setenv("AGENTKIT_DOCUMENTS", "[a")
    with pytest.raises(SettingsError, match="should be a string or a JSON list of paths"):
        settings.load()
