"""Single layers of SmolLM2-135M pruned by every method: output error on the tokens seen, and on others.

    python -m benchmarks.nn.onelayer [--models FOLDER] [--data FOLDER] [--table table.md]

Inputs are those of the dense model on wikitext2/valid: the first sequences are seen, the next one is not. What a method
gains on the tokens seen is worth what is left of it on others, so both errors stand side by side.
"""

import argparse
import os
import time
from pathlib import Path

from benchmarks.nn.oneshot import FILE, HERE, LENGTH, MODEL, SHARED, sequences

LAYERS = ("model.layers.10.mlp.gate_proj", "model.layers.10.mlp.down_proj", "model.layers.10.self_attn.q_proj")
SEEN = (5, 10)
KEPT = (0.5, 0.3, 0.1, "2:4")


def inputs(model, tokens) -> dict:
    """What every layer of `LAYERS` is fed, shape (sequences, LENGTH, width)."""
    import torch

    seen = {name: [] for name in LAYERS}
    hooks = [
        model.get_submodule(name).register_forward_pre_hook(lambda _, args, rows=rows: rows.append(args[0]))
        for name, rows in seen.items()
    ]
    with torch.no_grad():
        for row in tokens:
            model(row[None], use_cache=False)
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(rows) for name, rows in seen.items()}


def methods() -> dict:
    from ellzero.nn import layerwise

    return {
        "magnitude": layerwise.Magnitude(), "wanda": layerwise.Wanda(), "sparsegpt": layerwise.SparseGPT(),
        "sparsegpt, shrunk": layerwise.SparseGPT(damping=None), "iht": layerwise.IHT(),
        "admm, ridge 1 %": layerwise.ADMM(damping=0.01), "admm": layerwise.ADMM(),
    }  # fmt: skip


def rows(name: str, X, weight, seen: int) -> list[str]:
    import ellzero.nn as ezn

    gram, other = ezn.InputGram(weight.shape[1]), ezn.InputGram(weight.shape[1])
    gram.add(X[:seen])
    other.add(X[seen : seen + 1])
    lines = []
    for kept in KEPT:
        for label, method in methods().items():
            start = time.perf_counter()
            found = ezn.prune_layer(weight, gram, kept, method)
            seconds = time.perf_counter() - start
            lines.append(
                f"| {name.split('.')[-1]} | {seen * LENGTH} | {kept} | {label} | {gram.error(weight, found):.4f} | "
                f"{other.error(weight, found):.4f} | {seconds:.1f} |"
            )
            print(lines[-1], flush=True)
    return lines


def main() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=os.environ.get("ELLZERO_MODELS", str(SHARED / "models")))
    parser.add_argument("--data", default=os.environ.get("ELLZERO_DATA", str(SHARED / "data")))
    parser.add_argument("--table", type=Path, default=HERE.parents[1] / "results" / "onelayer.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = str(Path(options.models) / MODEL)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
    fed = inputs(model, sequences(tokenizer, Path(options.data), "valid", max(SEEN) + 1))
    lines = [
        "# Layers of SmolLM2-135M pruned one at a time", "",
        f"`{FILE}`, layer 10; inputs of the dense model on the first tokens of wikitext2/valid, in sequences of "
        f"{LENGTH}; error on the tokens seen and on the {LENGTH} after them. torch {torch.__version__}, one thread. "
        "Written by `python -m benchmarks.nn.onelayer`.", "",
        "| layer | tokens | kept | method | seen | others | seconds |", "|---|--:|--:|---|--:|--:|--:|",
    ]  # fmt: skip
    for name, X in fed.items():
        for seen in SEEN:
            lines += rows(name, X, model.get_submodule(name).weight.detach(), seen)
            options.table.parent.mkdir(parents=True, exist_ok=True)
            options.table.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
