"""Laws of losses, penalties and operators as plain assertions, for the library's own and for broken twins."""

from __future__ import annotations

import functools

import numpy as np

from ellzero.penalties import Grouped


@functools.lru_cache(maxsize=64)
def grid(penalty):
    """Fine points with zero and the limits among them, and the penalty's value at each."""
    grouped = isinstance(penalty, Grouped)  # groups have no limits
    limits = np.zeros(1) if grouped else np.array([penalty.lower, penalty.upper, 0.0])
    points = np.unique(np.concatenate([np.linspace(-6, 6, 2401), limits[np.isfinite(limits)]]))
    return points, pointwise(penalty, points)


def pointwise(penalty, points):
    """Value of the penalty at each point on its own."""
    return np.array([penalty.value(np.array([point])) for point in np.atleast_1d(points)])


def prox_minimises(penalty, v, step):
    """prox(v) is no worse than any point of a fine grid, judged by objective value: ties are legitimate."""
    at = float(penalty.prox(np.array([v]), step)[0])
    found = (at - v) ** 2 / 2 + step * pointwise(penalty, at)[0]
    points, values = grid(penalty)
    assert found <= ((points - v) ** 2 / 2 + step * values).min() + 1e-9


def ties_go_to_zero(penalty, v, step):
    """Where 0 and another point are both minimisers, 0 is returned."""
    at = float(penalty.prox(np.array([v]), step)[0])
    found = (at - v) ** 2 / 2 + step * pointwise(penalty, at)[0]
    assert at == 0 or found < v**2 / 2 - 1e-15 * v**2


def fenchel_young(penalty, v):
    """The conjugate lies above ``v t - phi(t)`` everywhere, and is reached unless it is infinite."""
    found = float(penalty.conjugate(np.array([v]))[0])
    points, values = grid(penalty)
    gains = v * points - values
    assert found >= gains.max() - 1e-9
    if np.isfinite(found) and abs(points[gains.argmax()]) < 5.9:
        assert found <= gains.max() + 1e-3 * (1 + abs(v))


def envelope_is_the_biconjugate(penalty, t):
    """The envelope is the conjugate of the conjugate: below the penalty, and the highest such convex function."""
    found = float(penalty.envelope(np.array([t]))[0])
    assert found <= pointwise(penalty, t)[0] + 1e-12
    slopes = np.linspace(-40, 40, 16001)
    biconjugate = (slopes * t - penalty.conjugate(slopes)).max()
    assert found >= biconjugate - 1e-9
    assert found <= biconjugate + 5e-3 * (1 + abs(t))


def subgradients_support(penalty, t):
    """Of a convex penalty: every number between the two ends is the slope of a line that supports it at t."""
    low, high = (float(end[0]) for end in penalty.subdifferential(np.array([t])))
    assert low <= high
    points, values = grid(penalty)
    for slope in np.clip([low, high, (max(low, -50) + min(high, 50)) / 2], -50, 50):
        line = pointwise(penalty, t)[0] + slope * (points - t)
        assert np.all(values >= line - 1e-9)


def sum_adds_up(first, second, beta):
    """The value of a sum is the sum of the values."""
    total, parts = (first + second).value(beta), first.value(beta) + second.value(beta)
    assert total == parts or abs(total - parts) <= 1e-12 * abs(parts)


def derivatives_fit(loss, y, eta):
    """Gradient and curvature are the slopes of value and gradient; where a curvature jumps, between its two sides."""
    step = 1e-5
    y, near = np.full(2, y), np.array([eta + step, eta - step])
    values, gradients = loss.value(y, near), loss.gradient(y, near)
    at = np.array([eta])
    scale = 1 + abs(float(loss.gradient(y[:1], at)[0])) + float(loss.curvature(y[:1], at)[0])
    curvatures = loss.curvature(np.full(3, y[0]), np.array([eta - step, eta, eta + step]))
    jump = curvatures.max() - curvatures.min()
    assert abs((values[0] - values[1]) / (2 * step) - loss.gradient(y[:1], at)[0]) <= 1e-7 * scale + step * jump
    slope = (gradients[0] - gradients[1]) / (2 * step)
    assert curvatures.min() - 1e-7 * scale <= slope <= curvatures.max() + 1e-7 * scale
    assert 0 <= loss.curvature(y[:1], at)[0] <= loss.curvature_bound


def never_negative_and_zero_at_saturation(loss, y, eta):
    """Half a deviance: zero only where the mean is the response."""
    y, at = np.array([y]), np.array([eta])
    assert loss.value(y, at)[0] >= 0
    if not loss.classifies:
        # A class of 0 or 1 is no mean that a finite predictor reaches.
        mean = loss.inverse_link(at)
        assert abs(loss.value(mean, at)[0]) <= 1e-12 * (1 + abs(mean[0]) * (1 + abs(eta)))


def conjugate_touches(loss, y, eta, other):
    """Fenchel and Young: ``f(a) + f*(u) >= u a``, with equality where u is the gradient at a."""
    y, at, elsewhere = np.array([y]), np.array([eta]), np.array([other])
    u = loss.gradient(y, at)
    scale = 1 + abs(float(loss.value(y, at)[0])) + abs(float(u[0] * eta))
    touching = loss.value(y, at) + loss.conjugate(y, u) - u * at
    assert abs(touching[0]) <= 1e-9 * scale
    above = loss.value(y, elsewhere) + loss.conjugate(y, u) - u * elsewhere
    assert above[0] >= -1e-9 * (scale + abs(float(u[0] * other)))


def clipped_duals_are_in_the_domain(loss, y, u):
    """The nearest point of the conjugate's domain has a finite conjugate, and points inside stay."""
    y, u = np.array([y]), np.array([u])
    clipped = loss.clip_dual(y, u)
    assert np.isfinite(loss.conjugate(y, clipped)[0])
    if np.isfinite(loss.conjugate(y, u)[0]):
        assert abs(clipped[0] - u[0]) <= 1e-15


def bound_holds(problem, r, inside, outside, optimum, null):
    """Weak duality: no dual vector bounds a node above its optimum."""
    assert problem.dual_bound(r, inside, outside) <= optimum + 1e-10 * null
