"""What every answer must satisfy, judged by the oracles."""

from __future__ import annotations

import numpy as np
import pytest

import ellzero as ez
from oracles import Fit, Question, fit_support, null_objective, optimum


def tolerance(q: Question, value: float) -> float:
    """What double precision cannot tell apart: relative to the value and, near a perfect fit, to the empty model."""
    return 1e-9 * value + 1e-13 * null_objective(q)


def judge_answer(q: Question, result) -> None:
    """The result is what it says: rules kept, numbers true, coefficients the best ones on its support."""
    coef, support = result.coef, list(result.support)
    units = [unit for unit in q.units if set(unit) & (set(support) | set(q.forced))]
    if q.constraints:
        columns, _ = min((s for s in q.supports() if set(support) <= set(s[0])), key=lambda s: s[1])
        units = [unit for unit in q.units if set(unit) <= set(columns)]
    assert support == sorted(set(support))
    assert set(np.flatnonzero(coef)) <= set(support)
    assert not set(support) & set(q.forbidden)
    assert result.k == len(units)
    assert q.k is None or len(units) <= q.k
    lower, upper = q.box
    assert np.all((coef >= lower) & (coef <= upper))
    close = {"rel": 1e-9, "abs": 1e-12 * null_objective(q)}
    assert result.loss == pytest.approx(q.deviance(q.X @ coef + result.intercept), **close)
    assert result.objective == pytest.approx(q.value(coef, result.intercept) + (q.l0 or 0.0) * len(units), **close)
    columns = sorted(column for unit in units for column in unit)
    best_there = fit_support(q, columns, len(units)).objective
    assert result.objective <= best_there + 1e-8 * best_there + 1e-11 * null_objective(q)


def judge_proof(q: Question, result, best: Fit, gap: float = 1e-6) -> None:
    """The bound holds, the gap is the stated formula of the two, and *optimal* means that it is closed."""
    null = null_objective(q)
    room = 1e-12 * best.objective + 1e-14 * null
    assert result.objective >= best.objective - tolerance(q, best.objective)
    assert result.lower_bound <= best.objective + room
    expected = max(result.objective - result.lower_bound, 0.0) / max(result.objective, 1e-12 * null)
    assert result.gap == pytest.approx(expected, rel=1e-6, abs=1e-12)
    if result.status is ez.Status.OPTIMAL:
        assert result.gap <= gap
        assert result.objective <= best.objective * (1 + 1.01 * gap) + tolerance(q, best.objective)


def judge_optimal(q: Question, result, best: Fit | None = None) -> None:
    """The whole judgement of an exact solver that was given the time it needs."""
    judge_answer(q, result)
    assert result.status is ez.Status.OPTIMAL
    judge_proof(q, result, optimum(q) if best is None else best)


def describe(q: Question) -> str:
    """The problem in one line, for a failure's message."""
    plain = {name: value for name, value in q.arguments().items() if not isinstance(value, np.ndarray)}
    return f"{q.X.shape} {plain}" + (" weighted" if q.sample_weight is not None else "")


def judge_certificate(q: Question, result, best: float, gap: float = 1e-6) -> None:
    """The certificate of one answer verifies from the data alone, and proves what the result says."""
    (claim,) = result.certificate.verify(q.X, q.y)
    judge_claim(q, claim, result, best, gap)


def judge_claim(q: Question, claim, result, best: float, gap: float = 1e-6) -> None:
    """What the checker found itself: the answer, a bound that holds, and the gap of the result."""
    null = null_objective(q)
    assert claim.k == q.k
    assert set(result.support) <= set(claim.support)  # which has the columns that others need, too, be they zero
    np.testing.assert_array_equal(claim.values, result.coef[claim.support])
    assert claim.objective == pytest.approx(result.objective, rel=1e-9, abs=1e-12 * null)
    assert claim.lower_bound <= best + 1e-12 * best + 1e-14 * null
    assert claim.gap <= result.gap + 1e-6  # a search that was stopped may have proved more than it says
    if result.status is ez.Status.OPTIMAL:
        assert claim.gap <= gap
