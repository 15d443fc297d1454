# ruff: noqa: D103 - the sentence of each function says what it is
"""Sizes, and what a search has to say; the library's words in those of the flags."""

import re

from ..exits import Exit, Stop
from .words import count


def k_too_large(flag: str, k: int, n_units: int, n_rows: int) -> Stop:
    limit = (
        f"there are {count(n_units, 'candidate')}"
        if n_units <= n_rows - 2
        else f"there are only {count(n_rows, 'row')}"
    )
    return Stop(Exit.USAGE, f"{flag} {k} is too large: {limit}, so the largest size is {min(n_units, n_rows - 2)}.")


def k_negative(flag: str, k: int) -> Stop:
    return Stop(Exit.USAGE, f"{flag} {k}: a size is 0 or more.")


def k_below_forced(flag: str, k: int, n_forced: int, n_needed: int) -> Stop:
    needed = f" and the {n_needed} that {'it needs' if n_forced - n_needed == 1 else 'they need'}" if n_needed else ""
    return Stop(
        Exit.INFEASIBLE,
        f"{flag} {k} leaves no room for the {count(n_forced - n_needed, 'forced column')}{needed}. "
        f"Use {flag} {n_forced} or more.",
    )


def both_sizes() -> Stop:
    return Stop(Exit.USAGE, "--k asks for one size and --max-k for all sizes up to one. Give one of them.")


def chosen_at_the_end(criterion: str, k: int) -> str:
    return f"{criterion} chose the largest size looked at; --max-k {2 * k} would look further."


def perfect_fit(k: int) -> str:
    return f"from size {k} on the fit is perfect but for rounding. --k {k} takes that model."


def no_bound_known(task: str) -> str:
    return f"heuristic sizes are not proven: no bound is known for --task {task}. A search of exchanges found them."


def needs_ridge(n_terms: int, n_rows: int, linear: bool, ruled: bool) -> str:
    why = "for this kind of model"
    if linear:
        why = "with --hierarchy or --at-most-one" if ruled else f"with {n_terms} terms for {n_rows} rows"
    return f"heuristic sizes are not proven: {why} a proof needs a ridge. --l2 0.001 is a small one."


ARGUMENTS = {
    "offset",
    "k",
    "l2",
    "gap",
    "within",
    "time_limit",
    "n_jobs",
    "random_state",
    "forced",
    "forbidden",
    "sample_weight",
    "flops",
    "params",
    "epochs",
    "pretrain",
    "finetune",
    "p",
    "budget",
    "limits",
    "resolution",
}


def in_flags(sentence: str) -> str:
    """Say a sentence of the library in the words of the command: flags for arguments."""
    sentence = sentence.replace(", or give `lower` and `upper`", "; a smaller --max-k may do as well")
    sentence = re.sub(r"`?l2=1e-3`?", "--l2 0.001", sentence)
    sentence = (
        sentence.replace("`delta`", "--huber-delta")
        .replace("column of X", "column")
        .replace("`constraints`", "--hierarchy and --at-most-one")
    )
    sentence = sentence.replace("`solvers`", "--solver").replace("`kept[", "`--keep [").replace("`kept`", "--keep")
    sentence = sentence.replace("gates.explain() lists", "--explain lists").replace(
        "selectors in attach()", "of --select"
    )
    sentence = re.sub(r"(, or name the parents with| Hint:) parents=.*$", ".", sentence).replace("..", ".")
    sentence = sentence.replace("`level`", "--levels")
    return re.sub(
        r"`(\w+)`", lambda name: "--" + name[1].replace("_", "-") if name[1] in ARGUMENTS else name[0], sentence
    )


CAUTION = (
    "caution: the same rows chose the columns and fitted the coefficients, so p-values and intervals from these\n"
    "rows would be too optimistic. Judge the model on other rows."
)
COMPILING = "compiling kernels once, seconds to half a minute; later runs start at once."
