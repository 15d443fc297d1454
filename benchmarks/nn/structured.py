"""Heads, neurons and layers of SmolLM2-135M removed in one shot: parameters, perplexity and tokens a second.

    python -m benchmarks.nn.structured [--models FOLDER] [--data FOLDER] [--out rows.jsonl] [--table table.md]

Units are ranked by their first-order saliency on sequences of wikitext2/valid; nothing is trained afterwards, so
perplexity shows what removal costs before any healing. Speed is measured in turns with the dense model, one thread:
reading a sequence of 512 tokens, and writing token after token with the cache of keys and values.
"""

import argparse
import json
import math
import statistics
import time
from pathlib import Path

from .oneshot import FILE, LENGTH, SHARED, loaded, read, scored, sequences

CALIBRATION, TOKENS, TURNS, WRITTEN = 8, 20_000, 5, 24
CELLS = {  # what is cut, and the shares that stay
    "heads, two thirds": {"kept": {"head": 0.67}},
    "neurons, three quarters": {"kept": {"neuron": 0.75}},
    "neurons, half": {"kept": {"neuron": 0.5}},
    "layers, 27 of 30": {"kept": {"layer": 0.9}},
    "layers, 24 of 30": {"kept": {"layer": 0.8}},
    "heads and neurons, 80 % of operations": {"flops": 0.8},
    "heads and neurons, 60 % of operations": {"flops": 0.6},
}


def selector(cell: str):
    from ellzero.nn import heads, layers, neurons

    if cell.startswith("layers"):
        return layers("model.layers.*")
    if "and" in cell:
        return heads() + neurons()
    return heads() if cell.startswith("heads") else neurons()


def loss(model, batch):
    import torch

    logits = model(batch, use_cache=False).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())


def speed(model, ids) -> tuple[float, float]:
    """Tokens a second: read in one forward, and written one after the other."""
    import torch

    with torch.no_grad():
        start = time.process_time()
        model(ids[None], use_cache=False)
        middle = time.process_time()
        model.generate(ids[None, :64], max_new_tokens=WRITTEN, min_new_tokens=WRITTEN, do_sample=False, pad_token_id=0)
        end = time.process_time()
    return len(ids) / (middle - start), WRITTEN / (end - middle)


def measure(cell: str, options) -> dict:
    import torch

    from ellzero.nn import TopK, attach, compress, keep_best, saliency

    torch.set_num_threads(1)
    tokenizer, model = loaded(options.models)
    valid = sequences(tokenizer, Path(options.data), "valid", CALIBRATION)
    test = sequences(tokenizer, Path(options.data), "test", TOKENS // LENGTH)
    row = {"cell": cell, "dense_parameters": sum(p.numel() for p in model.parameters())}
    gates = attach(model, {"input_ids": valid[:2, :32]}, selector(cell), gate=TopK(kept=1.0))
    start = time.process_time()
    scores = saliency(gates, valid.split(1), loss)
    row["seconds_saliency"] = time.process_time() - start
    keep_best(gates, scores, **CELLS[cell])
    small = compress(model, gates)
    gates.detach()
    turns = [(speed(model, test[0]), speed(small, test[0])) for _ in range(TURNS + 1)][1:]
    for at, what in enumerate(("read", "written")):
        row[what] = statistics.median(small[at] for _, small in turns)
        row[f"{what}_dense"] = statistics.median(dense[at] for dense, _ in turns)
        row[f"{what}_ratio"] = statistics.median(small[at] / dense[at] for dense, small in turns)
        row[f"{what}_spread"] = [f(small[at] / dense[at] for dense, small in turns) for f in (min, max)]
    losses = scored(small, test)
    row |= {"parameters": sum(p.numel() for p in small.parameters()), "losses": losses}
    return row | {"perplexity": math.exp(sum(losses) / len(losses)), "torch": torch.__version__}


def table(rows: list[dict]) -> str:
    lines = [
        "# Heads, neurons and layers of SmolLM2-135M removed in one shot", "",
        f"`{FILE}` in float32; units ranked by first-order saliency on {CALIBRATION} x {LENGTH} tokens of "
        f"wikitext2/valid, nothing trained afterwards; perplexity on the first {TOKENS // LENGTH} x {LENGTH} tokens of "
        f"wikitext2/test. Tokens a second of CPU time, one thread, medians of {TURNS} turns with the dense model, "
        f"least and largest ratio in brackets; torch {rows[0]['torch']}. Written by "
        "`python -m benchmarks.nn.structured`.", "",
        "| kept | parameters | perplexity | tokens read a second | times the dense | tokens written a second "
        "| times the dense |", "|---|--:|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for row in rows:
        speeds = " | ".join(
            "{:.0f} | {:.2f} ({:.2f} to {:.2f})".format(row[what], row[f"{what}_ratio"], *row[f"{what}_spread"])
            for what in ("read", "written")
        )
        share = row["parameters"] / row["dense_parameters"]
        lines.append(f"| {row['cell']} | {row['parameters']:,} ({share:.0%}) | {row['perplexity']:.1f} | {speeds} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=str(SHARED / "models"))
    parser.add_argument("--data", default=str(SHARED / "data"))
    parser.add_argument("--out", type=Path, default=Path("structured.jsonl"))
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    done = {row["cell"] for row in read(options.out)}
    for cell in CELLS:
        if cell not in done:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(measure(cell, options)) + "\n")
        if options.table is not None:
            options.table.write_text(table(read(options.out)), encoding="utf-8")


if __name__ == "__main__":
    main()
