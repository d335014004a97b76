"""All LoRA factors of a model in one flat tensor: one thing to optimise, to share between processes and to save."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["TARGETS", "FactorSet", "Factors", "dimensions"]

TARGETS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""The linear layers of a block, all adapted, under their names in a GGUF."""


@dataclass(frozen=True)
class Factors:
    """One layer's LoRA factors, or their gradients: views of one flat tensor."""

    a: Tensor
    """[rank, in]"""
    b: Tensor
    """[out, rank]"""


def dimensions(tensors: Mapping[str, NDArray[np.float32]], layers: int) -> dict[str, tuple[int, int]]:
    """Dimensions (out, in) of the adapted layers, by name (`blk.0.attn_q`), in the order of the flat tensor."""
    names = [f"blk.{layer}.{target}" for layer in range(layers) for target in TARGETS]
    return {name: (tensors[f"{name}.weight"].shape[0], tensors[f"{name}.weight"].shape[1]) for name in names}


class FactorSet:
    """Factors of every adapted layer and the gradients of them.

    Args:
        dimensions: (out, in) of each layer.
        rank: rank of the factors.
        alpha: the factors' product counts `alpha / rank` times.
        parameters, gradient: flat tensors [size] to use, such as shared ones; new ones where they are not given.

    >>> FactorSet({"blk.0.attn_q": (6, 4)}, rank=2, alpha=4.0).parameters.shape
    torch.Size([20])
    """

    def __init__(
        self,
        dimensions: Mapping[str, tuple[int, int]],
        *,
        rank: int = 16,
        alpha: float = 32.0,
        parameters: Tensor | None = None,
        gradient: Tensor | None = None,
    ) -> None:
        self.dimensions, self.rank, self.alpha = dict(dimensions), rank, alpha
        size = sum(rank * (out + inputs) for out, inputs in dimensions.values())
        self.parameters = torch.zeros(size) if parameters is None else parameters
        self.gradient = torch.zeros(size) if gradient is None else gradient
        self.values, self.gradients = self._cut(self.parameters), self._cut(self.gradient)

    @property
    def scale(self) -> float:
        """What the product of the factors is multiplied by."""
        return self.alpha / self.rank

    def initialise(self, seed: int) -> None:
        """A uniform within 1 / sqrt(in), B zero: the model begins as the base."""
        generator = torch.Generator().manual_seed(seed)
        for factors in self.values.values():
            bound = 1 / math.sqrt(factors.a.shape[1])
            factors.a.uniform_(-bound, bound, generator=generator)
            factors.b.zero_()

    def _cut(self, flat: Tensor) -> dict[str, Factors]:
        found, at = {}, 0
        for name, (out, inputs) in self.dimensions.items():
            middle, end = at + self.rank * inputs, at + self.rank * (inputs + out)
            found[name] = Factors(flat[at:middle].view(self.rank, inputs), flat[middle:end].view(out, self.rank))
            at = end
        return found
