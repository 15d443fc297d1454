"""Stability selection: how often a column is chosen when the rows are drawn again."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .. import _checks as checks
from .. import _threads as threads
from .._progress import Clock
from ..result import Table
from .keywords import QUESTION, known
from .resampling import Choice, Rows, chosen_units, seeds, unit_labels
from .subset import problem_of

DRAWS = ("pairs", "bootstrap")


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    r"""How often each column (or group) was chosen.

    Attributes
    ----------
    names : tuple of str
        Columns, or groups, that were offered: neither forced nor forbidden nor constant.
    frequency : ndarray of shape (n_names,)
        Share of the samples in which each was chosen.
    both : ndarray of shape (n_names,) or None
        Share of the pairs in both halves of which each was chosen; None for bootstrap samples.
    n_draws : int
        Pairs, or bootstrap samples, that were finished.
    size : float
        Mean number chosen, forced ones not counted.
    threshold : float
        Frequency from which on a column counts as stable.
    interrupted : bool
        Whether Ctrl-C or the time limit ended the draws early.
    """

    names: tuple[str, ...]
    frequency: np.ndarray
    both: np.ndarray | None
    n_draws: int
    size: float
    threshold: float
    interrupted: bool = False

    @property
    def selected(self) -> tuple[str, ...]:
        """Columns at or above the threshold, the most frequent first."""
        return tuple(self.names[j] for j in self._order() if self.frequency[j] >= self.threshold - 1e-12)

    @property
    def chance(self) -> float:
        r""":math:`\theta = q/p`: how often a column would be chosen if all were chosen alike."""
        return self.size / max(len(self.names), 1)

    def bound(self, threshold: float | None = None, unimodal: bool = False) -> float | None:
        r"""Bound on the expected number of columns at or above a threshold that are chosen less often than chance.

        With q the mean size, p the number of columns, :math:`\theta = q/p` and B pairs it is, without any assumption,

        .. math:: \frac{q^2}{(2\tau - 1)\, p},

        and, where the share of pairs that choose a column in both halves is unimodally distributed and
        :math:`\theta \le 1/\sqrt 3`,

        .. math:: C\,q, \qquad C = \frac{\theta}{2(2\tau - 1 - 1/(2B))} \text{ up to } \tau = 3/4, \qquad
           C = \frac{4\theta(1 - \tau + 1/(2B))}{1 + 1/B} \text{ beyond.}

        Parameters
        ----------
        threshold : float, optional
            In (0.5, 1]; that of the call by default.
        unimodal : bool, default=False

        Returns
        -------
        float or None
            None where the bound does not hold: bootstrap samples, thresholds out of range, a mean size too large.
        """
        tau, p, pairs = self.threshold if threshold is None else threshold, len(self.names), self.n_draws
        if self.both is None or not 0.5 < tau <= 1.0 or p == 0:
            return None
        theta = self.chance
        plain = self.size * theta / (2.0 * tau - 1.0)
        if not unimodal:
            return min(plain, float(p))
        least = min(0.5 + theta**2, 0.5 + 0.5 / pairs + 0.75 * theta**2)
        if theta > 1.0 / sqrt(3.0) or tau <= least or 2.0 * tau - 1.0 <= 0.5 / pairs:
            return None
        if tau <= 0.75:
            share = theta / (2.0 * (2.0 * tau - 1.0 - 0.5 / pairs))
        else:
            share = 4.0 * theta * (1.0 - tau + 0.5 / pairs) / (1.0 + 1.0 / pairs)
        return min(share * self.size, float(p))

    @property
    def statement(self) -> str:
        """The bound in words."""
        count = f"{len(self.selected)} of {len(self.names)} are chosen in at least {self.threshold:g} of the samples."
        plain, unimodal = self.bound(), self.bound(unimodal=True)
        if plain is None:
            return f"{count} Bootstrap frequencies carry no bound on false selections."
        text = (
            f"{count} On average at most {plain:.3g} columns get there that are chosen less often than chance "
            f"(in {self.size:.3g}/{len(self.names)} of the samples), whatever the data"
        )
        shape = "" if unimodal is None else f"; at most {unimodal:.3g} if the shares of pairs are unimodal"
        return f"{text}{shape}."

    def plot(self, ax=None, **options):
        """Draw the frequencies with matplotlib; needs the extra ``plot``.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of `ellzero.plot.stability`.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        """
        from .. import plot

        return plot.stability(self, ax=ax, **options)

    def _order(self) -> np.ndarray:
        return np.argsort(-self.frequency, kind="stable")

    def table(self) -> Table:
        """One row a column, the most frequent first."""
        head = ["column", "frequency", *([] if self.both is None else ["both halves"]), "stable"]
        rows = []
        for j in self._order():
            shares = [float(self.frequency[j]), *([] if self.both is None else [float(self.both[j])])]
            rows.append([self.names[j], *shares, "yes" if self.names[j] in self.selected else ""])
        return Table(head, rows)

    def __str__(self) -> str:
        early = f"\nThe draws ended early, after {self.n_draws}." if self.interrupted else ""
        return f"{self.table()}\n{self.statement}{early}"


@known(*QUESTION, "l0")
def stability(
    X,
    y,
    *,
    k=None,
    criterion=None,
    n_draws=50,
    draws="pairs",
    threshold=0.9,
    loss="squared",
    sample_weight=None,
    solver="exchange",
    gap=1e-6,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
    **question,
) -> Stability:
    r"""How often each column is chosen on other samples of the rows.

    Parameters
    ----------
    X, y
        As in `best_subset`.
    k : int, optional
        Columns (groups, where there are groups) that each sample chooses; with a criterion the largest size.
    criterion : {"bic", "ebic", "aic", "aicc", "gic", "cp", "adjr2"}, optional
        What chooses the size on each sample, among those of the path. Without `k` and `criterion`: BIC, or EBIC where
        columns outnumber the rows of a sample.
    n_draws : int, default=50
        Pairs, or bootstrap samples, >= 1.
    draws : {"pairs", "bootstrap"}, default="pairs"
        ``pairs``: two disjoint halves of the rows a draw. ``bootstrap``: as many rows as there are, with replacement.
    threshold : float in (0, 1], default=0.9
        Frequency from which on a column counts as stable.
    loss, sample_weight
        As in `best_subset`.
    solver : str or Solver, default="exchange"
        What chooses on each sample; the swap search proves nothing, and is fast.
    gap : float, default=1e-6
        As in `best_subset`.
    time_limit : float, default=60.0
        Seconds; at the limit, and at Ctrl-C, the draws that are finished count.
    n_jobs : int, default=1
        Threads of the search and of linear algebra; the answer does not depend on it.
    random_state : int, Generator or None, default=None
        Seed of the draws and of the searches.
    on_progress : callable, optional
        Receives an `Event` now and then.
    **question
        l1, l2, lower, upper, groups, forced, forbidden, constraints, offset, fit_intercept, standardize, as in
        `best_subset`; and names, of the columns, where X does not bring its own.

    Returns
    -------
    Stability

    Raises
    ------
    ArgumentError, DataError, InfeasibleError, UnsupportedError
        As in `best_subset`; a sample of the rows may lack what all rows have, such as both classes.

    Notes
    -----
    The bound counts columns that are chosen on half of the rows with a probability below :math:`q/p`. Under the
    assumptions of Meinshausen and Bühlmann (columns without effect are exchangeable, and chosen no more often than at
    random) these contain all columns without effect, and the bound is one on false selections.

    References
    ----------
    Meinshausen & Bühlmann (2010), "Stability selection", JRSS B 72; Shah & Samworth (2013), "Variable selection with
    error control: another look at stability selection", JRSS B 75, theorems 1 and 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 12))
    >>> y = 2 * X[:, 3] - X[:, 7] + 0.5 * rng.normal(size=80)
    >>> found = stability(X, y, k=3, n_draws=20)
    >>> found.selected
    ('x3', 'x7')
    >>> round(found.bound(), 2), round(found.bound(unimodal=True), 2)
    (0.94, 0.36)
    """
    checks.no_price("stability", question.get("l0"))
    n_draws = checks.integer_in("n_draws", n_draws, 1, 10**6)
    checks.one_of("draws", draws, DRAWS)
    threshold = checks.share("threshold", threshold)
    options = {"sample_weight": sample_weight, "loss": loss}
    data = Rows.of(X, y, sample_weight, loss, question)
    checks.enough_to_halve(data.counted.size)
    full = problem_of(X, y, k=k if criterion is None else None, **options, **question)
    choice = Choice.of(k, criterion, solver, checks.fraction("gap", gap), _seed(random_state), threads.number(n_jobs))
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    offered = np.flatnonzero(full.usable & ~full.rules.forced)
    counts, together, n_samples = np.zeros(full.rules.n_units), np.zeros(full.rules.n_units), 0
    done = 0
    with threads.limit(n_jobs):
        try:
            for rng in seeds(random_state, n_draws):
                clock.tick("stability", message=f"draw {done + 1} of {n_draws}", done=done, total=n_draws)
                found = [_chosen(data, choice, rows, clock) for rows in _samples(data, draws, rng)]
                if clock.interrupted and not done:
                    raise KeyboardInterrupt
                if clock.interrupted or (clock.expired and done):
                    break  # a search that was cut short is not what the others are
                counts += sum(found)
                together += np.prod(found, axis=0)
                n_samples += len(found)
                done += 1
        except KeyboardInterrupt:
            if not done:
                raise
    frequency = counts / max(n_samples, 1)
    names = unit_labels(full, offered)
    both = together[offered] / max(done, 1) if draws == "pairs" else None
    size = float(counts[offered].sum() / max(n_samples, 1))
    return Stability(names, frequency[offered], both, done, size, threshold, done < n_draws)


def _seed(random_state) -> int:
    """One seed for all searches: where they begin must not differ from draw to draw."""
    return 0 if random_state is None or isinstance(random_state, np.random.Generator) else random_state


def _samples(data: Rows, draws: str, rng: np.random.Generator):
    """Rows, and how often each counts, of the samples of one draw."""
    rows = data.counted
    if draws == "bootstrap":
        times = np.bincount(rng.integers(rows.size, size=rows.size), minlength=rows.size)
        return [(rows[times > 0], times[times > 0])]
    half = rows.size // 2
    order = rng.permutation(rows)
    return [(np.sort(part), np.ones(half)) for part in (order[:half], order[half : 2 * half])]


def _chosen(data: Rows, choice: Choice, sample, clock: Clock) -> np.ndarray:
    """1 for each unit that one sample chooses, else 0."""
    rows, times = sample
    problem = data.problem(rows, data.weight[rows] * times)
    result = choice.make(problem, clock)
    inside = np.zeros(problem.rules.n_units)
    inside[chosen_units(problem, result)] = 1.0
    return inside
