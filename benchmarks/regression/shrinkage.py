"""A candidate for the default of `L0RegressorCV`: sizes beyond 20, and shrinkage on the supports that the search finds.

Selected coefficients are biased away from zero, the more the lower the signal: among many columns those are taken that
noise favours. So three strengths are chosen on the same folds,

    supports of every size k from a search with ridge l2,      l2 in RIDGES
    coefficients on each of them from a lasso with strength l1,  l1 = f max_j |x_j'y| / n, f in SHARES, 0 among them,

and the triple (k, l2, l1) with the least held-out error is fitted to all rows. Where the signal is high the choice is
l1 = 0 and a path that ends soon; where it is low, many columns with shrunken coefficients.
"""

import warnings

import numpy as np
from sklearn.linear_model import lasso_path
from sklearn.model_selection import KFold

RIDGES = (0.0, 3.0)  # none, and one under which the search is nearly a ranking of single columns
SHARES = np.array([0.8, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.02, 0.0])
LARGEST = 100


def sizes(n, p):
    """One by one up to forty, then every eighth."""
    most = min(p, LARGEST, (n - 1) // 4)
    return [*range(min(most, 40)), *range(40, most + 1, 8)]


def supports(X, y, wanted, l2):
    """Of every size wanted, by the swap search without bounds."""
    from ellzero._progress import Clock
    from ellzero.losses import SquaredError
    from ellzero.problem import Problem
    from ellzero.selection.path import solve_path

    problem = Problem.from_data(X, y, l2=l2, loss=SquaredError())
    path = solve_path(problem, wanted, Clock(600.0, None), None, 1e-6, 0, bounded=False)
    return dict(zip(path.sizes, (result.support for result in path), strict=True))


def fits(X, y, support, strengths):
    """Coefficients and intercept on a support for each l1, least squares last."""
    centre, scale = X[:, support].mean(0), X[:, support].std(0)
    Z = np.asfortranarray((X[:, support] - centre) / scale)
    t = y - y.mean()
    if len(support) == 0:
        return [(np.zeros(0), y.mean())] * len(strengths)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coefs = lasso_path(Z, t, alphas=strengths[:-1], precompute=True)[1]
    coefs = np.column_stack([coefs, np.linalg.lstsq(Z, t, rcond=None)[0]]) / scale[:, None]
    return [(coef, y.mean() - centre @ coef) for coef in coefs.T]


def fit(X, y, n_folds=5):
    """Coefficients and intercept."""
    n, p = X.shape
    wanted = sizes(n - -(-n // n_folds), p)
    strengths = SHARES * np.abs((X - X.mean(0)).T @ (y - y.mean()) / X.std(0)).max() / n
    errors = np.zeros((len(RIDGES), len(wanted), len(SHARES)))
    for train, test in KFold(n_folds, shuffle=True, random_state=0).split(X):
        A, t = np.asfortranarray(X[train]), y[train]
        for i, l2 in enumerate(RIDGES):
            found = supports(A, t, wanted, l2)
            for j, k in enumerate(wanted):
                if k not in found:
                    errors[i, j] = np.inf
                    continue
                B = X[np.ix_(test, found[k])]
                for m, (coef, intercept) in enumerate(fits(A, t, found[k], strengths)):
                    errors[i, j, m] += ((y[test] - B @ coef - intercept) ** 2).sum()
    i, j, m = np.unravel_index(errors.argmin(), errors.shape)
    support = supports(X, y, wanted, RIDGES[i])[wanted[j]]  # with the sizes beyond, whose sweeps help this one
    values, intercept = fits(X, y, support, strengths)[m]
    coef = np.zeros(p)
    coef[support] = values
    return coef, intercept
