"""LoRA on a Llama-type model for a CPU: forward and backward written out, in float32, without autograd.

Against transformers with peft on the same cores this saves the logits of the prompt's tokens, the padding, the shared
beginnings (see `packing`), and the second pass over every LoRA term. A test holds its gradients to autograd's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit.tuning.attention import Attention, Saved
from agentkit.tuning.base_weights import BaseWeights
from agentkit.tuning.factors import FactorSet
from agentkit.tuning.kernels import add_norm, cross_entropy, norm_backward, rotate, swiglu, swiglu_backward
from agentkit.tuning.layout import Layout, lay_out
from agentkit.tuning.lora_linear import LoraLinear
from agentkit.tuning.packing import Tree

__all__ = ["LoraModel"]

LOGIT_ROWS = 128
"""Rows of logits at a time: 128 rows of 49,152 are 25 MB."""


@dataclass
class _Block:
    """The frozen norms and adapted linears of one layer."""

    qkv: LoraLinear
    out: LoraLinear
    gate_up: LoraLinear
    down: LoraLinear
    norm1: Tensor
    norm2: Tensor


@dataclass
class _Activations:
    """What the backward pass of one layer needs; wide inputs as `LoraLinear.forward` returns them."""

    residual1: Tensor
    scale1: Tensor
    qkv_in: Tensor
    attention: list[Saved]
    out_in: Tensor
    residual2: Tensor
    scale2: Tensor
    gate_up_in: Tensor
    gate_up: Tensor
    down_in: Tensor


class LoraModel:
    """A frozen base with trainable factors.

    Args:
        base: the frozen weights.
        factors: values to compute with, and gradients that `step` adds to.
    """

    def __init__(self, base: BaseWeights, factors: FactorSet) -> None:
        self.shape, self.factors = base.shape, factors
        self.embedding = _tensor(base, "token_embd")  # [V, C]
        self.head = _tensor(base, "output") if "output.weight" in base.tensors else self.embedding
        self.norm = _tensor(base, "output_norm")
        self.attention = Attention(base.shape.heads, base.shape.kv_heads, base.shape.head_width)
        self.blocks = [self._block(base, layer) for layer in range(base.shape.layers)]

    def _block(self, base: BaseWeights, layer: int) -> _Block:
        def linear(*targets: str) -> LoraLinear:
            names = [f"blk.{layer}.{target}" for target in targets]
            values, gradients = [self.factors.values[name] for name in names], [self.factors.gradients[name] for name in names]
            return LoraLinear([_tensor(base, name) for name in names], scale=self.factors.scale, values=values, gradients=gradients)

        return _Block(
            qkv=linear("attn_q", "attn_k", "attn_v"),
            out=linear("attn_output"),
            gate_up=linear("ffn_gate", "ffn_up"),
            down=linear("ffn_down"),
            norm1=_tensor(base, f"blk.{layer}.attn_norm"),
            norm2=_tensor(base, f"blk.{layer}.ffn_norm"),
        )

    def refresh(self) -> None:
        """Take over the factors' present values; once an optimiser step."""
        for block in self.blocks:
            for linear in (block.qkv, block.out, block.gate_up, block.down):
                linear.refresh()

    @torch.no_grad()
    def loss(self, trees: Sequence[Tree]) -> tuple[float, float]:
        """Weighted sum of the losses of the trained tokens, and the sum of their weights."""
        layout = self._layout(trees)
        hidden, _, _ = self._head_input(*self._forward(layout, None), layout)
        loss, _ = self._head(hidden, layout, norm=1.0, backward=False)
        return loss, float(layout.weights.sum())

    @torch.no_grad()
    def step(self, trees: Sequence[Tree], *, norm: float | None = None) -> tuple[float, float]:
        """`loss`, and the gradient of the sum divided by `norm` (default: the weights' sum) added to the factors'."""
        layout = self._layout(trees)
        saved: list[_Activations] = []
        state = self._forward(layout, saved)
        hidden, residual, scale = self._head_input(*state, layout)
        total = float(layout.weights.sum())
        loss, d_hidden = self._head(hidden, layout, norm=norm or total, backward=True)
        d_residual = norm_backward(torch.zeros_like(residual), d_hidden, residual, scale, self.norm)  # [N, C]
        for layer in range(self.shape.layers - 1, -1, -1):
            d_residual = self._block_backward(layer, d_residual, saved.pop(), layout)
        return loss, total

    @torch.no_grad()
    def logits(self, ids: Sequence[int]) -> Tensor:
        """Logits [T, V] of one sequence, to compare with other runtimes."""
        layout = self._layout([Tree(tuple(ids), ())])
        every = Layout(**{**vars(layout), "rows": torch.arange(len(ids))})
        hidden, _, _ = self._head_input(*self._forward(every, None), every)
        return hidden @ self.head.t()

    def _layout(self, trees: Sequence[Tree]) -> Layout:
        return lay_out(trees, head_width=self.shape.head_width, rope_base=self.shape.rope_base)

    def _forward(self, layout: Layout, saved: list[_Activations] | None) -> tuple[Tensor, Tensor]:
        """Residual and last update of the rows that predict a trained token, each [N, C]."""
        residual = self.embedding[layout.ids]
        update = torch.zeros_like(residual)
        for layer in range(self.shape.layers):
            residual, update = self._block_forward(layer, residual, update, layout, saved)
        return residual, update

    def _block_forward(
        self, layer: int, residual: Tensor, update: Tensor, layout: Layout, saved: list[_Activations] | None
    ) -> tuple[Tensor, Tensor]:
        block, shape = self.blocks[layer], self.shape
        residual1, normed, scale1 = add_norm(residual, update, block.norm1, shape.norm_epsilon)
        qkv, qkv_in = block.qkv.forward(normed)
        qkv = qkv.view(len(qkv), -1, shape.head_width)
        turned = shape.heads + shape.kv_heads  # queries and keys are rotated, values are not
        qkv = torch.cat((rotate(qkv[:, :turned], layout.cos, layout.sin), qkv[:, turned:]), 1)
        spans: list[Saved] | None = None if saved is None else []
        mixed = self.attention.forward(qkv, layout.spans, spans)
        before = residual1
        if layer == shape.layers - 1:  # behind the last attention only rows with a loss matter
            mixed, before = mixed[layout.rows], residual1[layout.rows]
        attended, out_in = block.out.forward(mixed)
        residual2, normed, scale2 = add_norm(before, attended, block.norm2, shape.norm_epsilon)
        gate_up, gate_up_in = block.gate_up.forward(normed)
        update, down_in = block.down.forward(swiglu(gate_up))
        if saved is not None and spans is not None:
            saved.append(_Activations(residual1, scale1, qkv_in, spans, out_in, residual2, scale2, gate_up_in, gate_up, down_in))
        return residual2, update

    def _block_backward(self, layer: int, d_residual: Tensor, saved: _Activations, layout: Layout) -> Tensor:
        """From the gradient of the layer's output to that of its input; both residual and update get the same one."""
        block, shape = self.blocks[layer], self.shape
        d_act = _needed(block.down.backward(d_residual, saved.down_in))
        d_normed = _needed(block.gate_up.backward(swiglu_backward(d_act, saved.gate_up), saved.gate_up_in))
        d_residual = norm_backward(d_residual, d_normed, saved.residual2, saved.scale2, block.norm2)
        d_mixed = _needed(block.out.backward(d_residual, saved.out_in))
        if layer == shape.layers - 1:
            d_mixed, d_residual = (_spread(gradient, layout) for gradient in (d_mixed, d_residual))
        d_qkv = self.attention.backward(d_mixed, saved.attention)
        turned = shape.heads + shape.kv_heads
        d_qkv = torch.cat((rotate(d_qkv[:, :turned], layout.cos, -layout.sin), d_qkv[:, turned:]), 1)
        d_normed_or_none = block.qkv.backward(d_qkv.flatten(1), saved.qkv_in, need_input=layer > 0)
        if d_normed_or_none is None:  # below the first layer nothing is trained
            return d_residual
        return norm_backward(d_residual, d_normed_or_none, saved.residual1, saved.scale1, block.norm1)

    def _head_input(self, residual: Tensor, update: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """Normed hidden states [N, C] of the rows that predict a trained token, the residual, its reciprocal norm."""
        residual, hidden, scale = add_norm(residual, update, self.norm, self.shape.norm_epsilon)
        return hidden, residual, scale

    def _head(self, hidden: Tensor, layout: Layout, *, norm: float, backward: bool) -> tuple[float, Tensor]:
        """Sum of the losses and, if wanted, the gradient of `hidden` [N, C], a few rows of logits at a time."""
        loss = 0.0
        d_hidden = torch.zeros_like(hidden)
        for start in range(0, len(hidden), LOGIT_ROWS):
            span = slice(start, start + LOGIT_ROWS)
            part, d_logits = cross_entropy(hidden[span] @ self.head.t(), layout.targets[span], layout.weights[span])
            loss += float(part)
            if backward:
                d_hidden[span] = d_logits @ self.head
        return loss, d_hidden / norm


def _tensor(base: BaseWeights, name: str) -> Tensor:
    """A weight of the base; it is never written to."""
    return torch.from_numpy(base.tensors[f"{name}.weight"])


def _spread(gradient: Tensor, layout: Layout) -> Tensor:
    """Gradient of all T rows from that of the rows with a loss."""
    every = torch.zeros(len(layout.ids), gradient.shape[1])
    every[layout.rows] = gradient
    return every


def _needed(gradient: Tensor | None) -> Tensor:
    """A gradient that was asked for."""
    if gradient is None:
        raise RuntimeError("backward of a linear was asked for its input's gradient and gave none")
    return gradient
