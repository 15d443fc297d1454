"""Minimisers of convex losses over sets that are not convex: below a concave function of the sizes of the variables."""

from itertools import combinations, product

import numpy as np

from ..penalties import Folded, Separable
from .constrained import Smooth, minimise, on_face, on_supports
from .regions import Face, Spikes, Weighted

ALL_SUPPORTS = 1023  # of ten variables; beyond, as many are drawn
STARTS = 24  # of searches whose steps are convex problems of their own
STEPS = 40
EDGE = 2000  # points on a quarter of the plane's ball
TRIANGLE = 140  # intervals on an eighth of the ball in space
POLISHED = 40


def on_spikes(loss: Smooth, ball: Spikes, rng) -> tuple[np.ndarray, bool | None, str]:
    """Minimiser on a ball of order below 1, whether it is the only one as far as known, and how sure that is."""
    found = []
    if loss.n <= 3:
        found += _scan(loss, ball)
    elif loss.matrix is not None and loss.pull is not None:
        from .._kernels.homotopy import tangents_to

        x, starts = np.zeros(loss.n), support_starts(loss.matrix, loss.pull, rng)
        tangents_to(loss.matrix, loss.pull, ball.p, ball.radius**ball.p, starts, x)
        found.append(x)
    else:
        found += [_follow(loss, ball, start) for start in _drawn(loss.n, STARTS, rng)]
    points = [_polished(loss, ball, x) for x in found]
    values = np.array([loss.value(x) for x in points])
    best = int(np.argmin(values))
    if loss.n > 3:
        return points[best], None, "best of starts"
    spread = max(float(np.ptp(values)), 1e-12 * abs(float(values[best])), 1e-300)
    near = [x for x, value in zip(points, values, strict=True) if value <= values[best] + 1e-9 * spread]
    alone = max(np.abs(x - points[best]).max() for x in near) <= 1e-6 * ball.radius
    return points[best], bool(alone), "scan"


def under(loss: Smooth, face: Face, penalty: Folded, rng) -> np.ndarray:
    """Best point found under a budget of a folded penalty."""
    points = [_polished(loss, face, _follow_folded(loss, face, penalty, s)) for s in _drawn(loss.n, STARTS, rng)]
    points.append(np.zeros(loss.n))
    return min(points, key=loss.value)


def support_starts(H, q, rng: np.random.Generator) -> np.ndarray:
    """Minimisers of a quadratic on every support, or on as many as ten variables have: rows of shape (n,)."""
    n = len(q)
    chosen = _supports(n, ALL_SUPPORTS, rng)
    starts = np.zeros((len(chosen), n))
    sizes = chosen.sum(axis=1)
    for k in range(1, n + 1):
        rows = np.flatnonzero(sizes == k)
        if not rows.size:
            continue
        columns = np.array([np.flatnonzero(chosen[row]) for row in rows])
        starts[rows[:, None], columns] = on_supports(H, q, columns)
    return starts


def _supports(n, most, rng) -> np.ndarray:
    if 2**n - 1 <= most:
        return np.array(list(product([False, True], repeat=n)))[1:]
    drawn = rng.random((most, n)) < rng.random((most, 1))
    drawn[~drawn.any(axis=1)] = True
    return drawn


def _drawn(n, most, rng) -> np.ndarray:
    """Starts of random signs and sizes; half of them on fewer variables."""
    starts = rng.normal(size=(most, n)) * rng.gamma(1.0, size=(most, n))
    starts[most // 2 :] *= _supports(n, most, rng)[: most - most // 2] if n > 4 else 1.0
    starts[~starts.any(axis=1)] = 1.0
    return starts


def _follow(loss: Smooth, ball: Spikes, start) -> np.ndarray:
    """Tangent steps on the support of a start, each over a weighted l1 ball inside the set."""
    x = start * (1.0 / ball.spent(start)) ** (1.0 / ball.p)
    for _ in range(STEPS):
        support = np.flatnonzero(x)
        weights = np.abs(ball.slope(x)[support])
        room = 1.0 - ball.spent(x) + float(weights @ np.abs(x[support]))
        part, _ = minimise(loss.on(support), Weighted(Separable(l1=weights), support.size, room), x[support])
        after = np.zeros(loss.n)
        after[support] = part
        settled = np.abs(after - x).max() <= 1e-7 * np.abs(x).max()
        x = after
        wider = _widened(loss, ball, x) if settled else None
        if settled and wider is None:
            return x
        x = x if wider is None else wider
    return x


def _widened(loss: Smooth, face: Face, x) -> np.ndarray | None:
    """One more variable where budget is left, which no minimiser leaves unless its slope is 0; None if none is."""
    gradient = np.where(x == 0, loss.gradient(x), 0.0)
    j = int(np.abs(gradient).argmax())
    if face.tight(x) or abs(gradient[j]) <= 1e-9 * float(np.abs(loss.gradient(np.zeros(loss.n))).max()):
        return None
    value, step = loss.value(x), -gradient[j] / max(float(loss.hessian(x)[j, j]), 1e-300)
    after = x.copy()
    for _ in range(200):
        after[j] = step
        if face.spent(after) < face.budget and loss.value(after) < value:
            return after
        step *= 0.5
    return None


def _follow_folded(loss: Smooth, face: Face, penalty: Folded, start) -> np.ndarray:
    """The same under a folded penalty, whose slope at 0 is finite or keeps what is 0 there."""
    base, size = penalty.base, 1.0
    x = np.clip(start, penalty.lower, penalty.upper)
    while penalty.value(size * x) > face.budget:
        size *= 0.8
    x = size * x
    for _ in range(STEPS):
        low, high = penalty.subdifferential(np.where(x == 0, 1e-300, x))
        low_base, high_base = base.subdifferential(np.where(x == 0, 1e-300, x))
        weights = np.abs(np.where(np.isfinite(low), low, high) - np.where(np.isfinite(low_base), low_base, high_base))
        moving = np.flatnonzero(weights < 1e100)
        if not moving.size:
            break
        w, now = weights[moving], np.abs(x[moving])
        room = face.budget - float(penalty.concave_value(x).sum()) + float(w @ now)
        limits = (np.broadcast_to(np.asarray(limit, float), loss.n)[moving] for limit in (base.lower, base.upper))
        l1, l2 = (np.broadcast_to(np.asarray(s, float), loss.n)[moving] for s in (base.l1, base.l2))
        tangent = Weighted(Separable(0.0, l1 + w, l2, *limits), moving.size, room)
        part, _ = minimise(loss.on(moving), tangent, x[moving])
        after = np.zeros(loss.n)
        after[moving] = part
        settled = np.abs(after - x).max() <= 1e-7 * max(float(np.abs(x).max()), 1e-300)
        x = after
        wider = _widened(loss, face, x) if settled else None
        if settled and wider is None:
            return x
        x = x if wider is None else wider
    return x


def _polished(loss: Smooth, face: Face, x) -> np.ndarray:
    """Newton's method on the surface of the support, where it stays in the set and does no worse."""
    after = on_face(loss, face, x)
    kept = (np.sign(after) == np.sign(x)).all() and face.spent(after) <= face.budget * (1.0 + 1e-12)
    return after if kept and loss.value(after) <= loss.value(x) + 1e-9 * abs(loss.value(x)) else x


def _scan(loss: Smooth, ball: Spikes) -> list[np.ndarray]:
    """Lowest points among their neighbours on a fine grid of the boundary, and the lowest of every support."""
    n, rounds = loss.n, {1: 1, 2: EDGE, 3: TRIANGLE}[loss.n]
    shares = np.array([s for s in product(range(rounds + 1), repeat=n - 1) if sum(s) <= rounds], float).reshape(
        -1, n - 1
    )
    shares = np.column_stack([shares, rounds - shares.sum(axis=1)])
    sizes = ball.radius * (shares / rounds) ** (1.0 / ball.p)
    places = tuple(shares[:, :-1].astype(int).T)
    found = []
    for signs in product([1.0, -1.0], repeat=n):
        points = sizes * np.array(signs)
        values = np.array([loss.value(x) for x in points]) if loss.many is None else loss.many(points)
        grid = np.full([rounds + 3] * (n - 1), np.inf)
        if n > 1:
            grid[tuple(place + 1 for place in places)] = values
        lowest = np.ones(len(values), bool)
        for shift in product((-1, 0, 1), repeat=n - 1):
            if any(shift) and n > 1 and abs(sum(shift)) < 2:
                lowest &= values <= grid[tuple(p + 1 + s for p, s in zip(places, shift, strict=True))]
        for k in range(1, n + 1):
            for support in combinations(range(n), k):
                rows = np.flatnonzero((shares[:, support] > 0).all(axis=1) & ((shares > 0).sum(axis=1) == k))
                lowest[rows[np.argmin(values[rows])]] = True
        found += [(values[row], points[row]) for row in np.flatnonzero(lowest)]
    found.sort(key=lambda pair: pair[0])
    return [point for _, point in found[:POLISHED]]
