"""Linear layers that read the same input, as one matrix product, with their LoRA factors as extra columns.

    y = x W^T + s (x A^T) B^T  =  [x, x A^T] [W, s B]^T

A product with 16 more columns costs nothing; a second pass over y to add a rank-16 term costs as much as a tenth of the
layer. Nothing here is autograd's: gradients of the frozen W are never formed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from agentkit.tuning.factors import Factors

__all__ = ["LoraLinear"]


class LoraLinear:
    """m frozen matrices [out_i, in] side by side, with LoRA factors of one rank.

    Args:
        weights: the frozen matrices, each [out_i, in].
        scale: alpha / rank.
        values, gradients: factors of each matrix; `gradients` are added to by `backward`.
    """

    def __init__(self, weights: Sequence[Tensor], *, scale: float, values: Sequence[Factors], gradients: Sequence[Factors]) -> None:
        self.inputs = weights[0].shape[1]
        self.outputs = [weight.shape[0] for weight in weights]
        self.rank = values[0].a.shape[0]
        self.scale = scale
        self.values, self.gradients = values, gradients
        extra = len(weights) * self.rank
        self.wide = torch.cat((torch.cat(tuple(weights)), torch.zeros(sum(self.outputs), extra)), 1)  # [sum out, in + m r]
        self.a = torch.empty(extra, self.inputs)
        self.refresh()

    def refresh(self) -> None:
        """Take over the factors' present values; once an optimiser step."""
        row = 0
        for i, (factors, out) in enumerate(zip(self.values, self.outputs, strict=True)):
            self.a[i * self.rank : (i + 1) * self.rank] = factors.a
            column = self.inputs + i * self.rank
            self.wide[row : row + out, column : column + self.rank] = factors.b * self.scale
            row += out

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """From x [T, in] to y [T, sum out], and the widened input [T, in + m r] that `backward` wants."""
        wide = torch.cat((x, x @ self.a.t()), 1)
        return wide @ self.wide.t(), wide

    def backward(self, dy: Tensor, wide: Tensor, *, need_input: bool = True) -> Tensor | None:
        """Add the factors' gradients; return the input's [T, in] unless nobody needs it."""
        d_wide = dy @ self.wide if need_input else None
        du = dy @ self.wide[:, self.inputs :] if d_wide is None else d_wide[:, self.inputs :]  # [T, m r]
        da = du.t() @ wide[:, : self.inputs]  # [m r, in]
        row = 0
        for i, (gradient, out) in enumerate(zip(self.gradients, self.outputs, strict=True)):
            span = slice(i * self.rank, (i + 1) * self.rank)
            gradient.a.add_(da[span])
            u = wide[:, self.inputs + span.start : self.inputs + span.stop]  # [T, r]
            gradient.b.addmm_(dy[:, row : row + out].t(), u, alpha=self.scale)
            row += out
        return None if d_wide is None else torch.addmm(d_wide[:, : self.inputs], du, self.a)
