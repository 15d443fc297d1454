"""Searches that several files of tests make, and how their answers are judged."""

from __future__ import annotations

import pytest

import ellzero as ez
from ellzero.problem import Problem
from judging import describe, judge_answer, judge_certificate, judge_claim, judge_proof
from oracles import Fit, every_fit, null_objective, optimum
from strategies import make_question


def branch(q, **options):
    return ez.best_subset(q.X, q.y, **q.arguments(), solver="branch", **options)


def problem_of(q):
    return Problem.from_data(q.X, q.y, **q.arguments())


def each(questions, judge):
    """Judge each (seed, question); a failure names its seed."""
    for seed, q in questions:
        try:
            judge(q)
        except Exception as error:
            error.add_note(f"seed {seed}: {describe(q)}")
            raise


def as_fit(result):
    """A proved answer in the place of brute force, where that would list too many supports."""
    value = result.objective
    return Fit(tuple(result.support), result.k, result.coef, result.intercept, result.loss, value, value)


def searched(seed=1, **changes):
    """A problem of some seconds: hundreds of nodes at the root, subtrees with a matrix of their own."""
    kind = {"n": 40, "p": 60, "correlation": 0.5, "l2": 0.0037} | changes
    return make_question(seed, **kind).asked(k=6)


def middling(seed=1, **changes):
    """A problem of some hundredths of a second that the root does not close."""
    kind = {"n": 30, "p": 30, "correlation": 0.5, "l2": 0.0037} | changes
    return make_question(seed, **kind).asked(k=5)


def judge_hard(q, **options):
    """The optimum, proved, with a certificate; only next to a perfect fit may rounding keep the two apart."""
    result, best = branch(q, **options), optimum(q)
    judge_answer(q, result)
    judge_proof(q, result, best)
    judge_certificate(q, result, best.objective)
    if best.objective > 1e-4 * null_objective(q):
        assert result.status is ez.Status.OPTIMAL
    assert result.objective <= best.objective * (1 + 1e-6) + 1e-9 * null_objective(q)


def best_of_sizes(q):
    """Best objective with at most so many units, for every size that the rules allow."""
    fits = every_fit(q.asked(k=None))
    best = {}
    for size in range(len(q.units) + 1):
        allowed = [fit for fit in fits if fit.units <= size]
        if allowed:
            best[size] = min(allowed, key=lambda fit: fit.objective)
    return best


def judge_path(q, **options):
    """Every size that exists is proved, and verified with all others by one certificate."""
    q = q.asked(k=None)
    found = ez.path(q.X, q.y, k=q.n_columns, certify=True, solver="branch", **q.arguments(), **options)
    best, most = best_of_sizes(q), max(size for _, size in q.supports())
    assert list(found.sizes) == list(range(min(best), found.sizes[-1] + 1))
    assert most <= found.sizes[-1] <= q.n_columns
    claims = found.certificate.verify(q.X, q.y)
    assert len(claims) == len(found)
    for size, result, claim in zip(found.sizes, found, claims, strict=True):
        sized = q.asked(k=size)
        judge_answer(sized, result)
        assert result.status is ez.Status.OPTIMAL, size
        judge_proof(sized, result, best[size])
        judge_claim(sized, claim, result, best[size].objective)
    return found


def near(q, within):
    """Supports whose objective lies within a fraction of the best; those with a unit at zero are a smaller one."""
    fits = [fit for fit in every_fit(q) if q.n_units(fit.coef) == fit.units]
    return {fit.columns: fit.objective for fit in fits if fit.objective <= fits[0].objective * (1 + within)}


def judge_rivals(q, within=0.37, **options):
    found = ez.rivals(q.X, q.y, within=within, solver="branch", **q.arguments(), **options)
    expected = near(q, within)
    limit = min(expected.values()) * (1 + within)
    edge = {columns for columns, value in expected.items() if abs(value / limit - 1) < 1e-9}
    assert found.complete
    assert len(set(found.supports)) == len(found.supports)
    assert set(found.supports) - edge == set(expected) - edge
    assert list(found.objectives) == sorted(found.objectives)
    for columns, value in zip(found.supports, found.objectives, strict=True):
        assert value == pytest.approx(expected[columns], rel=1e-8)


RIVALS = {
    "ridge": {},
    "wide": {"n": 6},
    "price": {"form": "both"},
    "weights": {"weighted": True, "standardize": False, "fit_intercept": False},
    "limits": {"boxed": True},
    "forced": {"forced": True, "forbidden": True},
}


def rivals_question(seed, kind, p=7):
    q = make_question(seed, **({"n": 25, "p": p, "correlation": 0.9, "l2": 0.0037} | RIVALS[kind]))
    return q.asked(k=3)


def fitting(q):
    """The question with a k that some support keeps."""
    least = min(size for _, size in q.asked(k=None).supports())
    return q.asked(k=max(least, q.k))


def judge_same(answers):
    """The answer is that of the first, whatever else took part in the search."""
    first, *others = answers
    assert first.status is ez.Status.OPTIMAL
    for other in others:
        assert other.status is ez.Status.OPTIMAL
        assert other.objective == pytest.approx(first.objective, rel=1e-9)
        assert list(other.support) == list(first.support)
        assert other.lower_bound <= first.objective * (1 + 1e-12)
