"""The perspective relaxation at the root of a search tree, handed to a general conic solver as it stands on paper.

Minimise ``L(b) + l0 sum(z) + l1 sum|b| + l2 sum(b^2 / z)`` over ``0 <= z <= 1``, ``lower z <= b <= upper z`` and
``sum(z) <= k``, with one ``z`` for every group, forced ones at 1.
Forbidden columns are left out.
"""

from __future__ import annotations

import clarabel
import numpy as np
from scipy import sparse

from oracles import Question


class _Cones:
    """Affine expressions that must lie in cones, each written as (constant, {variable: coefficient})."""

    def __init__(self):
        self.rows, self.constants, self.kinds = [], [], []

    def add(self, kind, *expressions):
        for constant, terms in expressions:
            self.rows.append({variable: -value for variable, value in terms.items()})
            self.constants.append(constant)
        self.kinds.append(kind)

    def matrices(self, n_variables):
        i = [row for row, terms in enumerate(self.rows) for _ in terms]
        j = [variable for terms in self.rows for variable in terms]
        v = [value for terms in self.rows for value in terms.values()]
        return sparse.csc_matrix((v, (i, j)), shape=(len(self.rows), n_variables)), np.array(self.constants, float)


def _on_a_scale_of_one(q: Question):
    """The same problem, centred and on a scale of one: a conic solver's tolerances are absolute."""
    shift = q.weights @ q.X if q.fit_intercept else 0.0
    scale = np.sqrt(q.scale**2 + q.l2 * q.penalty_scale**2)
    X, y, unit = (q.X - shift) / scale, q.y, 1.0
    if q.loss == "squared":
        y = y - q.weights @ y if q.fit_intercept else y
        unit = float(q.weights @ y**2)
        y = y / np.sqrt(unit)
    b = scale / np.sqrt(unit)
    return (
        X,
        y,
        q.penalty_scale / scale,
        q.box[0] * b,
        q.box[1] * b,
        (q.l0 or 0.0) / unit,
        q.l1 / np.sqrt(unit),
        q.l2,
        unit,
    )


def _without(q: Question, columns: set[int]) -> Question:
    """The problem on the other columns: an indicator fixed at 0 would leave the solver no interior."""
    keep = [j for j in range(q.n_columns) if j not in columns]
    return q.asked(
        X=q.X[:, keep],
        lower=q.box[0][keep],
        upper=q.box[1][keep],
        groups=None if q.groups is None else [q.groups[j] for j in keep],
        forced=tuple(keep.index(j) for j in q.forced),
        forbidden=(),
    )


def root_bound(q: Question) -> float:
    """Optimal value of the relaxation for squared error and logistic loss."""
    if q.forbidden:
        return root_bound(_without(q, set(q.forbidden)))
    n, p = q.X.shape
    X, y, scale, lower, upper, l0, l1, l2, variance = _on_a_scale_of_one(q)
    units = {column: u for u, unit in enumerate(q.units) for column in unit}
    w = q.weights
    # Variables: intercept, b, |b|, l2 b^2/z, z, and for logistic loss three numbers a row.
    B, A, T, Z = 1, 1 + p, 1 + 2 * p, 1 + 3 * p
    E = Z + len(q.units)
    N = E + (3 * n if q.loss == "logistic" else 0)
    P, linear, cones = np.zeros((N, N)), np.zeros(N), _Cones()
    linear[A : A + p] = l1 * scale
    linear[T : T + p] = 1.0
    root = 2 * np.sqrt(l2) * scale
    linear[Z : Z + len(q.units)] = l0
    if not q.fit_intercept:
        cones.add(clarabel.ZeroConeT(1), (0, {0: 1}))
    for j in range(p):
        b, a, t, z = B + j, A + j, T + j, Z + units[j]
        cones.add(clarabel.NonnegativeConeT(2), (0, {a: 1, b: 1}), (0, {a: 1, b: -1}))
        cones.add(clarabel.SecondOrderConeT(3), (0, {t: 1, z: 1}), (0, {b: root[j]}), (0, {t: 1, z: -1}))
        if np.isfinite(upper[j]):
            cones.add(clarabel.NonnegativeConeT(1), (0, {z: upper[j], b: -1}))
        if np.isfinite(lower[j]):
            cones.add(clarabel.NonnegativeConeT(1), (0, {z: -lower[j], b: 1}))
    for u, unit in enumerate(q.units):
        if set(unit) & set(q.forced):
            cones.add(clarabel.ZeroConeT(1), (-1, {Z + u: 1}))
        else:
            cones.add(clarabel.NonnegativeConeT(2), (0, {Z + u: 1}), (1, {Z + u: -1}))
    if q.k is not None:
        cones.add(clarabel.NonnegativeConeT(1), (q.k, {Z + u: -1 for u in range(len(q.units))}))
    constant = 0.0
    D = np.column_stack([np.ones(n), X])
    if q.loss == "squared":
        P[: p + 1, : p + 1] = D.T @ (w[:, None] * D)
        linear[: p + 1] -= D.T @ (w * y)
        constant = float(w @ y**2) / 2
    else:
        linear[: p + 1] -= D.T @ (w * y)
        for i in range(n):
            # log(1 + exp(eta)) <= v  is  exp(-v) + exp(eta - v) <= 1.
            v, low, high = E + 3 * i, E + 3 * i + 1, E + 3 * i + 2
            linear[v] = w[i]
            cones.add(clarabel.NonnegativeConeT(1), (1, {low: -1, high: -1}))
            cones.add(clarabel.ExponentialConeT(), (0, {v: -1}), (1, {}), (0, {low: 1}))
            eta = {column: D[i, column] for column in range(p + 1)}
            cones.add(clarabel.ExponentialConeT(), (0, eta | {v: -1}), (1, {}), (0, {high: 1}))
    matrix, constants = cones.matrices(N)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
    settings.reduced_tol_gap_abs = settings.reduced_tol_gap_rel = settings.reduced_tol_feas = 1e-7
    solver = clarabel.DefaultSolver(sparse.csc_matrix(np.triu(P)), linear, matrix, constants, cones.kinds, settings)
    solution = solver.solve()
    # Judged by what it found: near the limits of double precision it stops short of its tolerance without being wrong.
    found = abs(solution.obj_val - solution.obj_val_dual), solution.r_prim, solution.r_dual
    assert max(found) < 1e-6, (str(solution.status), found)
    return (float(solution.obj_val) + constant) * variance
