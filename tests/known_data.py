"""Designs of the real data sets, coded as their known answers were computed."""

from __future__ import annotations

import csv

import numpy as np

CLASSICS = {
    "longley": "Employed",
    "swiss": "Fertility",
    "mtcars": "mpg",
    "stackloss": "stack.loss",
    "UScrime": "y",
    "Boston": "medv",
    "attitude": "rating",
}


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def columns(rows, names):
    return np.array([[float(row[name]) for name in names] for row in rows])


def hitters(root):
    """263 complete rows, 19 columns; dummies are 1 for N and for W."""
    rows = [row for row in read(root / "hitters" / "hitters.csv") if row["Salary"]]
    codes = {"League": "N", "Division": "W", "NewLeague": "N"}
    for row in rows:
        row |= {f"{name}_{code}": float(row[name] == code) for name, code in codes.items()}
    names = [name for name in rows[0] if name not in {*codes, "Salary"}]
    return columns(rows, names), columns(rows, ["Salary"])[:, 0], names


def prostate(root, train=True):
    rows = [row for row in read(root / "prostate" / "prostate.csv") if not train or row["train"] == "True"]
    names = [name for name in rows[0] if name not in ("lpsa", "train")]
    return columns(rows, names), columns(rows, ["lpsa"])[:, 0], names


def classic(root, name, names):
    rows = read(root / "classics" / f"{name}.csv")
    return columns(rows, names), columns(rows, [CLASSICS[name]])[:, 0]


def simple(root, folder, file, target):
    """Every other column of a table of numbers is a feature."""
    rows = read(root / folder / file)
    names = [name for name in rows[0] if name != target]
    return columns(rows, names), columns(rows, [target])[:, 0], names
