"""Tuning: the data, the training and the conversion behind the embedded agent's adapter.

`python -m agentkit.tuning.make_adapter` does all of it, one module a step:

```
data/            written by hand: questions, documents, tools, conversations
trajectories     a run as messages, kept as JSON Lines
samples/         from the written data to trajectories, with a seed
rendering        trajectories to tokens, by the code that renders at run time
packing          tokens to batches: conversations that begin alike share their beginning
base_weights     the base model's GGUF as arrays
lora_model       LoRA on a Llama-type model, forward and backward written out
train            the loop, with checkpoints
convert          the trained factors to a GGUF adapter
check_data, evaluate_adapter    what came of it
```
"""
