"""Exact zeros and test error of four trainings on scikit-learn's digits.

    python -m benchmarks.geometry.digits [--seeds 10] [--out FOLDER]

Writes `results/descent.md`. About three minutes of CPU.
"""

import argparse
import shlex
import sys
import time
from pathlib import Path

from ..turns import machine

RESULTS = Path(__file__).resolve().parents[1] / "results"
BATCHES = (1078, 256, 64, 16)  # rows of a step; the first is all of them
STEPS = 1000


def by_batch(seeds):
    """Exact zeros of proximal L1 on the linear model, by the rows of a step, at equal numbers of steps."""
    from ellzero.geometry.descent import LinearModel, split_digits, train
    from ellzero.geometry.descent.digits import spread

    model = LinearModel(64, 10)
    for batch in BATCHES:
        runs = []
        for seed in seeds:
            parts = split_digits(seed)
            n = len(parts.train[1])
            epochs = round(STEPS / -(-n // batch))
            runs.append(
                train(model, *parts.train, "l1 proximal", strength=0.002, epochs=epochs, random_state=seed,
                      batch=None if batch == n else batch, test=parts.test)
            )  # fmt: skip
        yield [
            str(batch), spread([run.n_zeros for run in runs], 1), spread([run.n_small for run in runs], 1),
            spread([100 * run.test_error for run in runs], 2),
        ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.geometry.digits", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()

    from ellzero.geometry.descent import digits_table
    from ellzero.result import Table

    began = time.process_time()
    seeds = range(options.seeds)
    table = digits_table(seeds, on_progress=lambda event: print(event.message, flush=True))
    batches = Table(["rows of a step", "exact zeros", "not 0, below 0.001", "test error, %"], list(by_batch(seeds)))
    words = [word for i, word in enumerate(sys.argv[1:]) if "--out" not in (word, sys.argv[i])]
    lines = [
        "# Where exact zeros come from: four trainings on digits",
        "",
        f"- command: `{shlex.join(['python', '-m', 'benchmarks.geometry.digits', *words])}`",
        f"- machine: {machine()}; {time.process_time() - began:.0f} s of CPU",
        f"- date: {time.strftime('%Y-%m-%d')}",
        "- data: scikit-learn's digits, 1797 images of 8 x 8 pixels, grey values in [0, 1]; by seed another split,",
        "  1078 rows to train, 359 to choose strengths, 360 for the test, which nothing is chosen on",
        "- training: 1000 epochs of full gradient steps at rate 0.3, the same initial weights for all trainings of a",
        f"  seed; {options.seeds} seeds, mean ± standard error over them (splits overlap, so it is that of seeds)",
        "- strength of proximal L1 and of L2: the largest of 0.0003, 0.001, 0.002, 0.004, 0.008 whose validation error",
        "  is within one standard error of the least; the subgradient run has the objective, and so the strength, of",
        "  the proximal one; hard thresholding keeps as many weights as that kept, k, after half of the epochs without",
        "- weights: those of pixels that are not 0 in every training row, and of hidden units; the others are idle:",
        "  the loss does not move them, so they are counted apart, in the share of them that ends at 0",
        "- below 0.001: a step of a subgradient run across 0 is at most twice rate times strength long, 0.0012 at",
        "  0.002; where a seed chose more, some of the weights about 0 are larger than 0.001, and not counted as small",
        "",
        *table.to_markdown().splitlines(),
        "",
        "The same linear model, proximal L1 at strength 0.002, about 1000 steps, each on a few rows. A step moves a",
        "weight by the noise of the gradient; the threshold of rate times strength is smaller and cannot hold it at 0:",
        "",
        *batches.to_markdown().splitlines(),
        "",
    ]  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "descent.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
