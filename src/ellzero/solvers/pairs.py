r"""Exchanges of two: two members for two columns, two for one, one for two, scored exactly on a shortlist.

With A, b, c as in `GramMoves` and R the Gram matrix of what the members leave of the columns, dropping the members D
changes c and R of the columns J to

.. math:: c' = c + U_{DJ}^\top A_{DD}^{-1} b_D, \qquad R' = R + U_{DJ}^\top A_{DD}^{-1} U_{DJ}

and raises the residual sum of squares by :math:`b_D^\top A_{DD}^{-1} b_D`; adding the columns I lowers it by
:math:`c_I'^\top R_{II}'^{-1} c_I'`. So all exchanges on a shortlist are scored without a fit.
"""

from itertools import combinations

import numpy as np

from .moves import GramMoves, State

MEMBERS, COLUMNS = 8, 32  # of the shortlist: the cheapest to leave out, and those with the most to win


def pair_exchanges(moves: GramMoves, state: State) -> list[State]:
    """The best exchange of two for two, of two for one and of one for two, as far as each is possible."""
    f, gram = state.facts, moves.gram
    loss, bound = moves.drop_losses(state), moves.swap_bounds(state)
    members = [s for s in np.argsort(loss, kind="stable")[:MEMBERS].tolist() if np.isfinite(loss[s])]
    columns = [j for j in np.argsort(-bound, kind="stable")[:COLUMNS].tolist() if bound[j] > 0]
    if not members or not columns:
        return []
    gram.ensure([*state.units, *columns], keep=[*state.units, *columns])
    coupling = gram.store[gram.slot[list(state.units)]][:, columns].astype(float)
    U, c = f["A"] @ coupling, f["c"][columns]
    R = gram.store[gram.slot[columns]][:, columns].astype(float) - coupling.T @ U
    R[np.diag_indices(len(columns))] = f["d"][columns]
    tiny = moves.tiny * moves.norm[columns]
    best: dict[tuple[int, int], tuple[float, tuple[int, ...], tuple[int, ...]]] = {}
    for out in [*combinations(members, 1), *combinations(members, 2)]:
        rows = list(out)
        inner = np.linalg.inv(f["A"][np.ix_(rows, rows)])
        lost, step = f["b"][rows] @ inner @ f["b"][rows], inner @ U[rows]
        left, rest = c + step.T @ f["b"][rows], R + U[rows].T @ step
        for into, gain in _entrants(left, rest, tiny, single=len(out) == 2):
            key = len(out), len(into)
            if key not in best or gain - lost > best[key][0]:
                best[key] = gain - lost, out, into
    found = []
    for _, out, into in best.values():
        state_after: State | None = state
        for unit in [state.units[s] for s in out]:
            state_after = moves.remove(state_after, unit)
        state_after = moves.add(state_after, tuple(columns[i] for i in into))
        if state_after is not None:
            found.append(state_after)
    return found


def _entrants(c, R, tiny, single: bool):
    """The best pair of columns to add, and on request the best single one, with their gains."""
    d = np.diagonal(R)
    enters = d > tiny
    if single and enters.any():
        gain = np.where(enters, c * c / np.where(enters, d, 1.0), -np.inf)
        yield (int(gain.argmax()),), float(gain.max())
    det = np.outer(d, d) - R * R
    able = (enters[:, None] & enters) & (det > np.outer(tiny, d))
    np.fill_diagonal(able, False)
    if able.any():
        top = np.outer(c * c, d) + np.outer(d, c * c) - 2.0 * np.outer(c, c) * R
        gain = np.where(able, top / np.where(able, det, 1.0), -np.inf)
        i, j = divmod(int(gain.argmax()), c.size)
        yield (min(i, j), max(i, j)), float(gain[i, j])
