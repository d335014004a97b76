"""The written-out backward pass against autograd, and trees against single sequences."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from agentkit.tuning.base_weights import BaseWeights
from agentkit.tuning.factors import TARGETS, FactorSet
from agentkit.tuning.packing import Tree
from tests.tuning.tiny_llama import SHAPE, branch, random_base, random_model, sequence


def rotated(x: Tensor) -> Tensor:
    """Rotary embedding [T, heads, D] by complex numbers."""
    angle = torch.arange(len(x))[:, None] * SHAPE.rope_base ** -(torch.arange(0, SHAPE.head_width, 2) / SHAPE.head_width)
    turned = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(torch.ones_like(angle), angle)[:, None]
    flat: Tensor = torch.view_as_real(turned).flatten(-2)
    return flat


def reference_logits(base: BaseWeights, factors: FactorSet, flat: Tensor, ids: tuple[int, ...]) -> Tensor:
    """The same model as autograd sees it."""
    values = FactorSet(factors.dimensions, rank=factors.rank, alpha=factors.alpha, parameters=flat).values

    def weight(name: str) -> Tensor:
        return torch.from_numpy(base.tensors[f"{name}.weight"])

    def norm(x: Tensor, name: str) -> Tensor:
        normed: Tensor = functional.rms_norm(x, (SHAPE.width,), weight(name), SHAPE.norm_epsilon)
        return normed

    x = weight("token_embd")[torch.tensor(ids)]
    for layer in range(SHAPE.layers):
        q, k, v, out, gate, up, down = (
            weight(f"blk.{layer}.{t}") + factors.scale * values[f"blk.{layer}.{t}"].b @ values[f"blk.{layer}.{t}"].a for t in TARGETS
        )
        y = norm(x, f"blk.{layer}.attn_norm")
        heads = [(y @ w.t()).view(len(y), -1, SHAPE.head_width) for w in (q, k, v)]
        turned = [rotated(heads[0]), rotated(heads[1]), heads[2]]
        seen = [h.transpose(0, 1)[None] for h in turned]
        mixed = functional.scaled_dot_product_attention(seen[0], seen[1], seen[2], is_causal=True, enable_gqa=True)
        x = x + mixed[0].transpose(0, 1).flatten(1) @ out.t()
        y = norm(x, f"blk.{layer}.ffn_norm")
        x = x + (functional.silu(y @ gate.t()) * (y @ up.t())) @ down.t()
    logits: Tensor = norm(x, "output_norm") @ weight("token_embd").t()
    return logits


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
