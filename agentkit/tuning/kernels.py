"""The element-wise parts of a Llama-type model, forward and backward, fused by torch.compile where a compiler is at hand.

Each is a plain function of tensors; `fused` compiles them once for all shapes. On two cores the fused form saves about
a fifth of a training step, since these parts are bound by memory, not by arithmetic.
"""

import functools
import shutil
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

__all__ = ["add_norm", "cross_entropy", "norm_backward", "rotate", "softmax_backward", "softmax_causal", "swiglu", "swiglu_backward"]

P = ParamSpec("P")
R = TypeVar("R")


def fused(function: Callable[P, R]) -> Callable[P, R]:
    """Compile at the first call; without a C++ compiler the function stays as it is."""

    @functools.cache
    def fastest() -> Callable[P, R]:
        if shutil.which("g++") is None and shutil.which("clang++") is None:
            return function
        compiled: Callable[P, R] = torch.compile(function, dynamic=True)
        return compiled

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return fastest()(*args, **kwargs)

    return call


@fused
def add_norm(residual: Tensor, update: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Residual addition and RMSNorm: the new residual [T, C], the normed [T, C], the reciprocal norm [T, 1]."""
    residual = residual + update
    scale = torch.rsqrt(residual.pow(2).mean(-1, keepdim=True) + epsilon)
    return residual, residual * scale * weight, scale


@fused
def norm_backward(d_residual: Tensor, d_normed: Tensor, residual: Tensor, scale: Tensor, weight: Tensor) -> Tensor:
    """Gradient of the residual before `add_norm`: what comes past the norm plus what comes through it."""
    through = d_normed * weight
    return d_residual + scale * (through - residual * (scale * scale * (through * residual).mean(-1, keepdim=True)))


@fused
def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of x [T, heads, D], pairs side by side; cos and sin [T, 1, D/2]. Its backward takes -sin."""
    first, second = x.view(*x.shape[:-1], -1, 2).unbind(-1)
    return torch.stack((first * cos - second * sin, second * cos + first * sin), -1).flatten(-2)


@fused
def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) * up, from gate and up side by side [T, 2F] to [T, F]."""
    gate, up = gate_up.chunk(2, -1)
    return gate * torch.sigmoid(gate) * up


@fused
def swiglu_backward(d_out: Tensor, gate_up: Tensor) -> Tensor:
    """Gradient of gate and up side by side [T, 2F]."""
    gate, up = gate_up.chunk(2, -1)
    sigmoid = torch.sigmoid(gate)
    return torch.cat((d_out * up * sigmoid * (1 + gate * (1 - sigmoid)), d_out * gate * sigmoid), -1)


@fused
def softmax_causal(scores: Tensor, seen: int) -> Tensor:
    """Softmax of scores [.., rows, columns] where row i sees the columns up to `seen + i`."""
    rows = torch.arange(scores.shape[-2])[:, None]
    columns = torch.arange(scores.shape[-1])[None]
    scores = torch.where(columns <= rows + seen, scores, -1e30)
    exponent = torch.exp(scores - scores.amax(-1, keepdim=True))
    return exponent / exponent.sum(-1, keepdim=True)


@fused
def softmax_backward(probabilities: Tensor, d_probabilities: Tensor) -> Tensor:
    """Gradient of the scores."""
    return probabilities * (d_probabilities - (probabilities * d_probabilities).sum(-1, keepdim=True))


@fused
def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted sum of the losses of `targets` [N], and the gradient of the logits [N, V]."""
    top = logits.amax(-1, keepdim=True)
    exponent = torch.exp(logits - top)
    total = exponent.sum(-1, keepdim=True)
    chosen = logits.gather(1, targets[:, None])
    hit = torch.arange(logits.shape[1])[None] == targets[:, None]
    loss = (weights[:, None] * (top + torch.log(total) - chosen)).sum()
    return loss, (exponent / total - hit.to(logits.dtype)) * weights[:, None]
