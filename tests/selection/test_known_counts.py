"""Poisson regression on real counts: every size of the path against exhaustive answers of another program."""

import csv
import gzip

import numpy as np
import pytest

import ellzero as ez

TARGETS = {"bioChemists": "art", "DoctorVisits": "visits"}


def design(root, name, columns):
    """Columns by name: `fem_Women` is 1 where `fem` says Women."""
    with gzip.open(root / "counts_small" / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def values(column):
        if column in rows[0]:
            return [float(row[column]) for row in rows]
        stem, _, level = column.rpartition("_")
        return [float(row[stem] == level) for row in rows]

    return np.array([values(column) for column in columns]).T, np.array(values(TARGETS[name]))


def names(known):
    return dict(
        sorted((j, name) for size in known["sizes"] for j, name in zip(size["index"], size["features"], strict=True))
    )


WIDE = {"lower": -9.1, "upper": 9.1}  # binds no coefficient; the proof needs limits


@pytest.mark.parametrize("options", [{}, WIDE | {"certify": True}], ids=["exchange", "proof"])
@pytest.mark.parametrize("name", TARGETS)
def test_every_size(expected, data_dir, name, options):
    known = expected("counts_small")[name]
    columns = names(known)
    assert list(columns) == list(range(known["p"]))
    X, y = design(data_dir, name, columns.values())
    path = ez.path(X, y, k=known["p"], loss="poisson", **options)
    assert len(path.results) == len(known["sizes"]) == known["p"] + 1
    assert all(result.status is ez.Status.OPTIMAL for result in path) or not options
    for result, row in zip(path, known["sizes"], strict=True):
        assert sorted(result.support) == sorted(row["index"])
        assert result.criterion("bic") == pytest.approx(row["bic"], rel=1e-9)
        assert result.criterion("aic") == pytest.approx(row["aic"], rel=1e-9)
    assert len(path.best("bic").support) == known["selected"]["best_k_bic"]
    assert min(path, key=lambda result: result.criterion("aic")).k == known["selected"]["best_k_aic"]
