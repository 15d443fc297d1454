"""What all answers are judged by: losses of refitted supports and deviance on held-out rows, in plain NumPy.

The partial likelihood of Cox's model is Breslow's; on held-out rows its risk sets are of those rows alone.
"""

import numpy as np
from scipy import optimize, sparse, special


def loss_of(kind, y, eta):
    """Half the deviance of every row; of survival, of every event."""
    if kind == "squared":
        return 0.5 * (y - eta) ** 2
    if kind == "logistic":
        return np.logaddexp(0.0, eta) - y * eta
    if kind == "poisson":
        return np.exp(eta) - y * eta - (y - special.xlogy(y, y))
    if kind == "multinomial":
        return special.logsumexp(eta, axis=1) - np.take_along_axis(eta, y.astype(int)[:, None], 1)[:, 0]
    order, last, event = at_risk(y)
    eta = eta[order]
    return (np.logaddexp.accumulate(eta)[last] - eta)[event]


def at_risk(y):
    """Rows from the longest time to the shortest, the last row at risk with each, and which have an event."""
    order = np.argsort(-y[:, 0], kind="stable")
    time = y[order, 0]
    return order, np.searchsorted(-time, -time, side="right") - 1, y[order, 1] > 0


def null(kind, y):
    """Linear predictor of the model without columns."""
    if kind == "multinomial":
        return np.log(np.bincount(y.astype(int)) / len(y))
    if kind == "cox":
        return 0.0
    return {"squared": float, "logistic": special.logit, "poisson": np.log}[kind](y.mean())


def explained(kind, train, y, eta):
    """Sums of half the deviance on held-out rows: of the model, and of the training rows' null model."""
    empty = np.broadcast_to(null(kind, train), eta.shape)
    return float(loss_of(kind, y, eta).sum()), float(loss_of(kind, y, empty).sum())


def plain(kind, y, eta):
    """What else is said of held-out rows: the share of wrong classes, or the concordance; None for other losses."""
    if kind == "logistic":
        return float(np.mean((eta > 0) != (y > 0)))
    if kind == "multinomial":
        return float(np.mean(eta.argmax(1) != y))
    return concordance(y, eta) if kind == "cox" else None


def concordance(y, eta):
    """Share of comparable pairs (one has the event while the other is still seen) that eta ranks right; ties half."""
    time, event = y[:, 0], y[:, 1] > 0
    right = pairs = 0.0
    for i in np.flatnonzero(event):
        later = time > time[i]
        right += np.sum(eta[i] > eta[later]) + 0.5 * np.sum(eta[i] == eta[later])
        pairs += later.sum()
    return float(right / pairs)


def refit(question, X, y, support):
    """Loss and ridge of the best coefficients on a support, the ridge on columns of unit deviation."""
    A = X[:, sorted(support)]
    A = A.toarray() if sparse.issparse(A) else np.array(A)
    A = A - A.mean(0)
    scale = A.std(0)
    A = A[:, scale > 0] / scale[scale > 0]
    kind, l2 = question["loss"], question["l2"]
    if kind == "squared":
        t = y - y.mean()
        fit = optimize.nnls if question["nonnegative"] else lambda Z, v: np.linalg.lstsq(Z, v, rcond=None)
        coef = fit(A, t)[0] if A.shape[1] else np.zeros(0)
        return float(0.5 * np.mean((t - A @ coef) ** 2))
    return newton(*{"multinomial": classes, "cox": hazards}.get(kind, counts)(kind, A, y, l2))


def newton(value, slopes, b):
    """Least value of a convex function from its gradient and Hessian, by damped Newton steps."""
    now = value(b)
    for _ in range(200):
        gradient, hessian = slopes(b)
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        size = 1.0
        with np.errstate(over="ignore"):
            while size > 1e-9 and not value(b - size * step) <= now:
                size /= 2
        b, before = b - size * step, now
        now = value(b)
        if before - now <= 1e-14 * max(abs(now), 1e-300) or size <= 1e-9:
            break
    return now


def counts(kind, A, y, l2):
    """Mean loss of a generalised linear model with one output, its last coefficient the intercept."""
    n = len(y)
    ridge = np.append(np.full(A.shape[1], 2.0 * l2), 0.0)
    A = np.column_stack([A, np.ones(n)])
    mean = {"logistic": special.expit, "poisson": np.exp}[kind]

    def value(b):
        return float(loss_of(kind, y, A @ b).mean() + 0.5 * ridge @ b**2)

    def slopes(b):
        mu = mean(A @ b)
        curvature = mu * (1 - mu) if kind == "logistic" else mu
        return A.T @ (mu - y) / n + ridge * b, (A.T * curvature) @ A / n + np.diag(ridge)

    return value, slopes, np.append(np.zeros(A.shape[1] - 1), null(kind, y))


def classes(kind, A, y, l2):
    """Mean multinomial loss, a block of coefficients a class, the last of each block the intercept."""
    n, outputs = len(y), int(y.max()) + 1
    A = np.column_stack([A, np.ones(n)])
    k = A.shape[1]
    ridge = np.tile(np.append(np.full(k - 1, 2.0 * l2), 0.0), outputs)
    indicators = np.eye(outputs)[y.astype(int)]

    def value(b):
        return float(loss_of(kind, y, A @ b.reshape(outputs, k).T).mean() + 0.5 * ridge @ b**2)

    def slopes(b):
        share = special.softmax(A @ b.reshape(outputs, k).T, axis=1)
        hessian = np.zeros((outputs, k, outputs, k))
        for c in range(outputs):
            for d in range(outputs):
                hessian[c, :, d] = (A.T * (share[:, c] * ((c == d) - share[:, d]))) @ A / n
        gradient = ((share - indicators).T @ A).ravel() / n
        return gradient + ridge * b, hessian.reshape(outputs * k, outputs * k) + np.diag(ridge)

    start = np.zeros((outputs, k))
    start[:, -1] = null(kind, y)
    return value, slopes, start.ravel()


def hazards(kind, A, y, l2):
    """Breslow's partial likelihood, negative logarithm over the number of events."""
    order, last, event = at_risk(y)
    B, last, events = A[order], last[event], event.sum()
    ridge = np.full(A.shape[1], 2.0 * l2)

    def value(b):
        return float(loss_of(kind, y, A @ b).sum() / events + 0.5 * ridge @ b**2)

    def slopes(b):
        eta = B @ b
        weight = np.exp(eta - eta.max())
        whole = np.cumsum(weight)[last]
        mean = np.cumsum(weight[:, None] * B, axis=0)[last] / whole[:, None]
        # each row's weight in all risk sets that hold it, by which the second moments need no array a set
        shares = weight * np.cumsum(np.bincount(last, 1 / whole, len(B))[::-1])[::-1]
        hessian = (B.T * shares) @ B - mean.T @ mean
        return (mean - B[event]).sum(0) / events + ridge * b, hessian / events + np.diag(ridge)

    return value, slopes, np.zeros(A.shape[1])
