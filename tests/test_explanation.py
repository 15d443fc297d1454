"""Every number of the page that explains certificates, recomputed from the eight rows that stand on it."""

import doctest
import itertools
import re
from dataclasses import replace
from fractions import Fraction as F
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ellzero as ez
from ellzero.certificate import Tree
from ellzero.checker import Checker
from ellzero.errors import CertificateError
from oracles import Question, fit_support

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "explanation" / "certificates.md"
NAMES = "abc"
PRICE, RIDGE = F(1), F(1, 8)
NUMBER = re.compile(r"(?<![\w.^])-?\d+\.\d+(?![\w.]*\d)")
EQUATION = re.compile(r"((?:-?\d+(?:\.\d+)?²? [-+] )+\d+(?:\.\d+)?²?) = (-?\d+(?:\.\d+)?)")
DIAGONAL = F(1, 4)
ALL = tuple(s for size in range(4) for s in itertools.combinations(range(3), size))


# ---- reading the page


def tables(page):
    """Rows of every table, as dictionaries, under the first words of its header."""
    found = {}
    for block in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        header, _, *rows = [
            [cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()
        ]
        found[header[0], len(header)] = [dict(zip(header, row, strict=True)) for row in rows]
    return found


def prose(page):
    """The page without fenced code and tables, in one line."""
    return " ".join(re.sub(r"```[\s\S]*?```|^\|.*$", "", page, flags=re.MULTILINE).split())


def same(text, value):
    """Whether a printed number is this one: exact, or rounded to the four places that it shows."""
    places = len(text.partition(".")[2])
    return abs(F(text) - F(value)) <= (F(1, 20000) if places == 4 else F(1, 10**9))


def all_same(text, values):
    parts = text.split(", ") if text else []
    return len(parts) == len(values) and all(same(part, value) for part, value in zip(parts, values, strict=True))


def subset(text):
    return () if text in ("", "none") else tuple(NAMES.index(name) for name in text.split(", "))


def data_of(page):
    rows = tables(page)["row", 5]
    return [[F(row[name]) for name in NAMES] for row in rows], [F(row["y"]) for row in rows]


# ---- the arithmetic of the page, in fractions


def mean(values):
    values = list(values)
    return sum(values) / F(len(values))


class Example:
    """The eight rows, and what the page computes from them."""

    def __init__(self, X, y):
        self.X, self.t = X, [value - mean(y) for value in y]
        self.asked = Question(np.array(X, float), np.array(y, float), l0=float(PRICE), l2=float(RIDGE))
        self.fits = {s: fit_support(self.asked, s, len(s)) for s in ALL}

    def residuals(self, point):
        return [t - sum(b * x for b, x in zip(point, row, strict=True)) for t, row in zip(self.t, self.X, strict=True)]

    def correlation(self, j, other):
        return mean(row[j] * value for row, value in zip(self.X, other, strict=True))

    def correlations(self, point):
        r = self.residuals(point)
        return [self.correlation(j, r) for j in range(3)]

    def start(self, point, d=F(0)):
        r = self.residuals(point)
        kept = d / 2 * sum(b * b for b in point)
        return mean(t * e for t, e in zip(self.t, r, strict=True)) - mean(e * e for e in r) / 2 + kept

    def paid(self, point, d=F(0)):
        """What each column adds if it is in."""
        moved = [q + d * b for q, b in zip(self.correlations(point), point, strict=True)]
        return [PRICE - v * v / (4 * (RIDGE + d / 2)) for v in moved]

    def added(self, point, state, d=F(0)):
        """What each column adds in a state: 1 in, -1 out, 0 undecided."""
        choices = {1: lambda paid: paid, -1: lambda _: F(0), 0: lambda paid: min(paid, F(0))}
        return [choices[side](paid) for side, paid in zip(state, self.paid(point, d), strict=True)]

    def bound(self, point, state, d=F(0)):
        return self.start(point, d) + sum(self.added(point, state, d))

    def rss(self, s):
        fit = self.fits[s]
        return float(np.sum((self.asked.y - self.asked.X @ fit.coef - fit.intercept) ** 2))


@cache
def example(X, y):
    return Example([list(row) for row in X], list(y))


def example_of(page):
    X, y = data_of(page)
    return example(tuple(map(tuple, X)), tuple(y))


def state_of(subsets):
    """Columns that are in all subsets, in none, or in some."""
    members = [subset(text) for text in subsets]
    return tuple(1 if all(j in s for s in members) else 0 if any(j in s for s in members) else -1 for j in range(3))


# ---- what the page says, against that


def check_subsets(page, ex):
    rows = tables(page)["subset", 4]
    assert [subset(row["subset"]) for row in rows] == list(ALL)
    for row in rows:
        s = subset(row["subset"])
        assert all_same(row["coefficients"], ex.fits[s].coef[list(s)])
        assert same(row["RSS"], ex.rss(s))
        assert same(row["objective"], ex.fits[s].objective)


def check_nodes(page, ex):
    rows = tables(page)["node", 12]
    groups = [ALL if row["subsets"] == "all" else tuple(map(subset, row["subsets"].split("; "))) for row in rows]
    assert sorted(s for group in groups[1:] for s in group) == sorted(ALL)
    for row, group in zip(rows, groups, strict=True):
        texts = [", ".join(NAMES[j] for j in s) for s in group]
        point, state = [F(value) for value in row["point (a, b, c)"].split(", ")], state_of(texts)
        assert all_same(row["residuals"], ex.residuals(point))
        assert all(same(row[f"q_{name}"], q) for name, q in zip(NAMES, ex.correlations(point), strict=True))
        assert same(row["start"], ex.start(point))
        for name, side, value in zip(NAMES, state, ex.added(point, state), strict=True):
            assert row[name] == "out" if side < 0 else same(row[name], value)
        assert same(row["bound"], ex.bound(point, state))
        assert F(row["bound"]) <= min(F(ex.fits[s].objective) for s in group) + F(1, 10**9)
    best = min(ex.fits.values(), key=lambda fit: fit.objective)
    assert same(min((row["bound"] for row in rows[1:]), key=F), best.objective)


def check_supersets(page, ex):
    rows = tables(page)["in", 4]
    covered = []
    for row in rows:
        inside, allowed = subset(row["in"]), subset(row["fit of"])
        assert set(allowed) == set(range(3)) - set(subset(row["out"]))
        covered += [s for s in ALL if set(inside) <= set(s) <= set(allowed)]
        assert same(row["bound"], ex.fits[allowed].value + len(inside))
    assert sorted(covered) == sorted(ALL)


def told(ex):
    """Every number with a decimal point that stands in the prose."""
    point, undecided = [F(3), F(2), F(0)], (0, 0, 0)
    r = ex.residuals(point)
    q, paid, start = ex.correlations(point), ex.paid(point), ex.start(point)
    drops = sorted((max(-value, 0) for value in paid), reverse=True)
    answer = ex.fits[0, 1]
    last = ex.correlations([F(value).limit_denominator(10**6) for value in answer.coef])
    moved = [value + DIAGONAL * b for value, b in zip(q, point, strict=True)]
    spared, tail = ex.paid(point, DIAGONAL), min(paid[2], 0)
    with_a = start + PRICE + tail  # node 0 with a in and its coefficient at 0
    gram = np.array([[float(ex.correlation(i, [row[j] for row in ex.X])) for j in range(3)] for i in range(3)])
    least = float(np.linalg.eigvalsh(gram)[0])
    assert float(DIAGONAL) < least
    assert with_a - q[0] * 8 + RIDGE * 64 > F(answer.objective) > with_a - q[0] * F("7.8") + RIDGE * F("7.8") ** 2
    assert q[0] / (2 * RIDGE) < 8 < with_a  # from 8 on the bound rises, and below 0 it is above 8
    return {
        RIDGE, answer.objective, *q, start, *paid, *(PRICE - value for value in paid),
        mean(t * e for t, e in zip(ex.t, r, strict=True)), mean(e * e for e in r) / 2,
        start - drops[0], ex.bound(point, undecided), ex.bound(point, (-1, 0, 0)), 2 * last[2] ** 2,
        DIAGONAL, least, ex.start(point, DIAGONAL), *spared, moved[2],
        ex.bound(point, undecided, DIAGONAL), ex.bound(point, (0, 0, 1), DIAGONAL),
        with_a, with_a - q[0] * 8 + RIDGE * 64, F("6.02"),
    }  # fmt: skip


def check_prose(page, ex):
    text, known = prose(page), [abs(F(value)) for value in told(ex)]
    for number in NUMBER.findall(text):
        assert any(same(number.lstrip("-"), value) for value in known), f"nobody computes {number}"
    for left, right in EQUATION.findall(text):
        terms = re.findall(r"([-+]?) ?(-?\d+(?:\.\d+)?)(²?)", left)
        total = sum((-1 if sign == "-" else 1) * F(value) ** (2 if square else 1) for sign, value, square in terms)
        assert total == F(right), f"{left} is not {right}"
    assert len(EQUATION.findall(text)) >= 10


def check(page):
    ex = example_of(page)
    check_subsets(page, ex)
    check_nodes(page, ex)
    check_supersets(page, ex)
    check_prose(page, ex)


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def session(page):
    """The page's Python, run with what it prints compared; its names."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(code, {}, PAGE.name, str(PAGE), 0)
    printed = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    runner.run(test, out=printed.append, clear_globs=False)
    assert not printed, "".join(printed)
    return test.globs


def test_the_numbers_are_those_of_the_data(page):
    check(page)


def test_no_number_could_be_another(page):
    """Broken twins: each number with a decimal point, outside code, one more in its last place."""
    check(page)
    values = page.index("| `values` |")  # compared with the tree by another test
    outside = [m for m in NUMBER.finditer(page) if page[: m.start()].count("```") % 2 == 0]
    outside = [m for m in outside if not values < m.start() < page.index("\n", values)]
    assert len(outside) > 80
    for m in outside:
        broken = page[: m.end() - 1] + str((int(m[0][-1]) + 1) % 10) + page[m.end() :]
        with pytest.raises(AssertionError):
            check(broken)


def test_the_python_prints_what_the_page_says(page, session):
    X, y = data_of(page)
    assert np.array_equal(session["X"], np.array(X, float))
    assert np.array_equal(session["y"], np.array(y, float))


def test_the_arrays_are_those_of_the_tree(page, session):
    for row in tables(page)["array", 2]:
        array = getattr(session["by_hand"], row["array"].strip("`"))
        assert [float(value) for value in row["entries"].split(", ")] == array.astype(float).tolist()
    nodes = {row["node"]: row["point (a, b, c)"] for row in tables(page)["node", 12]}
    tree = session["by_hand"]
    for node, point in nodes.items():
        if node.isdigit():
            at = slice(tree.indptr[int(node)], tree.indptr[int(node) + 1])
            dense = np.zeros(3)
            dense[tree.indices[at]] = tree.values[at]
            assert dense.tolist() == [float(value) for value in point.split(", ")]


def test_the_tree_verifies_from_a_file_and_not_without_its_last_leaf(session, tmp_path):
    certificate, X, y = (session[name] for name in ("certificate", "X", "y"))
    certificate.save(tmp_path / "proof.npz")
    (claim,) = ez.Certificate.load(tmp_path / "proof.npz").verify(X, y)
    assert 0 <= 6.025 - claim.lower_bound < 1e-11  # what the page says that rounding costs
    tree = session["by_hand"]
    cut = {
        name: getattr(tree, name)[:-1] for name in ("branch", "has_point", "indptr", "fix_indptr", "box_indptr", "diag")
    }
    short = replace(tree, **cut, indices=tree.indices[:-2], values=tree.values[:-2])
    with pytest.raises(CertificateError, match="lacks a leaf"):
        replace(certificate, trees=(short,)).verify(X, y)


@pytest.mark.parametrize("d", [F(0), DIAGONAL])
@pytest.mark.parametrize("point", [(3, 2, 0), (3, 0, 1), (F("3.4"), 2, 0)])
def test_the_checker_finds_the_same_bounds_in_every_state(page, session, point, d):
    """The page's arithmetic is the library's: a tree of one leaf, with columns forced and forbidden."""
    ex, certificate = example_of(page), session["certificate"]
    leaf = replace(
        Tree.plain("dual", [-1]), has_point=np.array([True]), indptr=np.array([0, 3]),
        indices=np.arange(3, dtype=np.int32), values=np.array(point, float),
    )  # fmt: skip
    if d:
        leaf = replace(
            leaf, diag=np.zeros(1, np.int32), diag_indptr=np.array([0, 3]),
            diag_columns=np.arange(3, dtype=np.int32), diag_values=np.full(3, float(d)),
        )  # fmt: skip
    for state in itertools.product((-1, 0, 1), repeat=3):
        sides = np.array(state)
        question = replace(certificate.question, forced=sides == 1, forbidden=sides == -1)
        checker = Checker(replace(certificate, question=question), session["X"], session["y"])
        (found,) = checker.tree_bounds(leaf, [None])
        assert found == pytest.approx(float(ex.bound([F(b) for b in point], state, d)), abs=1e-9)


def test_at_most_one_column_counts_the_largest_drop(page, session):
    certificate = session["certificate"]
    leaf = replace(
        Tree.plain("dual", [-1]), has_point=np.array([True]), indptr=np.array([0, 2]),
        indices=np.arange(2, dtype=np.int32), values=np.array([3.0, 2.0]),
    )  # fmt: skip
    (found,) = Checker(certificate, session["X"], session["y"]).tree_bounds(leaf, [1])
    assert found == pytest.approx(5.125, abs=1e-9)


@pytest.mark.parametrize(("limit", "proved"), [(8.0, 6.025), (7.3, None), (6.1, None)])
def test_peeled_limits_give_up_what_the_page_says(session, limit, proved):
    """With a limit below 8 the bound is that of the coefficients beyond it, 8.125 - 1.25 x + x²/8 at the limit."""
    boxed = replace(
        session["by_hand"], box_indptr=np.array([0, 1, 1, 1, 1]), box_column=np.zeros(1, np.int32),
        box_lower=np.zeros(1), box_upper=np.array([limit]),
    )  # fmt: skip
    (found,) = Checker(session["certificate"], session["X"], session["y"]).tree_bounds(boxed, [None])
    assert found == pytest.approx(proved or 8.125 - 1.25 * limit + limit**2 / 8, abs=1e-9)


@pytest.mark.parametrize("solver", ["auto", "branch"])
def test_the_search_gives_the_page_s_answer_with_a_proof_of_its_own(page, session, solver):
    X, y = session["X"], session["y"]
    result = ez.best_subset(X, y, l0=float(PRICE), l2=float(RIDGE), solver=solver)
    best = min(tables(page)["subset", 4], key=lambda row: F(row["objective"]))
    assert tuple(result.support) == subset(best["subset"])
    assert result.certificate is not None
    (claim,) = result.certificate.verify(X, y)
    assert claim.objective == pytest.approx(float(best["objective"]), abs=1e-9)
    assert claim.gap <= 1e-6
    assert result.certificate.trees[0].kind == {"auto": "superset", "branch": "dual"}[solver]


@pytest.mark.parametrize("page", [*DOCS.rglob("*.md"), DOCS.parent / "README.md"], ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
