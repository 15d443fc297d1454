"""The answer: coefficients with their proof, and the tables that show them."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

import numpy as np

from . import _checks as checks
from ._progress import Moment
from .certificate import Certificate
from .criteria import Sample, evaluate
from .losses import Multinomial
from .operators import as_operator
from .operators.adapters import as_vector
from .problem import relative_gap


class Status(Enum):
    """How far the search got; each value has its sentence."""

    OPTIMAL = "optimal"
    TIME_LIMIT = "time limit"
    NODE_LIMIT = "node limit"
    INTERRUPTED = "interrupted"
    HEURISTIC = "heuristic"
    NOT_CONVERGED = "not converged"

    @property
    def sentence(self) -> str:
        """What the status means, for people."""
        return _SENTENCES[self]


_UNFINISHED = "the answer is the best found, the gap is what is left to prove."
_SENTENCES = {
    Status.OPTIMAL: "No other support does better, up to the gap.",
    Status.TIME_LIMIT: f"The time limit ended the search; {_UNFINISHED}",
    Status.NODE_LIMIT: f"The node limit ended the search; {_UNFINISHED}",
    Status.INTERRUPTED: f"The search was interrupted; {_UNFINISHED}",
    Status.HEURISTIC: "No exhaustive search was made; the answer may be improvable; a gap is that of the root bound.",
    Status.NOT_CONVERGED: (
        "The search ended, but rounding or an iteration that did not settle kept the bound from the answer; "
        "the gap is what is left to prove."
    ),
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns, written in the forms people paste.

    Examples
    --------
    >>> print(Table(["size", "RSS"], [[1, 36.2], [2, 30.6]]).to_csv())
    size,RSS
    1,36.2
    2,30.6
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""

    def _tabulate(self, style: str) -> str:
        from tabulate import tabulate

        cells = [[shown(v) for v in row] for row in self.rows]
        sides = self._sides() if self.rows else None
        return tabulate(cells, self.columns, tablefmt=style, disable_numparse=True, colalign=sides)

    def _sides(self) -> list[str]:
        numeric = (isinstance(v, int | float | np.number) for v in self.rows[0])
        return ["right" if side else "left" for side in numeric]

    def to_text(self) -> str:
        """Plain text, columns aligned."""
        body = self._tabulate("simple")
        return f"{self.title}\n{body}" if self.title else body

    def to_markdown(self) -> str:
        """GitHub Markdown."""
        return self._tabulate("github")

    def to_latex(self) -> str:
        """A booktabs tabular."""
        return self._tabulate("latex_booktabs")

    def to_html(self) -> str:
        """One ``<table>`` element."""
        caption = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        head = "".join(f"<th>{html.escape(str(c))}</th>" for c in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(shown(v))}</td>" for v in row) + "</tr>" for row in self.rows
        )
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_csv(self) -> str:
        """Comma-separated values at full precision, without a final newline."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([["" if v is None else v for v in row] for row in self.rows])
        return out.getvalue().rstrip("\n")

    def to_dicts(self) -> list[dict[str, object]]:
        """One dictionary a row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()


def shown(value) -> str:
    """A cell as people read it: six significant digits, empty for None."""
    if value is None:
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return str(value)


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of a stepwise search: what entered or left, and the value after it."""

    k: int
    entered: tuple[str, ...]
    left: tuple[str, ...]
    value: float
    criterion: str


@dataclass(frozen=True, slots=True, eq=False)
class Closing:
    """How a search closed its gap: what it knew at each moment, the end among them.

    Attributes
    ----------
    elapsed : ndarray of shape (n_moments,)
        Seconds since the search began, increasing.
    objective : ndarray of shape (n_moments,)
        Value of the best answer so far, never increasing.
    lower_bound : ndarray of shape (n_moments,)
        Proven bound of every answer, never decreasing; 0 where nothing was proved yet.
    gap : ndarray of shape (n_moments,)
        ``(objective - lower_bound) / objective``.
    n_nodes : ndarray of shape (n_moments,)
        Nodes of the search tree opened so far.
    """

    elapsed: np.ndarray
    objective: np.ndarray
    lower_bound: np.ndarray
    gap: np.ndarray
    n_nodes: np.ndarray

    def table(self) -> Table:
        """One row a moment."""
        columns = (self.elapsed, self.objective, self.lower_bound, self.gap, self.n_nodes)
        rows = [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        return Table(["seconds", "objective", "lower bound", "gap", "nodes"], rows)

    def __str__(self) -> str:
        return str(self.table())


@dataclass(frozen=True, slots=True, eq=False)
class Proved:
    """What is proved of an objective.

    Attributes
    ----------
    lower_bound, gap : float or None
    proof : Certificate, callable or None
        The certificate, or what makes it when it is first asked for.
    """

    lower_bound: float | None = None
    gap: float | None = None
    proof: Certificate | Callable[[], Certificate] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A support, its coefficients, and how sure they are.

    Attributes
    ----------
    coef : ndarray of shape (n_features,) or (n_features, n_outputs)
        Coefficients in data units, zero off the support; one column an output, or a class, where there are several.
    intercept : float or ndarray of shape (n_outputs,)
    support : ndarray of shape (n_nonzero,)
        Sorted indices of the columns that are in.
    k : int
        Units in (columns, or groups where there are groups).
    objective : float
        Loss plus penalties.
    loss : float
        Half the weighted mean deviance.
    proved : Proved or callable
        What is proved of the objective, or what finds it out when it is first asked for: where no proof was asked for,
        a bound may take longer than the search.
    status : Status
    n_nodes : int
        Nodes of the search tree.
    elapsed : float
        Seconds.
    names : tuple of str
        Names of all columns.
    described : Sample or callable
        What the criteria need to know of the data, or what finds it out when it is first asked for.
    solver : str
    trace : tuple of TraceStep
        Steps of a stepwise search.
    notes : tuple of str
        What the answer rests on, where no certificate says it.
    outputs : tuple of str
        Names of the outputs, or classes, where coefficients have a column for each.
    moments : tuple of Moment
        What a search that bounds knew on its way.
    """

    coef: np.ndarray
    intercept: float | np.ndarray
    support: np.ndarray
    k: int
    objective: float
    loss: float
    proved: Proved | Callable[[], Proved]
    status: Status
    n_nodes: int
    elapsed: float
    names: tuple[str, ...]
    described: Sample | Callable[[], Sample]
    solver: str
    trace: tuple[TraceStep, ...] = field(default=())
    notes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()

    @cached_property
    def _proved(self) -> Proved:
        return self.proved() if callable(self.proved) else self.proved

    @property
    def lower_bound(self) -> float | None:
        """Proven bound of the objective; None where nothing is known."""
        return self._proved.lower_bound

    @property
    def gap(self) -> float | None:
        """``(objective - lower_bound) / objective``; None where nothing is known."""
        return self._proved.gap

    @property
    def proof(self) -> Certificate | Callable[[], Certificate] | None:
        """The certificate, or what makes it; None where nothing is proved."""
        return self._proved.proof

    @cached_property
    def certificate(self) -> Certificate | None:
        """The proof, for anyone who has the data; None where nothing is proved."""
        return self.proof() if callable(self.proof) else self.proof

    def without_data(self) -> Result:
        """The result without what holds the data: its certificate, and a bound that nobody has asked for yet."""
        known = self.__dict__.get("_proved", None if callable(self.proved) else self.proved)
        proved = Proved() if known is None else Proved(known.lower_bound, known.gap)
        return replace(self, proved=proved, described=self.sample)

    @cached_property
    def sample(self) -> Sample:
        """What the criteria need to know of the data."""
        return self.described() if callable(self.described) else self.described

    def __getstate__(self):  # what makes a certificate, or a sample, holds the data
        proved = Proved(self.lower_bound, self.gap, self.certificate)
        return {**self.__dict__, "proved": proved, "_proved": proved, "described": self.sample}

    @property
    def n_samples(self) -> float:
        """Sum of the weights."""
        return self.sample.n_samples

    @property
    def n_parameters(self) -> int:
        """Coefficients in and those of the intercept, as far as they are free: of C classes, C - 1 are."""
        return self.sample.n_parameters(int(self.support.size))

    @property
    def names_in_support(self) -> tuple[str, ...]:
        return tuple(self.names[j] for j in self.support)

    @property
    def standardized(self) -> np.ndarray:
        r"""Coefficients times the standard deviations of their columns: :math:`\beta_j s_j`, of the shape of `coef`.

        What a column does to the linear predictor when it grows by one standard deviation, so columns in different
        units can be compared; the deviation is weighted, and about zero where there is no intercept.
        """
        return (self.coef.T * self.sample.deviations).T

    def closing(self) -> Closing:
        """What the search knew at each moment: best answer, proven bound, the gap between them.

        Returns
        -------
        Closing
            Moments lie ever further apart, so that an hour is told in some hundred; the last one is the end.

        Raises
        ------
        DataError
            The search that gave this result keeps no bounds on its way.

        Examples
        --------
        >>> from ellzero import best_subset
        >>> X = np.random.default_rng(0).normal(size=(60, 30))
        >>> y = X[:, :9].sum(axis=1) + np.random.default_rng(1).normal(size=60)
        >>> closing = best_subset(X, y, k=4, l2=0.037, solver="branch").closing()
        >>> bool(closing.gap[0] >= closing.gap[-1]), bool(closing.gap[-1] <= 1e-6)
        (True, True)
        """
        if not self.moments or self.lower_bound is None:
            raise checks.no_moments(self.solver)
        known = [m for m in self.moments if m.elapsed < self.elapsed]
        elapsed = np.array([*(m.elapsed for m in known), self.elapsed])
        # the search reckons a little less cautiously than the proof: no moment claims more than the end
        objective = np.array([*(max(m.objective, self.objective) for m in known), self.objective])
        lower = np.array([*(min(m.lower_bound, self.lower_bound) for m in known), self.lower_bound])
        objective, lower = np.minimum.accumulate(objective), np.maximum.accumulate(lower)
        gap = [relative_gap(a, b, self.sample.null_loss) for a, b in zip(objective, lower, strict=True)]
        n_nodes = np.array([*(m.n_nodes for m in known), self.n_nodes])
        return Closing(elapsed, objective, lower, np.array(gap), n_nodes)

    def plot(self, kind: str = "coefficients", ax=None, **options):
        """Draw the result with matplotlib; needs the extra ``plot``.

        Parameters
        ----------
        kind : {"coefficients", "gap"}, default="coefficients"
            The coefficients, or how the search closed its gap.
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of `ellzero.plot.coefficients` and `ellzero.plot.gap`.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        ArgumentError, DataError, UnsupportedError
            As the two raise.
        MissingExtraError
            matplotlib is not installed.
        """
        from . import plot

        kinds = {"coefficients": plot.coefficients, "gap": plot.gap}
        return kinds[checks.one_of("kind", kind, tuple(kinds))](self, ax=ax, **options)

    def criterion(self, name: str) -> float:
        """Information criterion of the model; the formulas are in `ellzero.criteria`."""
        return evaluate(name, self.loss, int(self.support.size), self.sample)

    def decision_function(self, X, offset=None) -> np.ndarray:
        """Linear predictor of each row of X, plus an offset where one is given; one column an output."""
        op, names = as_operator(X)
        checks.same_columns(op.shape[1], names, self.names)
        eta = op.forward(self.coef) + self.intercept
        return eta if offset is None else (eta.T + as_vector("offset", offset, op.shape[0])).T

    def predict(self, X, offset=None) -> np.ndarray:
        """Mean response of each row of X; of classes the likelier, 0 or 1 of two; for Cox the relative hazard."""
        loss = self.sample.loss
        mean = loss.inverse_link(self.decision_function(X, offset))
        if isinstance(loss, Multinomial):
            return np.array(loss.labels)[mean.argmax(axis=1)]
        return (mean > 0.5).astype(int) if loss.classifies else mean

    def predict_proba(self, X, offset=None) -> np.ndarray:
        """Probabilities of classes 0 and 1, shape (n_samples, 2); of all classes for the multinomial loss."""
        if self.sample.loss.name not in ("logistic", "multinomial"):
            raise checks.no_probabilities(self.sample.loss.name)
        mean = self.sample.loss.inverse_link(self.decision_function(X, offset))
        return mean if mean.ndim == 2 else np.column_stack([1.0 - mean, mean])

    def formula(self, target: str = "y") -> str:
        """Fitted equation of the linear predictor; one a line where there are several outputs, under their names."""
        if self.outputs:
            return "\n".join(self._equation(name, *one) for name, *one in self._by_output())
        left = {
            "logistic": f"logit({target})",
            "poisson": f"log({target})",
            "gamma": f"log({target})",
            "cox": f"log hazard({target})",
            "squared_hinge": f"margin({target})",
        }.get(self.sample.loss.name, target)
        return self._equation(left, float(self.intercept), self.coef)

    def _by_output(self):
        return zip(self.outputs, np.asarray(self.intercept).tolist(), self.coef.T, strict=True)

    def _equation(self, left: str, intercept: float, coef) -> str:
        parts = [(intercept, "")] if self.sample.fit_intercept else []
        parts += [(float(coef[j]), f"*{self.names[j]}") for j in self.support]
        right = "".join(f" {'-' if value < 0 else '+'} {abs(value):.6g}{name}" for value, name in parts)
        first = f"-{right[3:]}" if right.startswith(" -") else right[3:]
        return f"{left} = {first or '0'}"

    def summary(self) -> Table:
        """Coefficients by name, one column an output where there are several."""
        rows = [["(intercept)", *np.atleast_1d(self.intercept).tolist()]] if self.sample.fit_intercept else []
        rows += [[self.names[j], *np.atleast_1d(self.coef[j]).tolist()] for j in self.support]
        return Table(["column", *(self.outputs or ("coefficient",))], rows)

    def _facts(self) -> list[str]:
        bound = "unknown" if self.gap is None else f"{100 * self.gap:.3g} %"
        lower = "" if self.lower_bound is None else f", lower bound {self.lower_bound:.10g}"
        proved = self.proof is not None and self.status is Status.OPTIMAL
        return [
            f"{self.k} of {len(self.names)} columns, objective {self.objective:.10g}{lower}",
            f"gap {bound}, {self.status.value} ({self.solver}, {self.n_nodes} nodes, {self.elapsed:.3g} s)",
            self.status.sentence + (" The certificate proves it." if proved else ""),
            *self.notes,
        ]

    def __repr__(self) -> str:
        gap = "unknown" if self.gap is None else f"{self.gap:.3g}"
        columns = ", ".join(self.names_in_support)
        return (
            f"Result(k={self.k}, objective={self.objective:.6g}, gap={gap}, {self.status.value}: {columns or 'none'})"
        )

    def __str__(self) -> str:
        return "\n".join([*self._facts(), "", str(self.summary())])

    def _repr_html_(self) -> str:
        facts = "".join(f"<p>{html.escape(fact)}</p>" for fact in self._facts())
        return facts + self.summary().to_html()
