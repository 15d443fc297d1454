"""The checker against a slow prover that lists all sets, and against proofs altered where format 2 allows it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ellzero.certificate import Certificate, Claim, Tree
from ellzero.certificate import Question as Asked
from ellzero.checker import Checker
from ellzero.errors import CertificateError
from oracles import Question
from prover import Prover
from strategies import random_question


def random_rules(rng, n_units):
    """Hierarchies and shared places, or none."""
    requires, at_most = [], []
    if n_units > 2 and rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 3))):
            a, *b = rng.permutation(n_units)[: int(rng.integers(2, 4))].tolist()
            requires.append((a, tuple(b)))
    if n_units > 2 and rng.random() < 0.5:
        parts = np.array_split(rng.permutation(n_units), int(rng.integers(2, 4)))
        at_most.append((int(rng.integers(1, len(parts))), tuple(tuple(part.tolist()) for part in parts)))
    return tuple(requires), tuple(at_most)


def random_prover(seed, honest):
    """Any question that has a dual bound, with rules that it can keep."""
    rng = np.random.default_rng([seed, 19])
    while True:
        q = random_question(int(rng.integers(10**6)), ["squared"], max_columns=6).asked(k=None)
        sizes = tuple(range(len(q.forced) > 0, len(q.units) + 1)) if rng.random() < 0.7 else (None, 1, 2)
        rules = random_rules(rng, len(q.units))
        try:
            return Prover(q, sizes, seed, *rules, honest=honest)
        except ValueError:  # no set keeps the rules
            continue


@pytest.mark.parametrize("honest", [True, False])
@pytest.mark.parametrize("start", range(0, 120, 30))
def test_what_a_tree_proves_is_what_listing_all_sets_says(start, honest):
    for seed in range(start, start + 30):
        prover = random_prover(seed, honest)
        null = 0.5 * float(prover.q.weights @ prover.t**2)
        rounding = 1e-11 * null + 1e-12 * prover.largest
        for claim in prover.certificate(dict.fromkeys(prover.sizes, 0.0)).verify(prover.q.X, prover.q.y):
            best, expected = prover.optimum(claim.k), prover.result[claim.k]
            note = f"seed {seed}, k {claim.k}"
            assert claim.lower_bound <= best * (1 + 1e-12) + 1e-14 * null, note
            assert claim.lower_bound == pytest.approx(min(max(expected, 0.0), best), rel=1e-8, abs=rounding), note
            if honest:
                assert claim.lower_bound >= best * (1 - 1e-6) - rounding, note


def two_columns():
    """Orthogonal columns of unit deviation, y = 3 x0 + x1 + something orthogonal to both; ridge 1/2."""
    X = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    y = X @ [3.0, 1.0] + np.array([1.0, -1.0, -1.0, 1.0])
    return Question(X, y, l2=0.5)


def claimed(tree, sizes=(0, 1, 2), supports=((), (0,), (0, 1)), **rules):
    """Bounds that a tree proves for the two columns; c = (3, 1), so the fits are c / 2 and the gains c^2 / 4."""
    q, unit = two_columns(), np.arange(2)
    question = Asked(
        "squared", 0.0, 0.0, 0.5, True, True, ("a", "b"), np.full(2, -np.inf), np.full(2, np.inf), unit, unit < 0,
        unit < 0, np.ones(1), 4, **rules,
    )  # fmt: skip
    claims = []
    for k in sizes:
        S = np.array(supports[k], np.int64)
        claims.append(
            Claim(0, k, 5.5 - np.sum([9 / 4, 1 / 4] * np.isin(unit, S)), 0.0, S, np.array([1.5, 0.5])[S], 0.0)
        )
    return [claim.lower_bound for claim in Certificate(question, tuple(claims), (tree,), {}).verify(q.X, q.y)]


def dual(branch, points, **parts):
    """A tree from points given as dictionaries, or None for nodes without."""
    rows = [point or {} for point in points]
    return replace(
        Tree.plain("dual", branch),
        has_point=np.array([point is not None for point in points]),
        indptr=np.cumsum([0, *map(len, rows)]),
        indices=np.array([j for row in rows for j in row], np.int32),
        values=np.array([value for row in rows for value in row.values()], float),
        **parts,
    )


def test_bounds_by_hand():
    """yy/2 = 5.5, c = (3, 1); at b = 0 column j rises by c_j^2 / (4 l2), at the shrunken fit all is exact."""
    assert claimed(dual([-1], [{}])) == pytest.approx([5.5, 5.5 - 4.5 / 1, 5.5 - 4.5 - 0.5], rel=1e-9)
    assert claimed(dual([-1], [{0: 1.5, 1: 0.5}])) == pytest.approx([5.5 - 9 / 8 - 1 / 8, 3.25 - 1 / 8, 3.0], rel=1e-9)


def test_bounds_with_a_diagonal_by_hand():
    """All of the Gram matrix, the identity, but a hair: nothing is lost at any point, and any size is exact."""
    diagonal = {
        "diag": np.zeros(1, np.int32), "diag_indptr": np.array([0, 2]), "diag_columns": np.arange(2, dtype=np.int32),
        "diag_values": np.full(2, 1 - 1e-9),
    }  # fmt: skip
    assert claimed(dual([-1], [{0: 0.37}], **diagonal)) == pytest.approx([5.5, 3.25, 3.0], rel=1e-8)
    with pytest.raises(CertificateError, match="spare"):
        claimed(dual([-1], [{0: 0.37}], **(diagonal | {"diag_values": np.ones(2)})))


def test_a_diagonal_is_proved_for_each_tree_anew():
    """Both trees name their diagonal 0; only that of the first can be spared."""
    diagonal = {
        "diag": np.zeros(1, np.int32),
        "diag_indptr": np.array([0, 2]),
        "diag_columns": np.arange(2, dtype=np.int32),
    }
    good, bad = (dual([-1], [{}], **diagonal, diag_values=np.full(2, d)) for d in (0.9, 1.1))
    prover = Prover(two_columns(), (1,), 0)
    whole = prover.certificate({1: 0.0})
    both = replace(whole, trees=(good, bad), claims=(*whole.claims, replace(whole.claims[0], tree=1)))
    with pytest.raises(CertificateError, match="spare"):
        both.verify(prover.q.X, prover.q.y)


def test_a_tree_may_be_deep():
    """No recursion: ten thousand nodes that go on, one below the other."""
    tree = dual([-2] * 10_000 + [-1], [None] * 10_000 + [{}])
    assert claimed(tree, (1,)) == pytest.approx([1.0], rel=1e-9)


def test_bounds_of_fixes_and_boxes_by_hand():
    """Column 0 is put in at b = 0: what is given up, 5.5 - 0.5 with one unit, is above the subtree."""
    fix = {"fix_indptr": np.array([0, 1]), "fixes": np.array([1], np.int32)}
    assert claimed(dual([-1], [{}], **fix), (1,)) == pytest.approx([1.0], rel=1e-9)
    out = {"fix_indptr": np.array([0, 1]), "fixes": np.array([-1], np.int32)}
    assert claimed(dual([-1], [{}], **out), (1,)) == pytest.approx([1.0], rel=1e-9)
    # above a limit of 4 for column 0, the least of 5.5 - 3 t + t^2 / 2 is at t = 4; below a limit of 1, 3.0 at t = 1
    box = {"box_indptr": np.array([0, 1, 1]), "box_column": np.zeros(1, np.int32), "box_lower": np.full(1, -9.0)}
    for limit, bound in ((4.0, 1.5), (1.0, 3.0 - 2.0)):
        tree = dual([-2, -1], [{}, {0: 1.5}], **box, box_upper=np.full(1, limit))
        assert claimed(tree, (1,)) == pytest.approx([bound], rel=1e-9)
    assert claimed(dual([-2, -1], [None, {}], box_indptr=np.zeros(3, int)), (1,)) == pytest.approx([1.0], rel=1e-9)
    needed = dual([-2, -1], [{0: 2.0}, {}], **box, box_upper=np.full(1, 1.6))
    assert claimed(needed, (1,))[0] > 1.5


def test_rules_by_hand():
    """Column 0 only with column 1: the leaf with column 0 has two units, and one unit means column 1."""
    tree = dual([0, 1, -1, -1, -1], [None, None, {}, {1: 0.5}, {0: 1.5, 1: 0.5}])
    assert claimed(tree, (1, 2)) == pytest.approx([3.125, 3.0], rel=1e-9)
    assert claimed(tree, (1, 2), ((), (1,), (0, 1)), requires=((0, (1,)),)) == pytest.approx([5.25, 3.0], rel=1e-9)
    assert claimed(tree, (2,), ((), (), (0,)), at_most=((1, ((0,), (1,))),)) == pytest.approx([3.125], rel=1e-9)
    with pytest.raises(CertificateError, match="breaks the rules"):
        claimed(tree, (1,), requires=((0, (1,)),))
    with pytest.raises(CertificateError, match="breaks the rules"):
        claimed(tree, (2,), at_most=((1, ((0,), (1,))),))


def test_an_enumeration_is_what_fitting_every_support_says():
    """Wide data with copies, near-copies and nearly perfect fits; forced columns, prices and ridges."""
    for seed in range(60):
        rng = np.random.default_rng([seed, 7])
        n = int(rng.integers(6, 14))
        p = n + int(rng.integers(0, 5))
        X = rng.normal(size=(n, p))
        for _ in range(int(rng.integers(0, 4))):
            i, j = rng.choice(p, 2, replace=False)
            X[:, j] = rng.choice([-2.0, 1.0]) * X[:, i] + (rng.random() < 0.8) * 10.0 ** -rng.integers(0, 8) * X[:, j]
        y = X[:, :2] @ [1.0, -1.0] + 10.0 ** -rng.integers(0, 6) * rng.normal(size=n)
        forced = np.isin(np.arange(p), rng.choice(p, int(rng.integers(0, 3)), replace=False))
        l0, l2, whole = float(rng.choice([0.0, 0.019])), float(rng.choice([0.0, 0.0037])), np.full(p, np.inf)
        names, k = tuple(f"x{j}" for j in range(p)), int(forced.sum() + rng.integers(0, 4))
        asked = Asked(
            "squared",
            l0,
            0.0,
            l2,
            True,
            True,
            names,
            -whole,
            whole,
            np.arange(p),
            forced,
            ~whole.astype(bool),
            np.ones(1),
            n,
        )
        bound = Checker(Certificate(asked, (), (), {}), X, y).tree_bounds(Tree.plain("enumeration"), [k])[0]
        Z, t = (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()
        design, target = np.vstack([Z, np.sqrt(2 * n * l2) * np.eye(p)]), np.concatenate([t, np.zeros(p)])
        free, best = np.flatnonzero(~forced), np.inf
        for size in range(k - forced.sum() + 1):
            for extra in itertools.combinations(free, size):
                S = [*np.flatnonzero(forced), *extra]
                rest = target - design[:, S] @ np.linalg.lstsq(design[:, S], target, rcond=1e-12)[0]
                best = min(best, rest @ rest / (2 * n) + l0 * len(S))
        assert best * (1 - 1e-8) - 1e-13 * (t @ t) <= bound <= best * (1 + 1e-12) + 1e-16 * (t @ t), f"seed {seed}"


# Mutations: each alters one place of an honest proof. Where the place matters to no claim, the proof stands.


def parts_changed(tree, **changes):
    return replace(tree, **{name: np.asarray(value, getattr(tree, name).dtype) for name, value in changes.items()})


def with_entry(array, at, value):
    array = np.array(array)
    array[at] = value
    return array


def without(indptr, at, *parts):
    """Compressed rows without one entry."""
    return [indptr - (indptr > at), *(np.delete(part, at) for part in parts)]


def leaf_dropped(tree, question):
    for at in np.flatnonzero(tree.branch == -1):
        kept = np.arange(tree.branch.size) != at
        empty = tree.indptr[at] == tree.indptr[at + 1] and not tree.fixes.size and not tree.box_column.size
        if empty:
            ends = {name: np.delete(getattr(tree, name), at) for name in ("indptr", "fix_indptr", "box_indptr")}
            short = {name: getattr(tree, name)[kept] for name in ("branch", "has_point", "diag")}
            if tree.intercepts.size:
                short["intercepts"] = tree.intercepts[kept]
            yield replace(tree, **ends, **short), question
    yield parts_changed(tree, branch=with_entry(tree.branch, -1, -2)), question


def diagonal_raised(tree, question):
    for g in np.unique(tree.diag[tree.diag >= 0]):
        mine = np.arange(tree.diag_values.size)
        mine = (mine >= tree.diag_indptr[g]) & (mine < tree.diag_indptr[g + 1]) & (tree.diag_values > 1e-4)
        if mine.any():
            yield replace(tree, diag_values=np.where(mine, 1.01 * tree.diag_values, tree.diag_values)), question


def diagonal_elsewhere(tree, question):
    """A diagonal that lacks one column of those it is used for."""
    for g in np.unique(tree.diag[tree.diag >= 0]):
        at = tree.diag_indptr[g]
        indptr, columns, values = without(tree.diag_indptr, at, tree.diag_columns, tree.diag_values)
        yield replace(tree, diag_indptr=indptr, diag_columns=columns, diag_values=values), question


def fix_removed(tree, question):
    for at in range(tree.fixes.size):
        indptr, fixes = without(tree.fix_indptr, at, tree.fixes)
        yield replace(tree, fix_indptr=indptr, fixes=fixes), question


def fix_flipped(tree, question):
    for at in range(tree.fixes.size):
        yield replace(tree, fixes=with_entry(tree.fixes, at, -tree.fixes[at])), question


def fix_repeated(tree, question):
    for at in range(tree.fixes.size):
        indptr = tree.fix_indptr + (tree.fix_indptr > at)
        yield replace(tree, fix_indptr=indptr, fixes=np.insert(tree.fixes, at, tree.fixes[at])), question


def box_tightened(tree, question):
    for at in range(tree.box_column.size):
        yield (
            replace(tree, box_lower=with_entry(tree.box_lower, at, 0), box_upper=with_entry(tree.box_upper, at, 0)),
            question,
        )


def box_removed(tree, question):
    for at in range(tree.box_column.size):
        parts = without(tree.box_indptr, at, tree.box_column, tree.box_lower, tree.box_upper)
        yield (
            replace(tree, **dict(zip(("box_indptr", "box_column", "box_lower", "box_upper"), parts, strict=True))),
            question,
        )


def rule_removed(tree, question):
    if question.requires or question.at_most:
        yield tree, replace(question, requires=(), at_most=())


def point_not_a_number(tree, question):
    for at in range(tree.values.size):
        yield replace(tree, values=with_entry(tree.values, at, np.nan)), question


def goes_on_no_more(tree, question):
    for at in np.flatnonzero(tree.branch == -2):
        yield parts_changed(tree, branch=with_entry(tree.branch, at, -1)), question


ALWAYS = (leaf_dropped, diagonal_raised, diagonal_elsewhere, fix_repeated, point_not_a_number, goes_on_no_more)
WHERE_IT_MATTERS = (fix_removed, fix_flipped, box_tightened, box_removed, rule_removed)


def is_refused(certificate, q, path) -> bool:
    """Whether a certificate is refused, with all checksums right; one that is not claims no more than is true."""
    certificate.save(path)
    try:
        Certificate.load(path).verify(q.X, q.y)
    except CertificateError:
        return True
    return False


@pytest.mark.parametrize("mutation", [*ALWAYS, *WHERE_IT_MATTERS])
def test_an_altered_proof_is_refused(mutation, tmp_path):
    path, outcomes = tmp_path / "altered.npz", []
    for seed in range(300, 330):
        prover = random_prover(seed, honest=True)
        whole = prover.certificate()
        whole.verify(prover.q.X, prover.q.y)
        for tree, question in list(mutation(whole.trees[0], whole.question))[:4]:
            outcomes.append(is_refused(replace(whole, trees=(tree,), question=question), prover.q, path))
    assert len(outcomes) >= 10
    assert all(outcomes) if mutation in ALWAYS else sum(outcomes) >= 5


@pytest.mark.parametrize("what", ["X", "y", "the objective"])
def test_a_proof_of_something_else_is_refused(what):
    for seed in range(300, 320):
        prover = random_prover(seed, honest=True)
        X, y, whole = prover.q.X.copy(), prover.q.y.copy(), prover.certificate()
        claim = max(whole.claims, key=lambda claim: claim.support.size)
        if what == "X":
            X[0, claim.support] += 1e-3 * prover.q.scale[claim.support]
        elif what == "y":
            y[0] += 1e-3 * y.std()
        else:
            changes = {"objective": claim.objective * (1 - 1e-6), "lower_bound": claim.lower_bound * (1 - 1e-6)}
            whole = replace(whole, claims=(*whole.claims, replace(claim, **changes)))
        if claim.support.size:
            with pytest.raises(CertificateError):
                whole.verify(X, y)
