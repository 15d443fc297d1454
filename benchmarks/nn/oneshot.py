"""SmolLM2-135M pruned in one shot by every method: perplexity, paired differences, time and memory.

    python -m benchmarks.nn.oneshot [--models FOLDER] [--data FOLDER] [--out rows.jsonl] [--table table.md]

Calibrated on the first sequences of wikitext2/valid, scored on the first 20,000 tokens of wikitext2/test in whole
sequences, each read without what comes before it. One process a cell, one line of JSON a cell: what is there already is
not run again. The model's weights are 4-bit values made dense again, so figures compare methods and say nothing of the
model's own quality.
"""

import argparse
import gzip
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
SHARED = HERE.parents[2] / ".." / "shared"
MODEL, FILE = "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"
LENGTH, CALIBRATION, TOKENS = 512, 16, 20_000
RIDGE = "admm, ridge 1 %"  # the damping of the paper
SHRUNK = "sparsegpt, shrunk"  # the paper's method with our damping
METHODS = ("admm", "sparsegpt", "wanda", "iht", "magnitude")
CELLS = [
    ("dense", "1.0"),
    *((method, kept) for kept in ("0.5", "2:4", "0.3", "0.7") for method in METHODS),
    *((method, kept) for kept in ("0.5", "0.3") for method in (RIDGE, SHRUNK)),
]


def sequences(tokenizer, folder: Path, part: str, count: int):
    """The first sequences of a part, shape (count, LENGTH); enough text is read for them."""
    import torch

    with gzip.open(folder / "wikitext2" / f"{part}.txt.gz", "rt", encoding="utf-8") as file:
        text = file.read(count * LENGTH * 8)
    ids = tokenizer(text)["input_ids"]
    return torch.tensor(ids[: count * LENGTH]).reshape(count, LENGTH)


def chosen(name: str):
    from ellzero.nn import layerwise

    return {RIDGE: layerwise.ADMM(damping=0.01), SHRUNK: layerwise.SparseGPT(damping=None)}.get(name, name)


def scored(model, tokens) -> list[float]:
    """Mean loss of each sequence, in nats a predicted token."""
    import torch

    losses = []
    with torch.no_grad():
        for row in tokens:
            logits = model(row[None].to(model.device), use_cache=False).logits[0, :-1].float()
            losses.append(float(torch.nn.functional.cross_entropy(logits, row[1:].to(model.device))))
    return losses


def loaded(models: str):
    """The tokenizer and the dense model, in float32."""
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    transformers.utils.logging.disable_progress_bar()
    folder = str(Path(models) / MODEL)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    return tokenizer, AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()


def measure(method: str, kept: str, options) -> dict:
    import torch
    import transformers

    import ellzero.nn as ezn

    torch.set_num_threads(options.threads)
    tokenizer, model = loaded(options.models)
    model.to(options.device)
    data = Path(options.data)
    row = {
        "method": method, "kept": kept, "length": LENGTH, "calibration": options.calibration, "device": options.device,
        "tokenizer": type(tokenizer).__name__, "vocabulary": len(tokenizer), "torch": torch.__version__,
        "transformers": transformers.__version__, "threads": torch.get_num_threads(),
    }  # fmt: skip
    if method != "dense":
        batches = sequences(tokenizer, data, "valid", options.calibration).split(1)
        share = kept if ":" in kept else float(kept)
        report = ezn.prune_llm(model, batches, share, chosen(method))
        errors = [layer.error for layer in report.layers]
        row |= {
            "seconds": report.seconds, "seconds_layers": sum(layer.seconds for layer in report.layers),
            "peak_memory": report.peak_memory, "blocks": report.blocks, "error": sum(errors) / len(errors),
            "nonzero": sum(layer.kept for layer in report.layers) / len(report.layers), "status": report.status.name,
        }  # fmt: skip
    start = time.perf_counter()
    losses = scored(model, sequences(tokenizer, data, "test", options.tokens // LENGTH))
    mean = sum(losses) / len(losses)
    return row | {"perplexity": math.exp(mean), "losses": losses, "seconds_scoring": time.perf_counter() - start}


def paired(one: list[float], other: list[float]) -> tuple[float, float]:
    """Mean difference of two lists of losses of the same sequences, and its standard error."""
    gaps = [a - b for a, b in zip(one, other, strict=True)]
    mean = sum(gaps) / len(gaps)
    return mean, math.sqrt(sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1) / len(gaps))


def table(rows: list[dict]) -> str:
    by_cell = {(row["method"], row["kept"]): row for row in rows}
    head, dense = rows[0], by_cell.get(("dense", "1.0"))
    count, length = len(head["losses"]), head["length"]
    lines = [
        "# SmolLM2-135M pruned in one shot", "",
        f"`{FILE}` in float32, its own tokenizer ({head['tokenizer']}, {head['vocabulary']} entries); calibrated on "
        f"the first {head['calibration']} x {length} tokens of wikitext2/valid, scored on the first {count} x {length} "
        f"tokens of wikitext2/test, sequences of {length} without context from before. torch {head['torch']}, "
        f"transformers {head['transformers']}, {head['device']}, threads: {head['threads']}. Written by "
        "`python -m benchmarks.nn.oneshot`.", "",
        f"Dense perplexity: {dense['perplexity']:.2f}." if dense else "Dense: not run yet.", "",
        "Difference: mean loss a token minus that of admm at the same size, paired by sequence, with its standard "
        "error. Output error: mean over layers on the calibration tokens. Seconds: of the pruning, of which without "
        "forwards. Peak: largest size of the process (on an accelerator: most held there).", "",
        "| kept | method | perplexity | difference | output error | seconds | layers | peak GiB |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for method, kept in CELLS[1:]:
        row, rival = by_cell.get((method, kept)), by_cell.get(("admm", kept))
        if row is None:
            continue
        gap = ""
        if rival is not None and rival is not row:
            gap = "{:+.4f} ± {:.4f}".format(*paired(row["losses"], rival["losses"]))
        lines.append(
            f"| {kept} | {method} | {row['perplexity']:.2f} | {gap} | {row['error']:.4f} | {row['seconds']:.0f} | "
            f"{row['seconds_layers']:.0f} | {row['peak_memory'] / 2**30:.2f} |"
        )
    return "\n".join(lines) + "\n"


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=os.environ.get("ELLZERO_MODELS", str(SHARED / "models")))
    parser.add_argument("--data", default=os.environ.get("ELLZERO_DATA", str(SHARED / "data")))
    parser.add_argument("--out", type=Path, default=HERE.parents[1] / "results" / "oneshot.jsonl")
    parser.add_argument("--table", type=Path, default=HERE.parents[1] / "results" / "oneshot.md")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--calibration", type=int, default=CALIBRATION)
    parser.add_argument("--cell", nargs=2, metavar=("METHOD", "KEPT"), help="run this one here")
    options = parser.parse_args()
    if options.cell:
        line = json.dumps(measure(*options.cell, options))
        with options.out.open("a") as file:
            file.write(line + "\n")
        return
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for method, kept in CELLS:
        if any((row["method"], row["kept"]) == (method, kept) for row in read(options.out)):
            continue
        print(f"{time.strftime('%H:%M:%S')} {method} {kept}", flush=True)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.nn.oneshot", *sys.argv[1:], "--cell", method, kept], check=True
        )
        options.table.write_text(table(read(options.out)))
    options.table.write_text(table(read(options.out)))


if __name__ == "__main__":
    main()
