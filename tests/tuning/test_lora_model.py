"""The written-out backward pass against autograd, and trees against single sequences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402
from torch.nn import functional  # noqa: E402

from agentkit.tuning import kernels  # noqa: E402
from agentkit.tuning.base_weights import BaseWeights, Shape  # noqa: E402
from agentkit.tuning.factors import TARGETS, FactorSet, dimensions  # noqa: E402
from agentkit.tuning.lora_model import LoraModel  # noqa: E402
from agentkit.tuning.packing import Branch, Tree  # noqa: E402

SHAPE = Shape(layers=2, width=24, hidden=40, heads=6, kv_heads=2, vocabulary=50, rope_base=100.0)


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain functions instead of compiled ones: the same arithmetic, without half a minute of compiling."""
    for module in ("agentkit.tuning.lora_model", "agentkit.tuning.attention"):
        for name in kernels.__all__:
            monkeypatch.setattr(f"{module}.{name}", kernels.__dict__[name].__wrapped__, raising=False)


def random_base() -> BaseWeights:
    random = np.random.default_rng(0)
    kv = SHAPE.kv_heads * SHAPE.head_width
    sizes = {
        "attn_q": (24, 24), "attn_k": (kv, 24), "attn_v": (kv, 24), "attn_output": (24, 24),
        "ffn_gate": (40, 24), "ffn_up": (40, 24), "ffn_down": (24, 40), "attn_norm": (24,), "ffn_norm": (24,),
    }  # fmt: skip
    named = {f"blk.{layer}.{name}.weight": size for layer in range(SHAPE.layers) for name, size in sizes.items()}
    named |= {"token_embd.weight": (50, 24), "output_norm.weight": (24,)}
    return BaseWeights(shape=SHAPE, tensors={name: random.normal(size=size, scale=0.4).astype(np.float32) for name, size in named.items()})


def random_model(base: BaseWeights) -> LoraModel:
    factors = FactorSet(dimensions(base.tensors, SHAPE.layers), rank=3, alpha=6.0)
    factors.initialise(1)
    factors.parameters.add_(torch.randn(factors.parameters.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
    return LoraModel(base, factors)


def sequence(length: int, *, seed: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(seed).integers(0, 50, length).tolist())


def branch(length: int, trained: int, *, seed: int) -> Branch:
    return Branch(sequence(length, seed=seed), (0.0,) * (length - trained) + (1.0,) * (trained - 1) + (0.5,))


def rotated(x: Tensor) -> Tensor:
    """Rotary embedding [T, heads, D] by complex numbers."""
    angle = torch.arange(len(x))[:, None] * SHAPE.rope_base ** -(torch.arange(0, SHAPE.head_width, 2) / SHAPE.head_width)
    turned = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous()) * torch.polar(torch.ones_like(angle), angle)[:, None]
    return torch.view_as_real(turned).flatten(-2)


def reference_logits(base: BaseWeights, factors: FactorSet, flat: Tensor, ids: tuple[int, ...]) -> Tensor:
    """The same model as autograd sees it."""
    values = FactorSet(factors.dimensions, rank=factors.rank, alpha=factors.alpha, parameters=flat).values

    def weight(name: str) -> Tensor:
        return torch.from_numpy(base.tensors[f"{name}.weight"])

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.rms_norm(x, (SHAPE.width,), weight(name), SHAPE.norm_epsilon)

    x = weight("token_embd")[torch.tensor(ids)]
    for layer in range(SHAPE.layers):
        q, k, v, out, gate, up, down = (
            weight(f"blk.{layer}.{t}") + factors.scale * values[f"blk.{layer}.{t}"].b @ values[f"blk.{layer}.{t}"].a for t in TARGETS
        )
        y = norm(x, f"blk.{layer}.attn_norm")
        heads = [(y @ w.t()).unflatten(1, (-1, SHAPE.head_width)) for w in (q, k, v)]
        turned = [rotated(heads[0]), rotated(heads[1]), heads[2]]
        mixed = functional.scaled_dot_product_attention(*(h.transpose(0, 1)[None] for h in turned), is_causal=True, enable_gqa=True)
        x = x + mixed[0].transpose(0, 1).flatten(1) @ out.t()
        y = norm(x, f"blk.{layer}.ffn_norm")
        x = x + (functional.silu(y @ gate.t()) * (y @ up.t())) @ down.t()
    return norm(x, "output_norm") @ weight("token_embd").t()


def reference_loss(base: BaseWeights, factors: FactorSet, flat: Tensor, tree: Tree) -> Tensor:
    total = torch.zeros(())
    for one in tree.branches:
        logits = reference_logits(base, factors, flat, tree.prefix + one.ids)
        losses = functional.cross_entropy(logits[:-1], torch.tensor((tree.prefix + one.ids)[1:]), reduction="none")
        total = total + (losses[len(tree.prefix) - 1 :] * torch.tensor(one.weights)).sum()
    return total


def test_gradients_of_a_tree_equal_those_of_autograd_on_single_sequences() -> None:
    base = random_base()
    model = random_model(base)
    trees = [Tree(sequence(7, seed=1), (branch(9, 3, seed=2), branch(5, 2, seed=3))), Tree(sequence(3, seed=4), (branch(300, 20, seed=5),))]
    flat = model.factors.parameters.clone().requires_grad_()
    expected = torch.stack([reference_loss(base, model.factors, flat, tree) for tree in trees]).sum()
    expected.backward()  # type: ignore[no-untyped-call]
    loss, weight = model.step(trees, norm=1.0)
    assert weight == pytest.approx(23.5)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-4)
    assert flat.grad is not None
    assert torch.allclose(model.factors.gradient, flat.grad, rtol=1e-3, atol=1e-3 * float(flat.grad.abs().max()))


def test_gradients_of_a_step_are_divided_by_the_norm_and_added() -> None:
    model = random_model(random_base())
    tree = Tree(sequence(4, seed=1), (branch(6, 2, seed=2),))
    model.step([tree], norm=1.0)
    once = model.factors.gradient.clone()
    model.step([tree], norm=2.0)
    assert torch.allclose(model.factors.gradient, once * 1.5, rtol=1e-4, atol=1e-6)


def test_loss_without_a_gradient_is_the_loss_of_a_step() -> None:
    model = random_model(random_base())
    tree = Tree(sequence(4, seed=1), (branch(6, 2, seed=2),))
    assert model.loss([tree]) == pytest.approx(model.step([tree]))


def test_logits_of_a_sequence_are_those_of_the_reference() -> None:
    base = random_base()
    model = random_model(base)
    ids = sequence(11, seed=9)
    expected = reference_logits(base, model.factors, model.factors.parameters, ids)
    assert torch.allclose(model.logits(ids), expected, atol=1e-4)
