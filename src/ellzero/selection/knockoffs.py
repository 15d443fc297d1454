r"""Knockoffs: as many made-up columns as there are real ones, which show how many a method picks by luck.

Why this is written here although a library exists: knockpy (MIT; 1.3.5 of July 2025 installs and runs with NumPy 2.4)
brings cvxpy with three convex solvers, loads in five seconds, and takes columns and response as they are: with a
response far from zero its fixed-X filter selects nothing. What is needed here is an eigendecomposition and a path, both
of which are at hand, and a statistic of this library's own. For knockoffs by semidefinite programs, of random columns
or of groups, take knockpy.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .. import _checks as checks
from .. import _threads as threads
from .._progress import Clock
from ..operators import as_operator
from ..operators.adapters import as_vector
from ..problem import Problem
from ..result import Table
from ..solvers.exchange import path_engine
from .keywords import known

STATISTICS = ("lasso", "l0")
LARGEST = 50  # sizes of the L0 path that are looked at
CONSTANT = 1e-9  # share of a column's norm that is left of it after centring, below which it does not vary
DEPENDENT = 1e-10  # least eigenvalue of the correlations below which columns count as dependent


@dataclass(frozen=True, slots=True, eq=False)
class Knockoffs:
    r"""Columns that beat their knockoffs.

    Attributes
    ----------
    names : tuple of str
        All columns.
    statistic : ndarray of shape (n_features,)
        W: how much earlier a column enters than its knockoff; negative where the knockoff enters earlier.
    threshold : float
        Columns whose W is at least this are selected; ``inf`` where none are.
    fdr : float
        The bound that was asked for.
    """

    names: tuple[str, ...]
    statistic: np.ndarray
    threshold: float
    fdr: float

    @property
    def support(self) -> np.ndarray:
        """Indices of the columns selected."""
        return np.flatnonzero(self.statistic >= self.threshold)

    @property
    def selected(self) -> tuple[str, ...]:
        """Names of the columns selected."""
        return tuple(self.names[j] for j in self.support)

    @property
    def estimate(self) -> float:
        """Share of the selected columns that are false, as the knockoffs estimate it; 0 where none is selected."""
        chosen = self.support.size
        return (1.0 + float((self.statistic <= -self.threshold).sum())) / chosen if chosen else 0.0

    @property
    def statement(self) -> str:
        """What is known, in words."""
        share = f"{100 * self.fdr:g} %"
        least = int(np.ceil(1.0 / self.fdr - 1e-9))
        few = "" if self.support.size else f" A bound of {share} takes {least} columns at least."
        return (
            f"{self.support.size} of {len(self.names)} columns are selected; on average at most {share} of such a "
            f"selection have no effect, if y is linear in these columns with normal errors of equal variance.{few}"
        )

    def table(self) -> Table:
        """One row a column, the largest W first."""
        order = np.argsort(-self.statistic, kind="stable")
        chosen = set(self.support.tolist())
        rows = [[self.names[j], float(self.statistic[j]), "yes" if j in chosen else ""] for j in order.tolist()]
        return Table(["column", "W", "selected"], rows)

    def __str__(self) -> str:
        return f"{self.table()}\n{self.statement}"


@known()
def knockoffs(
    X,
    y,
    *,
    fdr=0.1,
    statistic="lasso",
    k=None,
    fit_intercept=True,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
) -> Knockoffs:
    r"""Select columns such that on average at most a share of them is false.

    Beside the columns X, centred and of unit norm, with correlations :math:`\Sigma`, stand knockoffs

    .. math:: \tilde X = X (I - s \Sigma^{-1}) + \tilde U C, \qquad C^\top C = 2 s I - s^2 \Sigma^{-1}, \qquad
       s = \min(2 \lambda_{\min}(\Sigma), 1),

    with :math:`\tilde U` orthonormal and orthogonal to X: they correlate with each other, and with other columns, as
    the columns do. With :math:`Z_j` and :math:`\tilde Z_j` the strengths at which column and knockoff enter a path over
    all 2p, :math:`W_j = \max(Z_j, \tilde Z_j)\, \mathrm{sign}(Z_j - \tilde Z_j)`, and the columns with
    :math:`W_j \ge T` are selected,

    .. math:: T = \min\Bigl\{t > 0 : \frac{1 + \#\{j : W_j \le -t\}}{\max(1, \#\{j : W_j \ge t\})} \le q\Bigr\}
       \quad \text{(knockoff+)}.

    Parameters
    ----------
    X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)
        At least twice as many rows as columns, and one more for an intercept; the columns independent.
    y : array-like of shape (n_samples,)
    fdr : float in (0, 1), default=0.1
        q: bound on the expected share of false columns among those selected. No fewer than 1/q columns can be selected.
    statistic : {"lasso", "l0"}, default="lasso"
        Where a column enters: the largest l1 strength at which the lasso's coefficient is not zero, or the largest
        price of a column at which the penalised best subset has it, by the path engine without random kicks.
    k : int, optional
        Largest size of the L0 path; at most 50 by default. Columns that it does not reach have W = 0.
    fit_intercept : bool, default=True
    time_limit : float, default=60.0
        Seconds for the L0 path.
    n_jobs : int, default=1
        Threads of linear algebra.
    random_state : int, Generator or None, default=None
        Seed of the directions :math:`\tilde U`; another seed may select other columns.
    on_progress : callable, optional
        Receives an `Event` now and then.

    Returns
    -------
    Knockoffs

    Raises
    ------
    ArgumentError
        An option is outside its range.
    DataError
        Too few rows, or dependent columns.

    Notes
    -----
    The bound holds for the linear model with all p columns and independent normal errors of equal variance. Nearly
    dependent columns make s small, and knockoffs so like the columns that nothing is selected.

    References
    ----------
    Barber & Candès (2015), "Controlling the false discovery rate via knockoffs", Annals of Statistics 43, sections 2.1
    and 3.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 20))
    >>> y = X[:, :6] @ np.ones(6) + rng.normal(size=200)
    >>> knockoffs(X, y, fdr=0.2).selected
    ('x0', 'x1', 'x2', 'x3', 'x4', 'x5')
    """
    q = checks.open_share("fdr", fdr)
    checks.one_of("statistic", statistic, STATISTICS)
    op, names = as_operator(X)
    n, p = op.shape
    target = as_vector("y", y, n)
    checks.finite("y", target)
    columns = op.columns(np.arange(p))
    checks.finite("X", columns, names)
    if n < 2 * p + bool(fit_intercept):
        raise checks.too_few_for_knockoffs(n, p, bool(fit_intercept))
    rng, clock = checks.random_state(random_state), Clock(checks.positive("time_limit", time_limit), on_progress)
    if k is not None:
        k = checks.size("k", k, p)
    with threads.limit(n_jobs):
        sizes = np.linalg.norm(columns, axis=0)
        if fit_intercept:
            columns, target = columns - columns.mean(axis=0), target - target.mean()
        norms = np.linalg.norm(columns, axis=0)
        constant = norms <= CONSTANT * sizes
        if constant.any():
            raise checks.dependent_for_knockoffs([names[j] for j in np.flatnonzero(constant)])
        columns = columns / norms
        both = np.column_stack([columns, made(columns, names, bool(fit_intercept), rng)])
        entry = _lasso_entries(both, target) if statistic == "lasso" else _l0_entries(both, target, k, clock)
    W = np.maximum(entry[:p], entry[p:]) * np.sign(entry[:p] - entry[p:])
    return Knockoffs(names, W, threshold(W, q), q)


def made(columns: np.ndarray, names, centred: bool, rng: np.random.Generator) -> np.ndarray:
    """Equi-correlated knockoffs of columns of unit norm, orthogonal to a constant where the columns are."""
    n, p = columns.shape
    eigenvalues, vectors = np.linalg.eigh(columns.T @ columns)
    if eigenvalues[0] <= DEPENDENT:
        large = np.abs(vectors[:, 0]) > 0.1 * np.abs(vectors[:, 0]).max()
        raise checks.dependent_for_knockoffs([names[j] for j in np.flatnonzero(large)])
    s = min(2.0 * float(eigenvalues[0]), 1.0)
    within = np.column_stack([columns, np.ones(n)]) if centred else columns
    basis, _ = np.linalg.qr(within)
    free = rng.standard_normal((n, p))
    free, _ = np.linalg.qr(free - basis @ (basis.T @ free))
    free, _ = np.linalg.qr(free - basis @ (basis.T @ free))  # once more: rounding of the first time
    # the symmetric root: eigenvectors alone are free in their signs, and rounding would decide them
    root = (vectors * np.sqrt(np.maximum(2.0 * s - s * s / eigenvalues, 0.0))) @ vectors.T
    return columns - s * columns @ ((vectors / eigenvalues) @ vectors.T) + free @ root


def threshold(statistic: np.ndarray, q: float) -> float:
    """The knockoff+ threshold; ``inf`` where no selection meets the bound."""
    for t in np.unique(np.abs(statistic[statistic != 0])):
        if 1.0 + (statistic <= -t).sum() <= q * max(1.0, float((statistic >= t).sum())):
            return float(t)
    return float("inf")


def _lasso_entries(both: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Largest l1 strength at which each coefficient is not zero; 0 where there is none."""
    from sklearn.linear_model import lars_path

    unit = float(np.linalg.norm(target)) or 1.0  # it ends a path at an absolute size
    strengths, _, coef = lars_path(both, target / unit, method="lasso")
    inside = coef != 0
    first = inside.argmax(axis=1)
    return unit * np.where(inside.any(axis=1), strengths[np.maximum(first - 1, 0)], 0.0)


def _l0_entries(both: np.ndarray, target: np.ndarray, k: int | None, clock: Clock) -> np.ndarray:
    """Largest price at which each column is in the penalised best subset; 0 where there is none.

    Random kicks look at some columns and not at others, so that a column and its knockoff would not be treated alike.
    """
    problem = Problem.from_data(both, target, fit_intercept=False)
    most = min(both.shape[1] // 2, LARGEST) if k is None else k
    states = path_engine(problem, clock, effort=0).run(most)
    corners = []
    for size, state in states.items():
        if corners and state.value >= corners[-1][1]:
            continue
        while len(corners) > 1 and _price(corners[-2], corners[-1]) <= _price(corners[-1], (size, state.value)):
            corners.pop()
        corners.append((size, state.value))
    entry = np.zeros(both.shape[1])
    for before, after in pairwise(corners):
        units = list(states[after[0]].units)
        entry[units] = np.maximum(entry[units], _price(before, after))
    return entry


def _price(small: tuple[int, float], large: tuple[int, float]) -> float:
    """Price of a column at which two sizes tie."""
    return (small[1] - large[1]) / (large[0] - small[0])
