"""One tool call: run it under its time limit, and turn whatever happens into a result."""

import asyncio
import json
import time
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agentkit.contract import ToolSpec, render_signature
from agentkit.errors import AgentkitError, ReplayError
from agentkit.graphs.parts import CallNode, Parts, RunContext, context_of
from agentkit.state import Result, State, ToolCallTask

__all__ = ["act_node", "run_call"]

ALLOWED = ("approve", "once", "yes", True)
"""Decisions that let a call run; a mapping with `args` lets it run with those arguments instead."""


def act_node(parts: Parts) -> CallNode:
    """Make the node; it is sent one call at a time, and calls of one message run side by side."""

    async def act(state: ToolCallTask, *, runtime: Runtime[RunContext]) -> State:
        task = state
        run = context_of(runtime)
        key = {"turn": task["turn"], "step": task["step"], "call": task["index"]}
        recorded = run.read("result", **key)
        began = time.monotonic()
        result: Result = recorded["result"] if recorded is not None else await run_call(parts, task)
        run.write("result", **key, id=task["id"], tool=task["name"], args=task["args"], result=result, seconds=time.monotonic() - began)
        return State(results={task["id"]: result})

    return act


async def run_call(parts: Parts, task: ToolCallTask) -> Result:
    """Run a call; every failure is a result that the model can read.

    Only what is not the tool's own failure is raised: an interrupt that waits for approval, a cancelled run, a
    replay that differs.
    """
    refused = _refusal(parts, task)
    if refused is not None:
        return refused
    args = task["args"]
    if parts.tools.policy(task["name"]).approval == "ask":
        decision = interrupt({"tool": task["name"], "args": args, "reason": "its policy asks first"})
        if isinstance(decision, dict) and isinstance(decision.get("args"), dict):
            args = decision["args"]
        elif decision not in ALLOWED:
            return _failed(_denied(decision))
    return await _run(parts, ToolCall(type="tool_call", id=task["id"], name=task["name"], args=args), task["until"])


def _refusal(parts: Parts, task: ToolCallTask) -> Result | None:
    """The result of a call that is not run."""
    name = task["name"]
    if task["verdict"] == "hint":
        return {"status": "hint", "text": "", "ran": False}
    if task["verdict"] == "withheld":
        return _failed(f"{name} is not available any more in this question.")
    if name not in parts.tools:
        return _failed(_unknown(parts, name))
    if task["problem"]:
        return _failed(f"{task['problem']}\n{_usage(parts.specs[name])}")
    if parts.tools.policy(name).approval == "never":
        return _failed(f"{name} may not be called: its policy says never.")
    return None


def _unknown(parts: Parts, name: str) -> str:
    names = ", ".join(sorted(parts.tools.names())) or "none"
    near = parts.tools.nearest(name)
    known = f"There is no tool {name!r}." + (f" Did you mean {near!r}?" if near else "") + f" Tools: {names}."
    return f"{known}\n{_usage(parts.specs[near])}" if near is not None else known


def _usage(spec: ToolSpec) -> str:
    return f"Use it so:\n{render_signature(spec)}"


def _denied(decision: Any) -> str:
    reason = decision.get("deny") if isinstance(decision, dict) else None
    return f"The user did not allow this call{f': {reason}' if reason else ''}."


def _failed(text: str, *, ran: bool = False) -> Result:
    return {"status": "error", "text": text, "ran": ran}


async def _run(parts: Parts, call: ToolCall, until: float | None) -> Result:
    """The tool's own time limit is kept by its policy, in the registry; here the budget's."""
    tool = parts.tools.get(call["name"])
    try:
        async with asyncio.timeout_at(until) as clock:
            return _result(await tool.ainvoke(call))
    except (GraphBubbleUp, ReplayError):
        raise
    except TimeoutError as error:
        late = "the question's time is used up; this call may still be running"
        return _failed(late if clock.expired() else f"TimeoutError: {error}", ran=True)
    except AgentkitError as error:
        return _failed(str(error), ran=True)
    except (Exception, SystemExit) as error:
        return _failed(f"{type(error).__name__}: {error}", ran=True)


def _result(output: Any) -> Result:
    """A tool's output as data that a checkpoint can hold."""
    if not isinstance(output, ToolMessage):
        return {"status": "success", "text": _as_text(output), "ran": True}
    text = _as_text(output.content)
    artifact = output.artifact
    if isinstance(artifact, dict) and isinstance(artifact.get("passages"), list):
        passages = [
            {"source": str(item["source"]), "location": str(item["location"]), "text": str(item["text"])} for item in artifact["passages"]
        ]
        return {"status": output.status, "text": text, "passages": passages, "ran": True}
    return {"status": output.status, "text": text, "ran": True}


def _as_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(block, str | dict) for block in content):
        texts = [block if isinstance(block, str) else block.get("text") for block in content]
        if all(isinstance(text, str) for text in texts):
            return "\n".join(texts)
    return json.dumps(content, ensure_ascii=False, default=str)
