"""Data that the estimators' tests share: two columns that matter, named, with odd constants."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

NAMES = ["age", "rooms", "area", "floor", "light", "noise"]


@pytest.fixture
def houses():
    """Frame, target with two true columns (rooms, area), labels, counts and integer weights."""
    rng = np.random.default_rng(47)
    X = rng.normal(size=(90, 6)) * [1, 2, 0.37, 1, 19, 1] + [0, 5, 0, 1.9, 0, 0]
    signal = 1.9 * X[:, 1] - 7 * X[:, 2]
    return SimpleNamespace(
        array=X,
        frame=pd.DataFrame(X, columns=NAMES),
        y=signal + 2.3 * rng.normal(size=90),
        labels=np.where(signal + 2.3 * rng.logistic(size=90) > signal.mean(), "sold", "open"),
        counts=rng.poisson(np.exp(0.37 * (X[:, 1] - 5) - 1.1 * X[:, 2] + 0.6)),
        weight=rng.integers(0, 4, 90),
        fold=np.arange(90) // 9,
        support=[1, 2],
    )
