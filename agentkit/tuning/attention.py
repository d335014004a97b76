"""Causal attention with grouped queries over a batch of trees, forward and backward, as plain batched products.

On a CPU a product, a softmax and a product are several times faster than the flash kernel at these lengths. Queries are
taken in blocks so that no block computes much of what the causal mask throws away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from agentkit.tuning.kernels import softmax_backward, softmax_causal
from agentkit.tuning.layout import Span

__all__ = ["Attention", "Saved"]

BLOCK = 256
"""Queries a block."""


@dataclass
class _Block:
    """What the backward pass of one block of queries needs."""

    start: int
    stop: int
    queries: Tensor
    """[kv heads, group * rows, D]"""
    probabilities: Tensor
    """[kv heads, group * rows, keys]"""


@dataclass
class Saved:
    """What the backward pass of one span needs: its keys and values [kv heads, P + L, D], its blocks of queries."""

    span: Span
    keys: Tensor
    values: Tensor
    blocks: list[_Block] = field(default_factory=list)


class Attention:
    """Attention of `heads` query heads on `kv_heads` heads of keys and values, each `width` wide."""

    def __init__(self, heads: int, kv_heads: int, width: int) -> None:
        self.heads, self.kv_heads, self.width = heads, kv_heads, width
        self.group = heads // kv_heads
        self.scale = width**-0.5

    def forward(self, qkv: Tensor, spans: Sequence[Span], saved: list[Saved] | None) -> Tensor:
        """From rotated qkv [T, heads + 2 kv heads, D] to [T, heads * D]; appends to `saved` where it is given."""
        out = torch.empty(len(qkv), self.heads, self.width)
        for span in spans:
            keys, values = (self._gather(qkv[:, i : i + self.kv_heads], span) for i in (self.heads, self.heads + self.kv_heads))
            kept = Saved(span, keys, values)
            before = span.prefix[1] - span.prefix[0]
            for start in range(span.start, span.stop, BLOCK):
                stop = min(start + BLOCK, span.stop)
                seen = before + start - span.start
                many = before + stop - span.start
                queries = self._rows(qkv[start:stop, : self.heads] * self.scale)
                scores = (queries @ keys[:, :many].transpose(1, 2)).view(self.kv_heads, self.group, stop - start, many)
                probabilities = softmax_causal(scores, seen).view(self.kv_heads, -1, many)
                out[start:stop] = self._heads(probabilities @ values[:, :many], stop - start)
                kept.blocks.append(_Block(start, stop, queries, probabilities))
            if saved is not None:
                saved.append(kept)
        return out.view(len(qkv), -1)

    def backward(self, d_out: Tensor, saved: Sequence[Saved]) -> Tensor:
        """Gradient of qkv [T, heads + 2 kv heads, D] from that of the output [T, heads * D]."""
        d_out = d_out.reshape(-1, self.heads, self.width)
        d_qkv = torch.zeros(len(d_out), self.heads + 2 * self.kv_heads, self.width)
        for kept in saved:
            d_keys, d_values = torch.zeros_like(kept.keys), torch.zeros_like(kept.values)
            for block in kept.blocks:
                many = block.probabilities.shape[-1]
                d_rows = self._rows(d_out[block.start : block.stop])
                d_values[:, :many].baddbmm_(block.probabilities.transpose(1, 2), d_rows)
                d_scores = softmax_backward(block.probabilities, d_rows @ kept.values[:, :many].transpose(1, 2))
                d_keys[:, :many].baddbmm_(d_scores.transpose(1, 2), block.queries)
                d_queries = (d_scores @ kept.keys[:, :many]) * self.scale
                d_qkv[block.start : block.stop, : self.heads] = self._heads(d_queries, block.stop - block.start)
            self._scatter(d_qkv[:, self.heads : self.heads + self.kv_heads], kept.span, d_keys)
            self._scatter(d_qkv[:, self.heads + self.kv_heads :], kept.span, d_values)
        return d_qkv

    def _gather(self, x: Tensor, span: Span) -> Tensor:
        """Rows of the prefix and the span, [kv heads, P + L, D]."""
        rows = x[span.start : span.stop]
        if span.prefix[0] < span.prefix[1]:
            rows = torch.cat((x[span.prefix[0] : span.prefix[1]], rows))
        return rows.transpose(0, 1).contiguous()

    def _scatter(self, d_x: Tensor, span: Span, gradient: Tensor) -> None:
        """Add a gradient [kv heads, P + L, D] back to the rows it came from; a prefix gets one share a branch."""
        before = span.prefix[1] - span.prefix[0]
        rows = gradient.transpose(0, 1)
        d_x[span.prefix[0] : span.prefix[1]] += rows[:before]
        d_x[span.start : span.stop] += rows[before:]

    def _rows(self, x: Tensor) -> Tensor:
        """[rows, heads, D] -> [kv heads, group * rows, D]"""
        return x.transpose(0, 1).reshape(self.kv_heads, -1, self.width)

    def _heads(self, x: Tensor, rows: int) -> Tensor:
        """[kv heads, group * rows, D] -> [rows, heads, D]"""
        return x.view(self.heads, rows, self.width).transpose(0, 1)
