"""A log of finished turns, so that an interrupted run goes on where it stopped."""

import json
import os
import shlex
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "results"
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "regression"
SHARED = Path(__file__).resolve().parents[3] / "shared"


class Logbook:
    """Turns of a run, a line of JSON each; a turn that is there is not taken again."""

    def __init__(self, name, keys):
        CACHE.mkdir(parents=True, exist_ok=True)
        self.file, self.keys = CACHE / f"{name}.jsonl", keys
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        self.records = [json.loads(line) for line in text.splitlines()]

    def key(self, record):
        return tuple(record[key] for key in self.keys)

    def has(self, *key):
        return key in {self.key(record) for record in self.records}

    def write(self, record):
        """Add a turn, with the time and the load under which it was taken."""
        record = record | {"time": time.strftime("%Y-%m-%d %H:%M:%S"), "load": round(os.getloadavg()[0], 2)}
        self.records.append(record)
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print("  ".join(f"{key}={_short(value)}" for key, value in record.items()), flush=True)

    def when(self):
        times = sorted(record["time"] for record in self.records)
        loads = sorted(record["load"] for record in self.records)
        return f"{times[0]} to {times[-1]}; load {loads[0]} to {loads[-1]}, median {loads[len(loads) // 2]}"


def _short(value):
    text = format(value, ".5g") if isinstance(value, float) else str(value)
    return text if len(text) < 80 else text[:77] + "..."


def command(module, folders=("--peers", "--data", "--python", "--out")):
    """The command of this run, without the folders of this machine."""
    words = sys.argv[1:]
    words = [w for w in words if w != "--report"]
    kept = [w for i, w in enumerate(words) if w not in folders and (i == 0 or words[i - 1] not in folders)]
    return shlex.join(["python", "-m", f"benchmarks.regression.{module}", *kept])


def markdown(fields, rows):
    """A table of cells that are text already."""
    return [
        "| " + " | ".join(fields) + " |",
        "|" + "---|" * len(fields),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
