"""What an attacker tried, kept as tests: forged certificates, near-copies, numbers far from one, interrupts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ellzero as ez
from ellzero.certificate import Tree
from ellzero.errors import CertificateError, DataError

RNG = np.random.default_rng(37)
X = RNG.normal(size=(60, 8))
Y = 3 * X[:, 0] + 1.9 * X[:, 2] - X[:, 5] + RNG.normal(size=60)


def forged(**changes):
    """A certificate of the second-rate pair [3, 7], with its objective claimed as the bound."""
    honest = ez.best_subset(X, Y, k=2).certificate
    wrong = ez.best_subset(X[:, [3, 7]], Y, k=2)
    claim = replace(
        honest.claims[0], objective=wrong.objective, lower_bound=wrong.objective, support=np.array([3, 7]),
        values=wrong.coef, intercept=wrong.intercept,
    )  # fmt: skip
    return replace(honest, **({"claims": (claim,)} | changes))


def point(values):
    return replace(
        Tree.plain("dual", [-1]), has_point=np.ones(1, bool), indptr=np.array([0, len(values)]),
        indices=np.arange(len(values), dtype=np.int32), values=np.array(values, float),
    )  # fmt: skip


@pytest.mark.parametrize("values", [[1.7e308, -1.7e308, 1.7e308], [1e200], []])
def test_evidence_that_overflows_proves_nothing(values):
    with pytest.raises(CertificateError):
        forged(trees=(point(values),)).verify(X, Y)


def test_an_infinite_objective_is_refused():
    certificate = forged()
    best = ez.best_subset(X, Y, k=2).objective
    claim = replace(certificate.claims[0], objective=best, lower_bound=0.0, intercept=1e200)
    with pytest.raises(CertificateError):
        replace(certificate, claims=(claim,)).verify(X, Y)


@pytest.mark.parametrize("name", ["forced", "forbidden"])
def test_integers_are_no_mask(name):
    honest = ez.best_subset(X, Y, k=2).certificate
    question = replace(honest.question, **{name: np.zeros(8, int)})
    with pytest.raises(CertificateError):
        replace(honest, question=question).verify(X, Y)


def best_pair(X, y):
    """Best two columns by fitting every pair on centred data."""
    X, y = X - X.mean(axis=0), y - y.mean()
    pairs = [(i, j) for j in range(X.shape[1]) for i in range(j)]
    return min(pairs, key=lambda s: np.sum((y - X[:, s] @ np.linalg.lstsq(X[:, s], y)[0]) ** 2))


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-7])
def test_near_copies_of_a_column_are_told_apart(distance):
    near, z = X.copy(), RNG.normal(size=60)
    near[:, 1] = near[:, 0] + distance * z
    y = z + 0.1 * Y
    result = ez.best_subset(near, y, k=2)
    assert tuple(result.support) == best_pair(near, y)
    assert result.status is ez.Status.OPTIMAL
    assert result.certificate.verify(near, y)[0].gap < 1e-6


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8])
def test_an_enumeration_does_not_overlook_a_near_copy_of_a_forced_column(distance):
    """What the copy adds to the forced column is little, and explains y; the claim is the best pair without it."""
    z, wide = RNG.normal(size=12), RNG.normal(size=(12, 16))
    wide[:, 1] = wide[:, 0] + distance * z
    y = z + wide[:, 0] + 0.01 * RNG.normal(size=12)
    second = ez.best_subset(wide, y, k=2, forced=[0], forbidden=[1])
    honest = second.certificate
    assert honest.trees[0].kind == "enumeration"
    honest.verify(wide, y)
    asked = replace(honest.question, forbidden=np.zeros(16, bool))
    with pytest.raises(CertificateError, match="less than"):
        replace(honest, question=asked).verify(wide, y)


@pytest.mark.parametrize("intercept", [-700.0, -30.0, 30.0, 700.0])
def test_an_intercept_that_is_far_off_proves_nothing_false(intercept):
    """The residuals of a point have to sum to zero; where its intercept does not see to it, the checker does."""
    labels = (Y > 1).astype(float)
    result = ez.best_subset(X, labels, k=2, l2=0.1, loss="logistic")
    honest = result.certificate
    tree = honest.trees[0]
    claims = tuple(replace(claim, lower_bound=0.0) for claim in honest.claims)
    for values in (tree.values, 50 * tree.values, 0 * tree.values):
        moved = replace(tree, values=values, intercepts=tree.intercepts + intercept)
        claim = replace(honest, trees=(moved,), claims=claims).verify(X, labels)[0]
        assert claim.lower_bound <= result.objective * (1 + 1e-9)


def test_copies_share_their_coefficient():
    twin = np.column_stack([X, -1.9 * X[:, 0] + 0.37])
    result = ez.best_subset(twin, Y, k=2, forced=[0, 8])
    assert np.abs(result.coef).max() < 10
    assert result.objective == pytest.approx(ez.best_subset(X[:, :1], Y, k=1).objective, rel=1e-9)


def test_a_group_is_not_barred_by_a_constant_member():
    level = np.column_stack([X, np.full(60, 1.9)])
    with pytest.warns(ez.errors.EllzeroWarning, match="x8"):
        result = ez.best_subset(level, Y, k=1, groups=[*range(8), 0])
    assert list(result.support) == [0]
    result.certificate.verify(level, Y)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_far_from_zero(offset):
    near, far = ez.best_subset(X, Y, k=2), ez.best_subset(X + offset, Y + offset, k=2)
    assert list(far.support) == list(near.support)
    assert far.status is ez.Status.OPTIMAL
    far.certificate.verify(X + offset, Y + offset)


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_numbers_whose_squares_leave_floating_point_are_refused(factor):
    with pytest.raises(DataError, match="squares of it leave the range"):
        ez.best_subset(X, Y * factor, k=2)
    with pytest.raises(DataError, match="x3"):
        ez.best_subset(np.where(np.arange(8) == 3, X * factor, X), Y, k=2)


def test_frames_with_any_labels():
    assert ez.best_subset(pd.DataFrame(X), Y, k=2).names == tuple("01234567")
    with pytest.raises(DataError, match="more than one column named a"):
        ez.best_subset(pd.DataFrame(X, columns=list("aabcdefg")), Y, k=2)


def test_masked_cells_are_not_data():
    with pytest.raises(DataError, match="masked"):
        ez.best_subset(np.ma.masked_greater(X, 1.9), Y, k=2)


def test_rivals_capped_are_the_best():
    every, few = (ez.rivals(X, Y, k=2, within=19.0, max_rivals=most) for most in (1000, 3))
    assert few.supports == every.supports[:3]


def test_rivals_are_no_larger_than_asked():
    near = ez.rivals(X, (Y > 0).astype(float), k=2, within=0.37, loss="logistic")
    assert max(len(support) for support in near.supports) <= 2


def test_an_interrupt_of_the_first_search_ends_all_of_it():
    def impatient(event):
        raise KeyboardInterrupt

    result = ez.best_subset(X, Y, k=2, on_progress=impatient)
    assert result.status is ez.Status.INTERRUPTED
    assert {r.status for r in ez.path(X, Y, k=4, certify=True, on_progress=impatient)} == {ez.Status.INTERRUPTED}


@pytest.mark.parametrize("distance", [1.9, 1e-4])
def test_the_price_of_forced_columns_is_counted_once(distance):
    near = np.column_stack([X, X[:, 0] + distance * RNG.normal(size=60)])
    solutions = ez.path(near, Y, k=4, l0=3.7, forced=[1, 3], certify=True)
    for k, claim in zip(solutions.sizes, solutions.certificate.verify(near, Y), strict=True):
        optimum = min(ez.best_subset(near, Y, k=j, forced=[1, 3]).objective + 3.7 * j for j in range(2, k + 1))
        assert solutions[k].lower_bound <= optimum * (1 + 1e-12)
        assert claim.lower_bound <= optimum * (1 + 1e-12)
