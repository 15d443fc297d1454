"""Supports to begin from that the sweeps over the sizes do not come by."""

from collections.abc import Iterator

import numpy as np

from .._linear import solve_positive
from .moves import GramMoves, Moves, State
from .splicing import spliced

SPLICED = 2  # most units that one splice exchanges


def starts(moves: Moves, largest: int, clock) -> Iterator[State]:
    """States of all sizes by marginal screening, least angle regression and splicing, as far as they apply."""
    orders = [screened(moves)]
    if isinstance(moves, GramMoves) and moves.problem.n_outputs == 1:
        orders.append(least_angles(moves, largest))
    for order in orders:
        yield from _in_order(moves, order, largest, clock)
    yield from spliced(moves, largest, SPLICED, lambda size: moves.tolerance, clock)


def screened(moves: Moves) -> list[int]:
    """All units, those first that lower the value most on their own (sure independence screening).

    References
    ----------
    Fan & Lv (2008), "Sure independence screening for ultrahigh dimensional feature space".
    """
    gain = moves.add_gains(moves.start())
    return [int(u) for u in np.argsort(-gain, kind="stable") if gain[u] > 0]


def least_angles(moves: GramMoves, largest: int) -> list[int]:
    r"""Units in the order in which least angle regression takes them.

    All members keep the same absolute correlation C with the residual while the fit moves along
    :math:`d = (G_{SS} + R)^{-1} \operatorname{sign}(c_S)`; the next one to reach C enters.

    References
    ----------
    Efron, Hastie, Johnstone & Tibshirani (2004), "Least angle regression", section 3.
    """
    gram, ridge, start = moves.gram, moves.problem.normal.penalty.l2, moves.start()
    order, enters, c = list(start.units), moves.allowed.copy(), start.facts["c"].copy()
    signs = np.zeros(len(order))  # forced members are fitted
    enters[order] = False
    top = np.abs(c[enters]).max(initial=0.0)
    while len(order) < largest and enters.any() and top > 0.0:
        if signs.any():
            rows = np.asarray(gram.rows(order), float)
            step = solve_positive(rows[:, order] + np.diag(2.0 * ridge[order]), signs * top)
            slope = step @ rows  # of the correlations; those of members fall to zero together, at length 1
            with np.errstate(divide="ignore", invalid="ignore"):
                meets = np.stack([(top - c) / (top - slope), (top + c) / (top + slope)])
            lengths = np.where(enters & (meets > 0), meets, np.inf).min(axis=0)
            j = int(lengths.argmin())
            length = float(lengths[j])
            if not length < 1.0:
                break
            c -= length * slope
            top *= 1.0 - length
        else:
            j = int(np.where(enters, np.abs(c), -1.0).argmax())
        order.append(j)
        signs = np.append(signs, np.sign(c[j]))
        enters[j] = False
    return order


def _in_order(moves: Moves, order: list[int], largest: int, clock) -> Iterator[State]:
    """States of all sizes as units enter in an order; those that cannot enter are passed over."""
    state = moves.start()
    for u in order:
        if state.size >= largest or clock.stopped:
            return
        grown = None if u in state.units else moves.add(state, (u,))
        if grown is not None:
            state = grown
            yield state
