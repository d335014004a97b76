"""The trainer's tests run its kernels uncompiled, in one thread."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same arithmetic without half a minute of compiling, and without threads that wait for each other on a busy machine."""
    from agentkit.tuning import kernels

    torch.set_num_threads(1)
    for module in ("agentkit.tuning.lora_model", "agentkit.tuning.attention"):
        for name in kernels.__all__:
            monkeypatch.setattr(f"{module}.{name}", kernels.__dict__[name].__wrapped__, raising=False)
