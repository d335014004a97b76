"""The tool `calculator`: one expression, computed exactly where that is possible."""

from typing import TYPE_CHECKING

from agentkit.tools.arithmetic import format_number
from agentkit.tools.expression import evaluate

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

__all__ = ["calculate", "make_calculator"]


def calculate(expression: str) -> str:
    """Compute an expression and write its result.

    Exact for integers, decimals and fractions; other results are rounded to 12 significant digits.

    Raises:
        ToolError: The expression can't be read, has no result, or is too large.

    >>> [calculate(text) for text in ("0.1 + 0.2", "4/17", "80 - 15%", "6,731 − 3,864 =", "sqrt(17161)", "8! / 5!")]
    ['0.3', '0.235294117647', '68', '2867', '131', '336']
    >>> calculate("9**9**9")
    Traceback (most recent call last):
    agentkit.errors.ToolError: the power 9^387420489 has about 369693100 digits: at most 10,000 are allowed
    """
    return format_number(evaluate(expression))


def make_calculator() -> "BaseTool":
    """The tool as an agent is given it."""
    from agentkit.tools.decorator import tool

    @tool("calculator", effect="none", approval="auto", timeout=10)
    def calculator(expression: str) -> str:
        """Compute an arithmetic expression exactly.

        Args:
            expression: such as (3 + 4.5) * 2, 15% of 80, 80 - 15%, 2^10, sqrt(2), max(3, 7); log is base 10, angles in radians or 30 deg
        """
        return calculate(expression)

    return calculator
