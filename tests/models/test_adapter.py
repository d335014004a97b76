"""Adapters that a user names: what they say of their prompt contract is looked at as they are loaded."""

from pathlib import Path

import pytest

from agentkit.contract import CONTRACT
from agentkit.errors import ContractError, ModelFileError
from agentkit.models import load_model
from agentkit.models.adapter import check_contract
from agentkit.models.golden import golden_hash
from tests.models.tiny_models import write_adapter, write_model


def answer_with(model: Path, adapter: Path) -> str:
    chat = load_model(f"llama-cpp:{model}?adapter={adapter}", n_ctx=256, n_threads=1, max_tokens=2)
    return chat.invoke("ab").text


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny model."""
    return write_model(tmp_path / "model.gguf")


@pytest.mark.parametrize(("contract", "golden"), [(None, None), (CONTRACT, None), (CONTRACT, golden_hash())])
def test_an_adapter_of_this_contract_or_of_none_loads_silently(
    model: Path, tmp_path: Path, contract: int | None, golden: str | None, recwarn: pytest.WarningsRecorder
) -> None:
    assert isinstance(answer_with(model, write_adapter(tmp_path / "lora.gguf", contract=contract, golden=golden)), str)
    assert not [str(warning.message) for warning in recwarn if "wording" in str(warning.message)]


def test_an_adapter_of_another_contract_is_refused_as_it_is_loaded(model: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "lora.gguf", contract=99, golden=golden_hash())
    with pytest.raises(ContractError, match=rf"lora\.gguf was made for prompt contract 99, and {CONTRACT} is in force: train it again"):
        answer_with(model, adapter)


def test_an_adapter_of_another_wording_is_told_and_runs(model: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "lora.gguf", contract=CONTRACT, golden="abc")
    with pytest.warns(UserWarning, match=r"lora\.gguf was trained on another wording of the prompts"):
        assert isinstance(answer_with(model, adapter), str)


def test_what_is_no_adapter_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="is not an adapter"):
        answer_with(model, model)


def test_a_packaged_adapter_has_to_name_its_contract(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"made for prompt contract None.*make it again with `make adapter`"):
        check_contract(write_adapter(tmp_path / "lora.gguf"))
    with pytest.warns(UserWarning, match="another wording"):
        check_contract(write_adapter(tmp_path / "lora.gguf", contract=CONTRACT))
