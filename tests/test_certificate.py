"""Certificates: true ones verify anywhere, and no altered one does, although every checksum was computed afresh."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import ellzero as ez
from ellzero.certificate import Certificate, Tree
from ellzero.errors import CertificateError
from oracles import fit_support, optimum
from strategies import make_question

KINDS = {
    "exhaustive": {"n": 37, "p": 9, "form": "k"},
    "exhaustive, l0": {"n": 37, "p": 9, "form": "l0"},
    "enumeration": {"n": 11, "p": 19, "form": "k"},
    "branch, k": {"n": 25, "p": 12, "form": "k", "l2": 0.0037, "correlation": 0.5},
    "branch, l0": {"n": 25, "p": 12, "form": "l0", "l2": 0.0037, "correlation": 0.5},
    "branch, both": {"n": 19, "p": 23, "form": "both", "l2": 0.019},
    "branch, box": {"n": 15, "p": 12, "form": "k", "boxed": True, "l1": 0.011},
    "branch, groups": {"n": 25, "p": 12, "form": "k", "l2": 0.019, "grouped": True, "forced": True, "weighted": True},
    "branch, logistic": {"n": 40, "p": 9, "form": "k", "l2": 0.019, "loss": "logistic"},
    "branch, logistic, l0": {"n": 40, "p": 9, "form": "l0", "l2": 0.019, "loss": "logistic", "fit_intercept": False},
    "branch, poisson": {"n": 30, "p": 6, "form": "both", "l2": 0.037, "loss": "poisson"},
}


def proved(kind):
    """A problem of the kind with its result; branch where the name says so."""
    q = make_question(37, **KINDS[kind])
    q = q.asked(k=None if q.k is None else min(max(q.k, 2), 3))
    result = ez.best_subset(q.X, q.y, **q.arguments(), solver=kind.split(",")[0].replace("enumeration", "exhaustive"))
    assert result.status is ez.Status.OPTIMAL
    return q, result


@pytest.fixture(params=KINDS)
def case(request):
    return proved(request.param)


def test_verifies_and_claims_what_the_result_says(case):
    q, result = case
    claims = list(result.certificate.verify(q.X, q.y))
    claim = next(claim for claim in claims if claim.k in (result.k, q.k))
    best = optimum(q).objective
    assert claim.objective == pytest.approx(result.objective, rel=1e-9)
    assert claim.lower_bound <= best * (1 + 1e-12)
    assert claim.gap == pytest.approx(result.gap, abs=2e-6)
    assert list(claim.support) == list(result.support)


def test_survives_a_file(case, tmp_path):
    q, result = case
    path = tmp_path / "proof.npz"
    result.certificate.with_recipe({"target": "y", "dropped": [3, 7]}).save(path)
    loaded = Certificate.load(path)
    assert loaded.recipe == {"target": "y", "dropped": [3, 7]}
    assert loaded.conditions == result.certificate.conditions
    before, after = list(result.certificate.verify(q.X, q.y)), list(loaded.verify(q.X, q.y))
    assert [(c.k, c.objective, c.lower_bound, c.gap) for c in after] == [
        (c.k, c.objective, c.lower_bound, c.gap) for c in before
    ]
    assert list(tmp_path.iterdir()) == [path]
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_verifies_in_a_process_that_never_loads_a_solver(tmp_path):
    q, result = proved("branch, k")
    result.certificate.save(tmp_path / "proof.npz")
    np.savez(tmp_path / "data.npz", X=q.X, y=q.y)
    program = """
import sys, numpy as np
from ellzero.certificate import Certificate, Tree
data = np.load(sys.argv[2])
claims = list(Certificate.load(sys.argv[1]).verify(data["X"], data["y"]))
loaded = [name for name in sys.modules if name.startswith(("ellzero.solvers", "ellzero._kernels", "numba"))]
print(claims[0].gap, claims[0].objective, loaded)
"""
    files = [str(tmp_path / "proof.npz"), str(tmp_path / "data.npz")]
    done = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, check=True)
    gap, objective, loaded = done.stdout.split(maxsplit=2)
    assert float(gap) <= 1e-6
    assert float(objective) == pytest.approx(result.objective, rel=1e-9)
    assert loaded.strip() == "[]"


def test_a_path_is_certified_at_every_size(tmp_path):
    q = make_question(3, n=37, p=8, correlation=0.5)
    path = ez.path(q.X, q.y, k=8, certify=True)
    path.certificate.save(tmp_path / "path.npz")
    claims = list(Certificate.load(tmp_path / "path.npz").verify(q.X, q.y))
    assert [claim.k for claim in claims] == list(range(9))
    for claim in claims:
        assert claim.gap <= 1e-6
        assert claim.objective == pytest.approx(path[claim.k].objective, rel=1e-9)


def test_limits_are_a_condition_in_words():
    said = "among coefficients within the limits"
    for kind in ("branch, k", "branch, box"):
        assert any(said in words for words in proved(kind)[1].certificate.conditions) == (kind == "branch, box")


# Mutations. Each makes a statement that is false or unproved; `save` computes the digest anew.


def alter_claim(certificate, **changes):
    claim = certificate.claims[0]
    return replace(certificate, claims=(replace(claim, **changes), *certificate.claims[1:]))


def alter_tree(certificate, **changes):
    return replace(certificate, trees=(replace(certificate.trees[0], **changes), *certificate.trees[1:]))


def alter_question(certificate, **changes):
    return replace(certificate, question=replace(certificate.question, **changes))


def changed(array, index, value):
    array = np.array(array, copy=True)
    array[index] = value
    return array


def weights(certificate):
    return certificate.question.weight * np.ones(certificate.question.n_samples)


def another_support(c):
    claim = c.claims[0]
    free = [
        j for j in range(len(c.question.names)) if j not in claim.support and not c.question.forbidden.ravel().any()
    ]
    return alter_claim(c, support=np.sort(changed(claim.support, 0, free[0])))


CLAIMS = {
    "bound above the objective": lambda c: alter_claim(c, lower_bound=c.claims[0].objective * 1.01),
    "bound raised to infinity": lambda c: alter_claim(c, lower_bound=float("inf")),
    "bound that is no number": lambda c: alter_claim(c, lower_bound=float("nan")),
    "objective lowered": lambda c: alter_claim(c, objective=c.claims[0].objective * 0.999),
    "objective lowered with its bound": lambda c: alter_claim(
        c, objective=c.claims[0].objective * 0.9, lower_bound=c.claims[0].lower_bound * 0.9
    ),
    "objective that is no number": lambda c: alter_claim(c, objective=float("nan")),
    "another support, same objective": another_support,
    "a coefficient changed": lambda c: alter_claim(c, values=c.claims[0].values * 1.037),
    "a coefficient that is no number": lambda c: alter_claim(c, values=changed(c.claims[0].values, 0, np.nan)),
    "intercept changed": lambda c: alter_claim(c, intercept=c.claims[0].intercept + 0.37),
    "a column named twice": lambda c: alter_claim(
        c, support=np.append(c.claims[0].support, c.claims[0].support[0]), values=np.append(c.claims[0].values, 0.0)
    ),
    "a column that does not exist": lambda c: alter_claim(
        c, support=changed(c.claims[0].support, -1, len(c.question.names))
    ),
    "a negative column": lambda c: alter_claim(c, support=np.array(c.claims[0].support) - len(c.question.names)),
    "a tree that does not exist": lambda c: alter_claim(c, tree=len(c.trees)),
    "a negative tree": lambda c: alter_claim(c, tree=-len(c.trees) - 1),
    "smaller size claimed than the support has": lambda c: alter_claim(c, k=len(c.claims[0].support) - 1),
}
QUESTIONS = {
    "ridge raised": lambda c: alter_question(c, l2=c.question.l2 + 0.1),
    "price of a column raised": lambda c: alter_question(c, l0=c.question.l0 + 0.037),
    "l1 raised": lambda c: alter_question(c, l1=c.question.l1 + 0.37),
    "a negative ridge": lambda c: alter_question(c, l2=-0.37),
    "weights changed": lambda c: alter_question(c, weight=changed(weights(c), slice(0, 5), 7.0)),
    "a negative weight": lambda c: alter_question(c, weight=changed(weights(c), 0, -1.9)),
    "fewer weights than rows": lambda c: alter_question(c, weight=weights(c)[:-1]),
    "fewer rows": lambda c: alter_question(c, n_samples=c.question.n_samples - 1),
    "bounds that the answer breaks": lambda c: alter_question(c, upper=np.full(len(c.question.names), -1e9)),
    "an incumbent column forbidden": lambda c: alter_question(
        c, forbidden=_mark(c.question.forbidden, len(c.question.names), c.claims[0].support[0])
    ),
    "a column fewer": lambda c: alter_question(c, names=c.question.names[:-1]),
    "another loss": lambda c: alter_question(c, loss="logistic" if c.question.loss == "squared" else "squared"),
}
COVERS = {
    "last leaf dropped": lambda c: alter_tree(c, branch=c.trees[0].branch[:-1]),
    "a leaf too many": lambda c: alter_tree(c, branch=np.append(c.trees[0].branch, -1).astype(np.int32)),
    "tree emptied": lambda c: alter_tree(c, branch=c.trees[0].branch[:0]),
    "split on a unit that does not exist": lambda c: alter_tree(c, branch=changed(c.trees[0].branch, 0, 999)),
    "split on a negative unit": lambda c: alter_tree(c, branch=changed(c.trees[0].branch, 0, -3)),
}


def _mark(mask, p, column):
    """A mask or a list of indices, whichever the file keeps, with one column more."""
    mask = np.asarray(mask)
    return changed(mask, column, True) if mask.shape == (p,) and mask.dtype == bool else np.append(mask, column)


def refused(certificate, X, y, tmp_path):
    """Save, so that every checksum is right, load, and expect the checker to refuse."""
    path = tmp_path / "altered.npz"
    certificate.save(path)
    with pytest.raises(CertificateError):
        Certificate.load(path).verify(X, y)


@pytest.mark.parametrize(
    "kind", ["exhaustive", "enumeration", "branch, k", "branch, l0", "branch, box", "branch, logistic"]
)
@pytest.mark.parametrize("mutation", CLAIMS | QUESTIONS)
def test_a_false_statement_is_refused(kind, mutation, tmp_path):
    q, result = proved(kind)
    refused((CLAIMS | QUESTIONS)[mutation](result.certificate), q.X, q.y, tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "enumeration"])
@pytest.mark.parametrize("mutation", COVERS)
def test_a_broken_cover_is_refused(kind, mutation, tmp_path):
    q, result = proved(kind)
    if mutation.startswith("split") and len(result.certificate.trees[0].branch) == 1:
        mutation = "a leaf too many"
    refused(COVERS[mutation](result.certificate), q.X, q.y, tmp_path)


@pytest.mark.parametrize(
    "change", ["a row of X", "one entry of X", "y", "rows in another order", "a column more", "a row fewer"]
)
def test_other_data_are_refused(case, change):
    q, result = case
    X, y = q.X.copy(), q.y.copy()
    column = result.support[0] if len(result.support) else 0
    if change == "a row of X":
        X[3] = -X[3] + 1.9
    elif change == "one entry of X":
        X[3, column] += 7 * X[:, column].std()
    elif change == "y":
        y[[3, 4, 5]] = y[[4, 5, 3]] if len(set(y)) > 2 else 1 - y[[3, 4, 5]]
    elif change == "rows in another order":
        y = y[::-1]
    elif change == "a column more":
        X = np.column_stack([X, X[:, 0] ** 2])
    else:
        X, y = X[:-1], y[:-1]
    with pytest.raises(CertificateError):
        result.certificate.verify(X, y)


def dual_tree():
    q, result = proved("branch, k")
    certificate = result.certificate
    assert certificate.trees[0].kind == "dual"
    assert len(certificate.trees[0].branch) > 3
    return q, result, certificate


def root_alone():
    """A tree cut down to its root, which is proved by the empty model's residual only."""
    return replace(Tree.plain("dual", [-1]), has_point=np.ones(1, bool))


def dual_bound_of_the_empty_model(q):
    """Weak duality by hand: the residual's norm, less the k largest conjugates of the ridge."""
    n = len(q.y)
    r = q.y - q.y.mean()
    Z = (q.X - q.X.mean(0)) / q.X.std(0)
    charges = (Z.T @ r / n) ** 2 / (4 * q.l2)
    return r @ r / (2 * n) - np.sort(charges)[-q.k :].sum()


def test_a_weaker_proof_verifies_with_its_larger_gap(tmp_path):
    q = make_question(37, n=25, p=12, form="k", l2=1.9, correlation=0.5).asked(k=3)
    result = ez.best_subset(q.X, q.y, **q.arguments(), solver="branch")
    certificate = result.certificate
    bound = dual_bound_of_the_empty_model(q)
    assert 0 < bound < 0.999 * result.objective
    weaker = replace(certificate, trees=(root_alone(),))
    refused(weaker, q.X, q.y, tmp_path)
    honest = replace(weaker, claims=tuple(replace(claim, lower_bound=0.0) for claim in weaker.claims))
    honest.save(tmp_path / "weaker.npz")
    claim = next(iter(Certificate.load(tmp_path / "weaker.npz").verify(q.X, q.y)))
    assert claim.lower_bound == pytest.approx(bound, rel=1e-9)
    assert claim.gap == pytest.approx((result.objective - bound) / result.objective, rel=1e-9)


def test_a_worse_incumbent_verifies_with_its_larger_gap():
    q, result, certificate = dual_tree()
    fit = fit_support(q, sorted({*result.support[1:], next(j for j in range(12) if j not in result.support)}))
    columns = np.array(fit.columns)
    worse = alter_claim(
        certificate, support=columns, values=fit.coef[columns], intercept=fit.intercept, objective=fit.objective
    )
    claim = next(iter(worse.verify(q.X, q.y)))
    assert claim.objective == pytest.approx(fit.objective, rel=1e-9)
    assert claim.gap == pytest.approx((fit.objective - claim.lower_bound) / fit.objective, rel=1e-9)
    assert claim.gap > (fit.objective - result.objective) / fit.objective - 1e-9


@pytest.mark.parametrize("part", ["values", "has_point", "indices", "intercepts"])
def test_scrambled_points_prove_no_more_than_they_do(part, tmp_path):
    """Any point gives a valid bound: the checker must find what the point proves, whatever the file claims."""
    q, _, certificate = dual_tree()
    tree, rng = certificate.trees[0], np.random.default_rng(37)
    array = getattr(tree, part)
    scrambled = {
        "values": lambda: array * rng.uniform(-3, 3, array.shape),
        "intercepts": lambda: array + rng.uniform(-9, 9, array.shape),
        "has_point": lambda: np.ones_like(array),
        "indices": lambda: rng.permutation(array),
    }[part]()
    altered = alter_tree(certificate, **{part: scrambled})
    honest = replace(altered, claims=tuple(replace(claim, lower_bound=0.0) for claim in altered.claims))
    best = optimum(q).objective
    try:
        claims = list(honest.verify(q.X, q.y))
    except CertificateError:
        return
    assert all(claim.lower_bound <= best * (1 + 1e-12) for claim in claims)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("values", np.nan),
        ("values", np.inf),
        ("indices", -1),
        ("indices", 999),
        ("has_point", False),
        ("diag", 0),
    ],
)
def test_impossible_points_are_refused(part, value, tmp_path):
    q, _, certificate = dual_tree()
    array = getattr(certificate.trees[0], part)
    refused(alter_tree(certificate, **{part: changed(array, slice(None), value)}), q.X, q.y, tmp_path)


def test_an_impossible_intercept_is_refused(tmp_path):
    q, result = proved("branch, logistic")
    (tree,) = result.certificate.trees
    broken = changed(tree.intercepts, slice(None), np.nan)
    refused(alter_tree(result.certificate, intercepts=broken), q.X, q.y, tmp_path)


def test_a_broken_row_index_is_refused(tmp_path):
    q, _, certificate = dual_tree()
    indptr = certificate.trees[0].indptr
    for wrong in (indptr[::-1].copy(), indptr + 5, indptr[:-1], np.zeros_like(indptr)):
        altered = alter_tree(certificate, indptr=wrong)
        try:
            claims = list(altered.verify(q.X, q.y))
        except CertificateError:
            continue
        assert all(claim.lower_bound <= optimum(q).objective * (1 + 1e-12) for claim in claims)


@pytest.mark.parametrize("kind", ["superset", "enumeration", "dual", "unheard of"])
def test_evidence_of_another_kind_proves_nothing_false(kind):
    """Called by another name the evidence is refused, or bounds what it really bounds."""
    for case in ("branch, k", "exhaustive", "enumeration", "branch, box", "branch, logistic"):
        q, result = proved(case)
        altered = alter_tree(result.certificate, kind=kind)
        try:
            claims = list(altered.verify(q.X, q.y))
        except CertificateError:
            continue
        assert all(claim.lower_bound <= optimum(q).objective * (1 + 1e-12) for claim in claims)


@pytest.mark.parametrize("kind", ["exhaustive", "enumeration", "branch, k"])
def test_a_larger_size_is_not_proved_by_a_smaller_ones_tree(kind, tmp_path):
    q, result = proved(kind)
    more = alter_claim(result.certificate, k=result.k + 1)
    best = optimum(q.asked(k=result.k + 1)).objective
    try:
        claims = list(more.verify(q.X, q.y))
    except CertificateError:
        return
    assert all(claim.lower_bound <= best * (1 + 1e-12) for claim in claims)
    no_limit = alter_claim(result.certificate, k=None)
    try:
        claims = list(no_limit.verify(q.X, q.y))
    except CertificateError:
        return
    assert all(claim.lower_bound <= optimum(q.asked(k=None)).objective * (1 + 1e-12) for claim in claims)


@pytest.mark.parametrize("content", [b"", b"not a certificate", b"PK\x03\x04 half a zip"])
def test_unreadable_files(content, tmp_path):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(CertificateError):
        Certificate.load(path)


def test_damaged_and_missing_files(tmp_path):
    q, result = proved("branch, k")
    path = tmp_path / "proof.npz"
    result.certificate.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CertificateError):
        Certificate.load(path)
    with pytest.raises(CertificateError):
        Certificate.load(tmp_path / "nothing.npz")
    with np.errstate(all="raise"), pytest.raises(ez.errors.OutputError):
        result.certificate.save(tmp_path / "no such folder" / "proof.npz")
    np.savez(path, X=q.X)
    with pytest.raises(CertificateError):
        Certificate.load(path)


def test_altered_bytes_without_a_new_digest_are_damage(tmp_path):
    _, result = proved("branch, k")
    path = tmp_path / "proof.npz"
    result.certificate.save(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["question_weight"] = arrays["question_weight"] * 1.0000001
    np.savez(path, **arrays)
    with pytest.raises(CertificateError, match="damaged"):
        Certificate.load(path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_every_solved_problem_verifies(seed):
    from strategies import random_question

    q = random_question(5000 + seed, ["squared", "squared", "logistic", "poisson"])
    result = ez.best_subset(q.X, q.y, **q.arguments())
    claims = list(result.certificate.verify(q.X, q.y))
    assert all(claim.lower_bound <= optimum(q).objective * (1 + 1e-12) for claim in claims)
