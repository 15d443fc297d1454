"""The root of an exact search, on the data themselves: products with the columns instead of a Gram matrix."""

import numpy as np

from .._kernels.node import FINEST
from .._kernels.relax import (
    COUNT_SLACK,
    FREE,
    IN,
    NOWHERE,
    PRICE_STEPS,
    Columns,
    bounded,
    descend,
    local_space,
)  # fmt: skip
from .._kernels.store import GOES_ON, LEAF, Log, Terms
from .._progress import Clock
from ..problem import Problem
from .evidence import Piece
from .subtree import LOCAL

ENTRY = 0.1  # violators below this share of the worst wait a round; each round is a pass over the data
FEW = 64  # columns left that need no further pass


class Root:
    """Working-set descent in residual form: products with the data instead of a Gram matrix.

    `known` are columns that are likely to be nonzero; it begins with them.
    """

    def __init__(self, problem: Problem, columns: Columns, state, terms: Terms, clock: Clock, known=()):
        self.problem, self.columns, self.state, self.terms, self.clock = problem, columns, state, terms, clock
        p = state.size
        self.local = local_space(p, min(p, LOCAL), terms.size)
        self.root_weight = np.sqrt(problem.weight)
        self.m = 0
        self.local.gradient[:] = problem.correlations
        likely = state == IN
        likely[list(known)] |= state[list(known)] == FREE
        self._admit(np.flatnonzero(likely))

    def _admit(self, new):
        """Make columns local; their products with each other are formed."""
        local, m = self.local, self.m
        new = new[: local.place.size - m]
        if new.size == 0:
            return
        m_new = m + new.size
        local.place[m:m_new], local.held[m:m_new], local.b[m:m_new] = new, self.state[new] == IN, 0.0
        self.Z = self.problem.normal.Z.columns(local.place[:m_new]) * self.root_weight[:, None]
        local.Q[m:m_new, :m_new] = self.Z[:, m:].T @ self.Z
        local.Q[:m, m:m_new] = local.Q[m:m_new, :m].T
        columns = self.columns
        for row, part in enumerate((columns.l1, columns.l2, columns.lower, columns.upper)):
            local.penalty[row, m:m_new] = part[new]
        self.m = m_new

    @property
    def reach(self) -> float:
        """What the error of a correlation is in proportion to."""
        return float(np.sqrt(self.terms.yy) + np.abs(self.local.b[: self.m]).sum())

    def relax(self, places, limited, price, cut, lazy):
        """As `_kernels.node.relax`; 0 for `lazy` solves to the end. Returns price, bound, edges of the last place."""
        local, terms = self.local, self.terms
        scale, tolerance = np.sqrt(terms.yy), 1e-3
        if self.m and not limited:  # at a known price the columns that are local already are worth a descent
            self._descend(places, limited, price, tolerance * scale, exact=lazy == 0.0)
        while True:
            m = self.m
            price = max(price, terms.l0)
            bound, primal, taken = bounded(
                self.columns, self.state, local, m, terms.yy, terms.l0, price, terms.rounding, places, limited
            )
            near = lazy > 0.0 and primal < cut and primal - bound <= lazy * (cut - primal)
            near |= lazy > 0.0 and self._few(price + bound - cut)
            # solved at its price; to the end it is solved only if the price is right, too
            solved = primal - bound <= 1e-9 * abs(primal)
            balanced = lazy > 0.0 or not limited or abs(taken - places) <= 1e-7 * max(places, 1)
            if bound >= cut or near or self.clock.stopped or (solved and (balanced or tolerance < FINEST)):
                break
            excess = np.where(self.state == FREE, local.score - price, -1.0)
            excess[local.place[:m]] = -1.0
            worst = float(excess.max(initial=0.0))
            if worst > 1e-12 * price:
                self._admit(np.flatnonzero(excess > ENTRY * worst))
            if self.m == m:
                if tolerance < FINEST:
                    break
                tolerance *= 0.1
            price = self._descend(places, limited, price, tolerance * scale, exact=lazy == 0.0)
        if not limited:
            return price, bound, 0.0, 0.0
        return price, bound, NOWHERE if places == 0 else float(local.top[places - 1]), float(local.top[places])

    def _few(self, least: float) -> bool:
        """Whether so few columns reach a score that a small matrix of theirs serves better than all the data."""
        live = int(np.count_nonzero((self.state == FREE) & (self.local.score >= least)))
        return live <= min(FEW, self.state.size // 8)

    def _descend(self, places, limited, price, tolerance, exact):
        """Descend on the local columns, and renew the gradient from the residual."""
        local, m = self.local, self.m
        corr = self.problem.correlations[local.place[:m]]
        local.g[:m] = corr - local.Q[:m, :m] @ local.b[:m]
        slack, steps = (1e-9, 5 * PRICE_STEPS) if exact else (COUNT_SLACK, PRICE_STEPS)
        terms = self.terms
        price = descend(local, m, price, terms.l0, terms.yy, places, limited, tolerance, slack, steps)
        normal = self.problem.normal
        if m:
            r = self.root_weight * normal.y - self.Z @ local.b[:m]
            local.gradient[:] = normal.Z.adjoint(self.root_weight * r)
        return price


def root_piece(state, point=None, fixes=(), empty: bool = False) -> Piece:
    """The first record of a search: its point and fixes, and a record of its own where nothing is left after them."""
    n = 1 + empty
    place, value = (np.empty(0, np.int64), np.empty(0)) if point is None else point
    fix = np.asarray(fixes, np.int64)
    has_point = point is not None
    log = Log(
        branch=np.array([GOES_ON, LEAF] if empty else [LEAF], np.int32),
        child=np.array([1, -1] if empty else [-1], np.int32),
        point_at=np.zeros(n, np.int64),
        point_size=np.array([place.size if has_point else -1, -1][:n], np.int32),
        fix_at=np.zeros(n, np.int64),
        fix_size=np.array([fix.size, 0][:n], np.int32),
        place=place,
        value=value,
        fix=fix,
    )
    return Piece(np.arange(state.size), log, n)
