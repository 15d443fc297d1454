"""Minimisers of smooth losses of few variables: over a convex set, and on supports of a given size."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .. import _checks as checks
from .fields import Field
from .regions import Face, Region

FLAT = 1e-12  # curvature below this share of the largest counts as none
STEPS = 20_000
FAR = 1e3  # reaches of the region that a step may leave it by
EVERY = 10  # steps between two attempts on the face
NEWTON = 60
CLOSE = 1e-12  # of a projected gradient step, relative to the point
ENDLESS = 1e-6  # share of the pull that no point answers: along it the loss falls without end
SAMPLES = 16  # points at which a loss that is not quadratic must be convex


@dataclass(frozen=True, eq=False)
class Smooth:
    """A convex loss with derivatives; where it is quadratic, its matrix, its pull q and its value at 0."""

    value: Callable[[np.ndarray], float]
    gradient: Callable[[np.ndarray], np.ndarray]
    hessian: Callable[[np.ndarray], np.ndarray]
    n: int
    matrix: np.ndarray | None = None
    pull: np.ndarray | None = None
    many: Callable[[np.ndarray], np.ndarray] | None = None  # values of many points at once
    label: str = "the loss"
    proven: bool = False  # whether it is known to be convex everywhere, and not only where it was looked at

    def on(self, columns) -> "Smooth":
        """The loss of some coordinates, the others 0."""
        columns = np.asarray(columns)

        def full(part):
            x = np.zeros(self.n)
            x[columns] = part
            return x

        sub = None if self.matrix is None else self.matrix[np.ix_(columns, columns)]
        return Smooth(
            lambda part: self.value(full(part)),
            lambda part: self.gradient(full(part))[columns],
            lambda part: self.hessian(full(part))[np.ix_(columns, columns)],
            len(columns), sub, None if self.pull is None else self.pull[columns], None, self.label, self.proven,
        )  # fmt: skip


def smooth(field: Field, scale: float) -> Smooth:
    """Derivatives of a field, seen to be convex on points of about this scale.

    Raises
    ------
    ArgumentError
        There is no gradient or Hessian, or a Hessian is not positive semidefinite.
    """
    if field.gradient is None or field.hessian is None:
        raise checks.no_derivatives(field.label)
    n, hessian = field.n, field.hessian
    points = scale * np.random.default_rng(0).uniform(-1.0, 1.0, (SAMPLES, n))
    points[0] = 0.0
    matrices, largest = _bowls(hessian, points, field.label)
    start = field.slope(np.zeros(n))
    constant = all(np.abs(matrix - matrices[0]).max() <= 1e-13 * largest for matrix in matrices)
    quadratic = constant and np.allclose(
        field.slope(points), start + points @ matrices[0], rtol=1e-9, atol=1e-9 * scale
    )
    return Smooth(
        lambda x: float(field(x)), field.slope, lambda x: np.asarray(hessian(x), float), n,
        0.5 * (matrices[0] + matrices[0].T) if quadratic else None, -start if quadratic else None, field, field.label,
        bool(quadratic) or field.convex,
    )  # fmt: skip


def _bowls(hessian, points, label) -> tuple[list[np.ndarray], float]:
    """Hessians at points, none with a negative eigenvalue, and their largest entry."""
    matrices = [np.asarray(hessian(point), float) for point in points]
    largest = max(float(np.abs(matrix).max()) for matrix in matrices)
    for matrix, point in zip(matrices, points, strict=True):
        least = float(np.linalg.eigvalsh(0.5 * (matrix + matrix.T))[0])
        if least < -1e-9 * largest:
            raise checks.not_convex(label, least, point)
    return matrices, largest


def convex_around(loss: Smooth, x) -> None:
    """Look once more where the answer lies, which may be far from where was looked first.

    Raises
    ------
    ArgumentError
        A Hessian there is not positive semidefinite.
    """
    if not loss.proven:
        reach = 2.0 * max(float(np.abs(x).max()), 1e-300)
        points = reach * np.random.default_rng(1).uniform(-1.0, 1.0, (SAMPLES, loss.n))
        points[0] = x
        _bowls(loss.hessian, points, loss.label)


def least(loss: Smooth, start) -> np.ndarray:
    """Minimiser without limits, the shortest where a quadratic has many.

    Raises
    ------
    DataError
        The loss has no minimiser that can be reached.
    """
    if loss.matrix is not None and loss.pull is not None:
        return np.linalg.lstsq(loss.matrix, loss.pull, rcond=FLAT)[0]
    x, value = np.array(start, float), loss.value(start)
    for _ in range(NEWTON):
        gradient, H = loss.gradient(x), loss.hessian(x)
        step = np.linalg.lstsq(H, -gradient, rcond=FLAT)[0]
        falls = float(-gradient @ step)
        size = 1.0
        while (after := loss.value(x + size * step)) > value - 1e-4 * size * falls and size > 1e-12:
            size *= 0.5
        if falls <= 1e-30 * max(abs(value), 1e-300) or np.abs(step).max() <= 1e-15 * np.abs(x).max():
            break
        if size <= 1e-12:
            break
        x, value = x + size * step, after
    gradient, H = loss.gradient(x), loss.hessian(x)
    step = np.linalg.lstsq(H, -gradient, rcond=FLAT)[0]
    if (
        np.abs(step).max() > 1e-7 * max(np.abs(x).max(), 1e-12)
        or np.abs(H).max() < 1e-10 * np.abs(loss.hessian(start)).max()
    ):
        raise checks.no_minimiser()
    return x


def minimise(loss: Smooth, region: Region, start=None) -> tuple[np.ndarray, float]:
    """Minimiser over a convex set, and how far one projected gradient step still moves it (0 at a minimiser).

    Accelerated projected gradient steps find the face, Newton's method on the face the point; that it is the minimiser
    is judged by the projected step alone.

    Raises
    ------
    DataError
        No face was found on which the steps end.

    References
    ----------
    Beck & Teboulle (2009), "A fast iterative shrinkage-thresholding algorithm for linear inverse problems";
    O'Donoghue & Candès (2015), "Adaptive restart for accelerated gradient schemes".
    """
    x = region.project(np.zeros(loss.n) if start is None else np.asarray(start, float))
    y, momentum, curvature = x, 1.0, _curvature(loss, region, x)
    best, residual = x, np.inf
    for count in range(STEPS):
        gradient, at_y = loss.gradient(y), loss.value(y)
        while True:
            after = region.project(y - gradient / curvature)
            move = after - y
            model = at_y + gradient @ move + 0.5 * curvature * move @ move
            if loss.matrix is not None or loss.value(after) <= model + 1e-13 * abs(at_y):
                break
            curvature *= 2.0
        if (y - after) @ (after - x) > 0:
            momentum = 1.0
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum))
        y = after + (momentum - 1.0) / following * (after - x)
        x, momentum = after, following
        if count % EVERY == EVERY - 1 or count == 0:
            for candidate in (x, region.project(on_face(loss, region, x))):
                moved, tolerance = _step(loss, region, candidate)
                if moved < residual:
                    best, residual = candidate, moved
                if moved <= tolerance:
                    return candidate, moved
    if residual > 1e-8 * max(float(np.abs(best).max()), 1e-300):
        raise checks.not_settled(residual)
    return best, residual


def on_face(loss: Smooth, region: Face, x) -> np.ndarray:
    """Newton's method for the minimiser on the face under x, with the budget as an equation where it is spent."""
    free = np.flatnonzero(~region.held(x))
    tight = region.tight(x) and region.counts_once
    if not free.size:
        return x
    x, multiplier = x.copy(), None
    for _ in range(NEWTON):
        gradient = loss.gradient(x)[free]
        slope, H = region.slope(x)[free], loss.hessian(x)[np.ix_(free, free)]
        if tight:
            if multiplier is None:
                multiplier = -gradient @ slope / max(float(slope @ slope), 1e-300)
            top = np.column_stack([H + multiplier * np.diag(region.bend(x)[free]), slope])
            system = np.vstack([top, np.append(slope, 0.0)])
            right = -np.array([*(gradient + multiplier * slope), region.spent(x) - region.budget])
        else:
            system, right = H, -gradient
        if not (np.isfinite(system).all() and np.isfinite(right).all()):
            return x
        units = np.sqrt(np.maximum(np.abs(system).max(axis=0), 1e-300))
        step = np.linalg.lstsq(system / np.outer(units, units), right / units, rcond=1e-15)[0] / units
        if np.abs(step[: free.size]).max() > 10.0 * max(float(np.abs(x).max()), 1e-300):
            return x
        x[free] += step[: free.size]
        multiplier = multiplier + step[-1] if tight and multiplier is not None else None
        if np.abs(step[: free.size]).max() <= 1e-15 * float(np.abs(x).max()):
            break
    return x


def _curvature(loss: Smooth, region: Region, x) -> float:
    """Largest curvature; more where a step would lead so far off that projecting back lost its digits."""
    largest = float(np.linalg.eigvalsh(loss.hessian(x))[-1])
    if largest < 0:
        raise checks.not_convex(loss.label, largest, x)
    return max(largest, float(np.abs(loss.gradient(x)).max()) / max(FAR * region.reach, 1e-300), 1e-300)


def _step(loss: Smooth, region: Region, x) -> tuple[float, float]:
    """How far a projected gradient step moves a point, and how far rounding alone might."""
    ahead = x - loss.gradient(x) / _curvature(loss, region, x)
    moved = float(np.abs(region.project(ahead) - x).max())
    return moved, CLOSE * max(float(np.abs(x).max()), 1e-3 * float(np.abs(ahead).max()))


def unique(loss: Smooth, region: Region, x) -> bool:
    """Whether a minimiser over a convex set is the only one: no direction keeps loss, budget and optimality."""
    H, gradient = loss.hessian(x), loss.gradient(x)
    scale = float(np.linalg.eigvalsh(H)[-1])
    if np.linalg.eigvalsh(H)[0] > FLAT * scale > 0:
        return True
    tight, price = region.tight(x), 0.0
    if tight:
        with np.errstate(invalid="ignore"):
            price = region.price(x, gradient)
        if region.round and price > 0:
            return True
    largest = max(float(np.abs(gradient).max()), 1e-300)
    moving = ~region.held(x)
    slope = region.slope(x)
    if tight and region.counts_once:  # zeros whose gradient is as large as the price could move as well
        tied = region.held(x) & (np.abs(np.abs(gradient) - price * _corner(region)) <= 1e-9 * largest)
        slope = np.where(tied, -np.sign(gradient) * _corner(region), slope)
    else:
        tied = region.held(x) & (np.abs(gradient) <= 1e-9 * largest)
    moving = moving | tied
    rows = H[:, moving] / max(scale, 1e-300)
    if tight and region.counts_once:
        rows = np.vstack([rows, slope[moving] / max(float(np.abs(slope).max()), 1e-300)])
    return int(np.linalg.matrix_rank(rows, tol=1e-9)) == int(moving.sum())


def _corner(region: Region) -> np.ndarray:
    """Slopes of the limited function just beside 0."""
    return np.abs(region.slope(np.full(region.n, 1e-300)))


def on_supports(H, q, supports) -> np.ndarray:
    """Minimisers of ``x' H x / 2 - q' x`` on supports of one size, a row each; the shortest where there are many."""
    matrices = H[supports[:, :, None], supports[:, None, :]]
    return np.einsum("sij,sj->si", np.linalg.pinv(matrices, rcond=FLAT, hermitian=True), q[supports])


def best_of_size(loss: Smooth, k: int) -> tuple[np.ndarray, bool]:
    """Minimiser with at most k nonzeros by listing the supports, and whether no other does as well."""
    if k == 0:
        return np.zeros(loss.n), True
    supports = np.array(list(combinations(range(loss.n), k)))
    if loss.matrix is not None and loss.pull is not None:
        parts = on_supports(loss.matrix, loss.pull, supports)
        values = -0.5 * (loss.pull[supports] * parts).sum(axis=1)
        left = np.einsum("sij,sj->si", loss.matrix[supports[:, :, None], supports[:, None, :]], parts)
        if np.abs(left - loss.pull[supports]).max() > ENDLESS * np.abs(loss.pull).max():
            raise checks.no_minimiser()
    else:
        parts = np.array([least(loss.on(support), np.zeros(k)) for support in supports])
        values = np.array([loss.on(s).value(part) for s, part in zip(supports, parts, strict=True)])
    best = int(np.argmin(values))
    x = np.zeros(loss.n)
    x[supports[best]] = parts[best]
    spread = max(abs(float(values.max() - values.min())), 1e-15 * abs(float(values[best])))
    close = np.flatnonzero(values <= values[best] + 1e-12 * spread)
    others = np.zeros((len(close), loss.n))
    np.put_along_axis(others, supports[close], parts[close], axis=1)
    return x, bool(np.abs(others - x).max() <= 1e-9 * max(float(np.abs(x).max()), 1e-300))
