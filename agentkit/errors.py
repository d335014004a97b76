"""Every error that agentkit raises, drawn as a tree.

```
AgentkitError                    the root: catch this one to catch all
├── UsageError                   what the caller gave cannot be used (exit code 2)
│   ├── DocumentError            a document or folder cannot be read or indexed
│   ├── SettingsError            a setting has a value that is not allowed
│   └── RecordError              a record is not readable as one
├── ModelError                   the model or its endpoint failed (exit code 4)
│   ├── ModelFileError           a model or adapter file is missing, broken, or of a kind that cannot be run
│   ├── ContractError            an adapter was made for another prompt contract
│   └── ContextOverflowError     the prompt does not fit the context window, whatever is compacted
├── ReplayError                  a replayed run differs from its record
├── DiskFullError                a write found no room (exit code 4)
└── ToolError                    a tool failed: the model reads the message as an observation, the run goes on
```

Two families: a `ToolError` is an observation, everything else ends the run. `SchemaWarning` and `DocumentWarning` are
warnings and end nothing.
"""


from typing import Any


class AgentkitError(Exception):
    """The root of all errors that agentkit raises on purpose."""

    exit_code = 4
    answer: Any = None
    """The `Answer`, where it was given before this error: `ask` raises, but what was answered is not lost."""


class UsageError(AgentkitError):
    """What the caller gave cannot be used; the message says what came, what was allowed, and what to do."""

    exit_code = 2


class DocumentError(UsageError):
    """A document or folder cannot be read or indexed."""


class SettingsError(UsageError):
    """A setting has a value that is not allowed."""


class RecordError(UsageError):
    """A record file is missing, cut in a way that cannot be read, or not a record."""


class ModelError(AgentkitError):
    """The model or its endpoint failed."""


class ModelFileError(ModelError):
    """A model or adapter file is missing, broken, or of a kind that cannot be run."""


class ContractError(ModelError):
    """An adapter was made for another prompt contract than the one in force."""


class ContextOverflowError(ModelError):
    """The prompt does not fit the model's context window, whatever is compacted."""


class ReplayError(AgentkitError):
    """A replayed run differs from its record: a changed prompt, another call, another answer."""

    exit_code = 3


class DiskFullError(AgentkitError):
    """A write found no room on its disk, under its quota, or under a limit on the size of a file."""


class ToolError(AgentkitError):
    """A tool failed; the model reads the message as an observation and the run goes on."""


class DocumentWarning(UserWarning):
    """A file or folder among an agent's documents could not be read and is left out; told once by each agent."""


class SchemaWarning(UserWarning):
    """A part of a tool's schema is not in the grammar of a local model and is checked only when the call is made."""
