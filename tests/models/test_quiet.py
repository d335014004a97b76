"""llama.cpp's log never reaches a user's terminal."""

import subprocess
import sys

SCRIPT = """
import logging
from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.embedded import base_file
from agentkit.retrieval.embedder import default_embedder
{first}
{second}
print(logging.getLogger("llama-cpp-python").level)
"""
EMBED = 'print(default_embedder().embed(["a bed for the night"]).shape)'
CHAT = 'print(type(ChatLlamaCpp(model_path=base_file(), n_ctx=128, n_threads=1, max_tokens=2).invoke("Hi.").content).__name__)'


def test_embedding_and_chatting_write_nothing_to_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=EMBED, second=CHAT)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "(1, 384)\nstr\n0\n"  # the level of another package's logger is left to the user
