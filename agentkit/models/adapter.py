"""What a LoRA adapter says of itself: its kind, and the prompt contract that it was made for."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit.contract import CONTRACT
from agentkit.errors import ContractError, ModelFileError
from agentkit.models.header import read_header

__all__ = ["check_adapter", "check_contract"]


def check_adapter(adapter: Path) -> None:
    """Refuse a file that is no adapter, and one of another prompt contract; adapters that name no contract are taken as they are.

    Raises:
        ModelFileError: the file is no GGUF, or of another kind.
        ContractError: the adapter was made for another prompt contract.
    """
    header = read_header(adapter)
    kind = header.get("general.type")
    if kind != "adapter":
        raise ModelFileError(f"{str(adapter)!r} is not an adapter (its kind is {kind!r}): give the path of a GGUF LoRA")
    if "agentkit.contract" in header:
        _check(str(adapter), header, "train it again with the prompts of this version, or leave it out")


def check_contract(adapter: Path) -> None:
    """Refuse a packaged adapter of another prompt contract or of none; warn about one that was trained on another wording of it.

    Raises:
        ContractError: the number in the adapter's metadata is not the one in force.
    """
    _check(adapter.name, {"agentkit.golden_hash": "", **read_header(adapter)}, "make it again with `make adapter`")


def _check(name: str, header: Mapping[str, Any], remedy: str) -> None:
    from agentkit.models.golden import golden_hash

    number = header.get("agentkit.contract")
    if number != CONTRACT:
        raise ContractError(f"{name} was made for prompt contract {number!r}, and {CONTRACT} is in force: {remedy}")
    if header.get("agentkit.golden_hash", golden_hash()) != golden_hash():
        warnings.warn(f"{name} was trained on another wording of the prompts: {remedy}", stacklevel=3)
