r"""Nearest points of balls and of sets below a budget."""

from typing import Any

import numpy as np
from scipy.optimize import brentq

from .norms import norm

TINY = 1e-300
RTOL: Any = 4.0 * np.finfo(float).eps  # the least that brentq takes
ROUNDS = 60  # of a Newton iteration that is kept inside a bracket; about eight are needed


def onto_l1(v, weights, budget) -> np.ndarray:
    r"""Nearest point with :math:`\sum_j w_j|x_j| \le t`, by sorting where the soft threshold would cut.

    References
    ----------
    Held, Wolfe & Crowder (1974), "Validation of subgradient optimization", section 5.
    """
    size = np.abs(v)
    if weights @ size <= budget:
        return v.copy()
    costly = weights > 0
    cut = np.zeros(len(v))
    cut[costly] = size[costly] / weights[costly]  # the threshold at which an entry becomes 0
    order = np.argsort(-cut)
    order = order[costly[order]]
    spent = np.cumsum(weights[order] * size[order]) - budget
    threshold = spent / np.cumsum(weights[order] ** 2)
    last = np.flatnonzero(cut[order] > threshold)[-1]
    return np.sign(v) * np.maximum(size - threshold[last] * weights, 0.0)


def onto_power(v, p, radius) -> np.ndarray:
    r"""Nearest point of the ball :math:`\|x\|_p \le r` for 1 < p < infinity.

    Notes
    -----
    With :math:`a = |v|/r` the entries solve :math:`u + \nu p u^{p-1} = a`. In logarithms of u the left side is convex
    and rises, so that Newton's method from the right is monotone for every p; :math:`\nu` is the root of
    :math:`\log\sum u^p`, by Newton's method inside a bracket.
    """
    a = np.abs(v) / radius
    if norm(a, p) <= 1.0:
        return np.array(v, float)
    if p == 2.0:
        return v / np.linalg.norm(a)
    large = a > TINY
    log_a = np.log(a[large])
    low, high = -np.inf, np.inf
    nu = np.log(np.maximum(a.max() - 1.0, 1e-3) / p)
    y = log_a
    for _ in range(ROUNDS):
        y = _scalar_roots(log_a, p, nu)
        total = float(np.logaddexp.reduce(p * y))
        low, high = (nu, high) if total > 0 else (low, nu)
        shares = np.exp(p * y - total)
        with np.errstate(over="ignore"):  # where the pull vanishes beside the entry, the entry does not move
            fall = -p * float((shares / (np.exp((2.0 - p) * y - nu - np.log(p)) + (p - 1.0))).sum())
        step = -total / fall if fall < 0 else np.inf
        after = nu + float(np.clip(step, -20.0, 20.0))
        if not low < after < high:
            after = 0.5 * (low + high) if np.isfinite(low) and np.isfinite(high) else after
        if abs(after - nu) <= 2e-15 * max(abs(nu), 1.0):
            break
        nu = after
    u = np.zeros(len(a))
    u[large] = np.exp(y - float(np.logaddexp.reduce(p * y)) / p)
    return np.sign(v) * radius * u


def _scalar_roots(log_a, p, nu) -> np.ndarray:
    """Roots y of ``log(e^y + e^(nu + log p + (p - 1) y)) = log a``."""
    lift = nu + np.log(p)
    y = np.minimum(log_a, (log_a - lift) / (p - 1.0))
    for _ in range(ROUNDS):
        one, other = y, lift + (p - 1.0) * y
        both = np.logaddexp(one, other)
        share = np.exp(other - both)
        step = (both - log_a) / (1.0 - share + (p - 1.0) * share)
        y = y - step
        if np.abs(step).max(initial=0.0) <= 2e-15 * max(1.0, float(np.abs(y).max(initial=0.0))):
            break
    return y


def onto_separable(v, penalty, budget) -> np.ndarray:
    r"""Nearest point with :math:`h(x) \le t` for a convex separable penalty h: its prox, at the step that spends t."""

    def spent(step):
        return penalty.value(penalty.convex_prox(v, step)) - budget

    if spent(0.0) <= 0:
        return penalty.convex_prox(v, 0.0)
    high = 1.0
    while spent(high) > 0:
        high *= 4.0
    step = brentq(spent, 0.0, high, xtol=1e-300, rtol=RTOL, maxiter=500)
    return penalty.convex_prox(v, step)
