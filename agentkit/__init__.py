"""agentkit: agents that answer from documents and act through tools, on a local model or any OpenAI-compatible endpoint."""
