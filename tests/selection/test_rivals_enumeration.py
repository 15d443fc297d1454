"""Rivals on a hundred random problems, ties included, against every support fitted on its own."""

import numpy as np
import pytest

import ellzero as ez
from oracles import every_fit, optimum
from strategies import make_question

WITHIN = (0.0, 1e-6, 0.019, 0.37)


def with_copies(q, rng, copies):
    """The question with columns that say the same once more, some in other units, in random places.

    The first is a copy of one in the best support, so that the optimum is not alone.
    """
    chosen = rng.choice(q.n_columns, copies, replace=False)
    chosen[0] = rng.choice(optimum(q).columns)
    extra = q.X[:, chosen] * rng.choice([1.0, -1.9, 0.037], copies)
    X = np.column_stack([q.X, extra])
    return q.asked(X=X[:, rng.permutation(X.shape[1])])


def problem(seed):
    """Up to 15 columns; every second problem has up to three copies among them."""
    rng = np.random.default_rng([seed, 37])
    k = int(rng.integers(1, 4))
    copies = int(rng.integers(1, 4)) if seed % 2 else 0
    p = int(rng.integers(4, 16 - copies)) if k < 3 else int(rng.integers(4, 12 - copies))
    settings = {"weighted": seed % 5 == 3, "fit_intercept": seed % 7 != 5, "l2": 0.019 if seed % 3 == 2 else 0.0}
    q = make_question(seed, n=int(rng.integers(19, 41)), p=p, correlation=rng.choice([0.0, 0.7, 0.9]), **settings)
    q = q.asked(k=k, l0=None)
    return with_copies(q, rng, copies) if copies else q


def judge(q, within, every):
    """Each support that brute force puts clearly inside is listed, and none that it puts clearly outside."""
    found = ez.rivals(q.X, q.y, within=within, **q.arguments())
    limit = every[0].objective * (1 + within)
    must = {fit.columns for fit in every if fit.objective <= limit * (1 - 1e-10)}
    may = {fit.columns: fit.objective for fit in every if fit.objective <= limit * (1 + 1e-10)}
    ties = {fit.columns for fit in every if fit.objective <= every[0].objective * (1 + 1e-13)}
    supports = [tuple(int(j) for j in support) for support in found.supports]
    assert len(set(supports)) == len(supports)
    assert must | ties <= set(supports) <= set(may)
    np.testing.assert_allclose(found.objectives, [may[support] for support in supports], rtol=1e-8)
    assert found.complete
    return len(ties) > 1


@pytest.mark.parametrize("start", range(0, 100, 10))
def test_a_hundred_problems(start):
    tied = []
    for seed in range(start, start + 10):
        q = problem(seed)
        every = every_fit(q)
        try:
            tied.append(judge(q, WITHIN[seed % 4], every))
        except AssertionError as error:
            error.add_note(f"seed {seed}, within {WITHIN[seed % 4]}, best {every[:3]}")
            raise
    assert sum(tied) >= 4  # of the five that have copies


def test_a_proved_optimum_with_a_copy_stays_proved():
    """The copy's objective may be less by rounding; that takes no proof away."""
    for seed in range(12):
        q = make_question(seed, n=30, p=5)
        found = ez.rivals(np.column_stack([q.X, q.X * -1.9]), q.y, k=2, within=1e-6)
        assert len(found) > 1
        assert found.complete
        assert found.status is found.best.status is found.results[0].status is ez.Status.OPTIMAL, seed
