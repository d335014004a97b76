"""The trainer's tests run its kernels uncompiled."""

import pytest


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain functions instead of compiled ones: the same arithmetic, without half a minute of compiling."""
    from agentkit.tuning import kernels

    for module in ("agentkit.tuning.lora_model", "agentkit.tuning.attention"):
        for name in kernels.__all__:
            monkeypatch.setattr(f"{module}.{name}", kernels.__dict__[name].__wrapped__, raising=False)
