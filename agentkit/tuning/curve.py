"""Draw a run's losses."""

import json
from pathlib import Path

__all__ = ["draw_losses"]


def draw_losses(losses: Path, picture: Path) -> None:
    """Draw `losses.jsonl` (training loss, its running mean, validation loss) to a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in losses.read_text(encoding="utf-8").splitlines()]
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    steps, values = [row["step"] for row in rows], [row["loss"] for row in rows]
    means = [sum(values[max(0, i - 9) : i + 1]) / len(values[max(0, i - 9) : i + 1]) for i in range(len(values))]
    axes.plot(steps, values, color="0.8", label="training")
    axes.plot(steps, means, color="C0", label="training, mean of 10 steps")
    checked = [row for row in rows if "validation" in row]
    axes.plot([row["step"] for row in checked], [row["validation"] for row in checked], "o-", color="C1", label="validation")
    axes.set(xlabel="step", ylabel="loss a trained token", ylim=(0, max(means[min(len(means) - 1, 5) :], default=1) * 1.2))
    axes.legend()
    figure.savefig(picture, dpi=120)
    pyplot.close(figure)
