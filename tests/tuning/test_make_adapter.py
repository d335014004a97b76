"""The steps of `make adapter`, and the trained factors in llama.cpp."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from agentkit.contract import CONTRACT
from agentkit.errors import ModelFileError
from agentkit.models.adapter import check_contract
from agentkit.models.embedded import adapter_file
from agentkit.models.golden import golden_hash
from agentkit.tuning import make_adapter
from agentkit.tuning.base_weights import embedded_base, read_base
from agentkit.tuning.convert import write_adapter
from agentkit.tuning.evaluate_adapter import judge
from agentkit.tuning.factors import FactorSet, dimensions
from agentkit.tuning.lora_model import LoraModel
from agentkit.tuning.packing import Tree
from agentkit.tuning.workers import Alone, Team
from tests.tuning.tiny_llama import branch, random_base, random_model, sequence, write_base


def call(name: str, **args: object) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "a1b2c3d4e"}])


def test_trees_survive_being_written(tmp_path: Path) -> None:
    tree = Tree(sequence(3, seed=1), (branch(5, 2, seed=2), branch(4, 1, seed=3)))
    (tmp_path / "trees.json").write_text(json.dumps({"samples": [make_adapter._plain(tree)]}))
    assert make_adapter.read_trees(tmp_path / "trees.json") == {"samples": [tree]}


def test_a_base_is_read_as_it_was_written(tmp_path: Path) -> None:
    base = random_base()
    write_base(tmp_path / "base.gguf", base)
    read = read_base(tmp_path / "base.gguf")
    assert read.shape == base.shape
    assert np.array_equal(read.tensors["blk.1.attn_q.weight"], base.tensors["blk.1.attn_q.weight"])
    assert np.allclose(read.tensors["blk.1.ffn_down.weight"], base.tensors["blk.1.ffn_down.weight"], atol=0.02)


def test_what_is_no_llama_gguf_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_base(tmp_path / "nothing.gguf")
    write_adapter(tmp_path / "adapter.gguf", random_model(random_base()).factors, golden_hash="", base_sha256="", recipe={})
    with pytest.raises((ModelFileError, KeyError)):
        read_base(tmp_path / "adapter.gguf")


def test_an_adapter_carries_the_contract_it_was_made_for(tmp_path: Path) -> None:
    import gguf

    factors = random_model(random_base()).factors
    write_adapter(tmp_path / "adapter.gguf", factors, golden_hash=golden_hash(), base_sha256="", recipe={"rank": 3})
    check_contract(tmp_path / "adapter.gguf")
    fields = gguf.GGUFReader(tmp_path / "adapter.gguf").fields
    assert fields["agentkit.contract"].contents() == CONTRACT
    assert json.loads(fields["agentkit.recipe"].contents()) == {"rank": 3}


def test_an_adapter_for_other_wording_is_told(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter.gguf", random_model(random_base()).factors, golden_hash="abc", base_sha256="", recipe={})
    with pytest.warns(UserWarning, match="another wording"):
        check_contract(tmp_path / "adapter.gguf")


def test_the_shipped_adapter_was_trained_on_the_wording_in_force() -> None:
    shipped = adapter_file()
    assert shipped is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_contract(shipped)


def test_turns_are_judged_by_tool_arguments_answer_and_citation() -> None:
    right = judge("tools", call("f", city="Ghent"), call("f", city="ghent"))
    assert (right.act, right.tool, right.args) == (True, True, True)
    wrong = judge("tools", call("f", city="Ghent"), AIMessage("Ghent."))
    assert (wrong.act, wrong.tool, wrong.args) == (False, False, False)
    cited = judge("document", AIMessage('24 [2: "bed 24"].'), AIMessage('It is 24 [1: "bed 24"].'))
    assert (cited.act, cited.answer, cited.cited) == (True, True, False)
    assert judge("sum", AIMessage("It is 42."), AIMessage("It is 41.")).answer is False


@pytest.mark.slow
def test_a_team_computes_what_one_process_does(tmp_path: Path) -> None:
    write_base(tmp_path / "base.gguf", random_base())
    base = read_base(tmp_path / "base.gguf")
    alone = random_model(base)
    shared = FactorSet(alone.factors.dimensions, rank=3, alpha=6.0, parameters=alone.factors.parameters.clone())
    batch = [Tree(sequence(4, seed=i), (branch(6, 3, seed=i + 9), branch(5, 2, seed=i + 20))) for i in range(3)]
    with Team(tmp_path / "base.gguf", shared, workers=2) as team:
        losses = [team.loss(batch), team.gradient(batch), team.gradient(batch)]
    expected = Alone(alone)
    assert losses == pytest.approx([expected.gradient(batch)] * 3, rel=1e-4)
    assert np.allclose(shared.gradient.numpy(), alone.factors.gradient.numpy(), atol=1e-4)


@pytest.mark.slow
def test_llama_cpp_computes_the_same_logits_with_the_merged_adapter(tmp_path: Path) -> None:
    from llama_cpp import Llama

    from agentkit.models.merge import merge_adapter

    base = read_base(embedded_base())
    factors = FactorSet(dimensions(base.tensors, base.shape.layers))
    factors.initialise(0)
    for value in factors.values.values():
        value.b.normal_(0, 0.02)
    write_adapter(tmp_path / "adapter.gguf", factors, golden_hash="", base_sha256="", recipe={})
    merge_adapter(embedded_base(), tmp_path / "adapter.gguf", tmp_path / "merged.gguf", kind="f16")
    llama = Llama(str(tmp_path / "merged.gguf"), n_ctx=128, logits_all=True, verbose=False)
    ids = llama.tokenize(b"<|im_start|>user\nHow far is Berlin?<|im_end|>\n<|im_start|>assistant\nAnswer: ", add_bos=False, special=True)
    llama.eval(ids)
    ours = LoraModel(base, factors).logits(ids).numpy()
    plain = LoraModel(base, FactorSet(factors.dimensions)).logits(ids).numpy()
    theirs = np.array(llama.scores[: len(ids)])
    assert abs(ours - theirs).mean() < 0.05 < 0.2 < abs(ours - plain).mean()
    llama.close()
