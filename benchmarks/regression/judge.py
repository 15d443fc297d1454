"""What all answers are judged by: losses of refitted supports and deviance on held-out rows, in plain NumPy."""

import numpy as np
from scipy import optimize, sparse, special


def loss_of(kind, y, eta):
    """Half the deviance of every row."""
    if kind == "squared":
        return 0.5 * (y - eta) ** 2
    if kind == "logistic":
        return np.logaddexp(0.0, eta) - y * eta
    return np.exp(eta) - y * eta - (y - special.xlogy(y, y))


def null(kind, y):
    """Linear predictor of the model without columns."""
    return {"squared": float, "logistic": special.logit, "poisson": np.log}[kind](y.mean())


def explained(kind, train, y, eta):
    """Sums of half the deviance on held-out rows: of the model, and of the training rows' null model."""
    return float(loss_of(kind, y, eta).sum()), float(loss_of(kind, y, np.full(len(y), null(kind, train))).sum())


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
    return newton(kind, np.column_stack([A, np.ones(len(y))]), y, l2)


def newton(kind, A, y, l2):
    """Least mean loss of a generalised linear model, its last column the intercept, by damped Newton steps."""
    n, ridge = len(y), np.append(np.full(A.shape[1] - 1, 2.0 * l2), 0.0)
    b = np.zeros(A.shape[1])
    b[-1] = null(kind, y)

    def value(b):
        return float(loss_of(kind, y, A @ b).mean() + 0.5 * ridge @ b**2)

    mean = {"logistic": special.expit, "poisson": np.exp}[kind]
    now = value(b)
    for _ in range(100):
        mu = mean(A @ b)
        curvature = mu * (1 - mu) if kind == "logistic" else mu
        gradient = A.T @ (mu - y) / n + ridge * b
        hessian = (A.T * curvature) @ A / n + np.diag(ridge)
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
