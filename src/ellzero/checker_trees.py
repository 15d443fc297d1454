"""The walk over a tree, and the bounds that its points prove: nodes, fixes and boxes."""

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from .checker_points import UNIT, Points, settled
from .errors import CertificateError

ROUNDED = 1e-12  # relative error of limits that others have put on the scale of the columns
CHUNK = 2**17  # numbers handled together
NONE = np.empty(0, np.int64)


@dataclass(slots=True, eq=False)
class Visit:
    """A node as the walk meets it: units (1 in, -1 out, 0 free), limits, what its point decides, bounds known."""

    node: int
    state: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    fixes: np.ndarray
    boxes: np.ndarray
    leaf: bool
    parent: "Visit | None"
    best: Any = None


@dataclass(slots=True, eq=False)
class Sums:
    """What points make of their visits, a row each: sums over the columns `cols` and their `units`.

    A unit that is in adds `cost_in`, one that is out `cost_out`; `rise` is by how much the first lowers the sum.
    """

    state: np.ndarray
    cols: np.ndarray
    units: np.ndarray
    inside: np.ndarray
    base: np.ndarray
    lost: np.ndarray
    b: np.ndarray
    q: np.ndarray
    e: np.ndarray
    d: np.ndarray
    limits: list
    cost: np.ndarray
    cost_in: np.ndarray
    cost_out: np.ndarray
    rise: np.ndarray


class Trees(Points):
    """What dual trees prove."""

    def _walk(self, tree, most):
        """Every node that a support of at most `most` units reaches, in preorder; with fixes and boxes, twice."""
        self.rules = [_flat(s for _, s in self.q.requires), _flat(s for _, sets in self.q.at_most for s in sets)]
        root = np.where(self.q.forced, 1, np.where(self.q.forbidden, -1, 0)).astype(np.int8)
        root[np.setdiff1d(np.arange(self.n_units), self.q.unit[~self.constant])] = -1
        if (self.q.forced & (root < 0)).any():
            raise CertificateError("a forced column is constant on these data.")
        waiting: list[tuple[Any, ...]] = [(root, *self.limits, None)]
        dual = tree.kind == "dual"
        for node, unit in enumerate(tree.branch.tolist()):
            if not waiting:
                raise CertificateError("a tree of the certificate goes on after its last leaf.")
            state, lower, upper, visit = waiting.pop()
            for fixes, boxes, last in _parts(tree, node) if dual or unit < 0 else ():
                state = self._propagated(state, most)
                if state is None:  # no support is left: what follows has to be a tree, and that is all
                    break
                visit = Visit(node, state, lower, upper, fixes, boxes, last and unit == -1, visit)
                yield visit
                state, lower, upper = _decided(tree, visit)
            if unit == -2:
                waiting.append((state, lower, upper, visit))
            elif unit >= 0:  # the branch that leaves the unit out comes first
                inside = outside = state
                if state is not None and state[unit] == 0:
                    inside, outside = state.copy(), state.copy() if dual else state
                    inside[unit], outside[unit] = 1, -1
                elif state is not None:  # what is decided already has no other side
                    inside, outside = (state, None) if state[unit] > 0 else (None, state)
                waiting += [(inside, lower, upper, visit), (outside, lower, upper, visit)]
        if waiting:
            raise CertificateError("a tree of the certificate lacks a leaf: its evidence does not cover all supports.")

    def _propagated(self, state, most):
        """The state with all that the rules decide, or None where no support of the size is left."""
        (needed, need_at, need_of), (sets, set_at, set_of) = self.rules
        before: Any = ()
        while state is not None and (needed.size or sets.size) and not np.array_equal(state, before):
            before, state = state, state.copy()
            if needed.size:
                units = np.array([unit for unit, _ in self.q.requires])
                possible = np.add.reduceat((state >= 0)[needed].astype(int), need_at)
                if (state[units[possible == 0]] == 1).any():
                    return None
                state[units[possible == 0]] = -1
                last = (possible == 1) & (state[units] == 1)
                state[needed[last[need_of] & (state[needed] == 0)]] = 1
            if sets.size:
                used = np.logical_or.reduceat((state == 1)[sets], set_at)
                rule = np.repeat(np.arange(len(self.q.at_most)), [len(s) for _, s in self.q.at_most])
                room = np.array([m for m, _ in self.q.at_most]) - np.bincount(rule, used)
                if (room < 0).any():
                    return None
                state[sets[((room[rule] == 0) & ~used)[set_of]]] = -1
        return None if state is None or (most < self.n_units and (state == 1).sum() > most) else state

    def _dual_bounds(self, tree, sizes):
        """Least bound over all leaves, and over all that fixes and boxes give up, for each size."""
        k = np.array([self.n_units if k is None else k for k in sizes])[:, None]
        lower, upper = (
            limit[tree.box_column] for limit in self.limits
        )  # what repeats these, but for rounding, is no box
        low = np.where(tree.box_lower <= (1.0 - ROUNDED) * lower, lower, tree.box_lower)
        high = np.where(tree.box_upper >= (1.0 - ROUNDED) * upper, upper, tree.box_upper)
        tree = replace(tree, box_lower=low, box_upper=high)
        self.spared = {}  # diagonals of this tree that were proved
        walk, result = self._walk(tree, k.max()), np.full(len(sizes), np.inf)
        while visits := list(islice(walk, max(1, CHUNK // max(self.X.shape)))):
            told = [visit for visit in visits if tree.has_point[visit.node]]
            bounds, given_up, giver = self._bounds_at(tree, told, k) if told else (np.empty((k.size, 0)), 0.0, [])
            known = {id(visit): bound for visit, bound in zip(told, bounds.T, strict=True)}
            for visit in visits:
                inherited = np.full(k.size, -np.inf) if visit.parent is None else visit.parent.best
                visit.best = np.fmax(inherited, known.get(id(visit), -np.inf))  # what is no number says nothing
                visit.parent = None
                if visit.leaf:
                    result = np.minimum(result, np.where((visit.state == 1).sum() > k[:, 0], np.inf, visit.best))
            if len(giver):
                best = np.column_stack([visit.best for visit in told])[:, giver]
                result = np.minimum(result, np.fmax(best, given_up).min(axis=1))
        return result

    def _bounds_at(self, tree, visits, k):
        """Bound of each visit's supports by its point, and bounds of what is given up there, for each size."""
        sums = self._sums(tree, visits)
        free, total = sums.state[:, sums.units] == 0, np.where(sums.inside, sums.cost_in, sums.cost_out)
        places = np.minimum(k - (sums.state == 1).sum(axis=1), sums.units.size)
        ranked = np.maximum(_largest(np.where(free, sums.rise, -np.inf), places.max() + 1), 0.0)
        row, room = np.arange(len(visits)), np.maximum(places, 0)
        taken = np.column_stack([np.zeros(len(visits)), np.cumsum(ranked, axis=1)])[row, room]
        size = np.abs(sums.base) + np.abs(total).sum(axis=1) + taken
        value = sums.base + total.sum(axis=1) - taken - 4 * (sums.cols.size + 64) * UNIT * size
        value = np.where(np.isfinite(value), value, -np.inf)
        last = np.where(places > 0, ranked[row, room - 1], np.inf)  # smallest rise that has a place
        given_up, giver = self._given_up(tree, visits, sums, value, last, ranked[row, room])
        return np.where(places < 0, np.inf, settled(value, sums.lost)), settled(given_up, sums.lost[giver]), giver

    def _given_up(self, tree, visits, sums, value, last, beyond):
        """Bounds of the supports that fixes leave, of the coefficients that boxes do, and the visits they are of."""

        def put_in(m, u):
            enters = np.maximum(np.maximum(sums.rise[m, u], 0.0), last[:, m]) - sums.rise[m, u]
            return value[:, m] + np.where(sums.inside[m, u], 0.0, enters)

        m, fix = _listed(visits, "fixes")
        u = np.searchsorted(sums.units, np.abs(fix) - 1)
        left_out = value[:, m] + np.maximum(np.maximum(sums.rise[m, u], 0.0) - beyond[:, m], 0.0)
        bounds, givers = [np.where(fix > 0, left_out, put_in(m, u))], [m]
        m, box = _listed(visits, "boxes")
        kept = sums.state[m, self.q.unit[tree.box_column[box]]] >= 0  # a unit that is out needs no limits
        m, box = m[kept], box[kept]
        column = tree.box_column[box]
        u = np.searchsorted(sums.units, self.q.unit[column])
        j = np.searchsorted(self.q.unit[sums.cols], self.q.unit[column])  # the unit has no other column
        low, high = (np.broadcast_to(limit, sums.q.shape)[m, j] for limit in sums.limits)
        for start, stop in ((low, tree.box_lower[box]), (tree.box_upper[box], high)):
            cut = np.flatnonzero(start < stop)
            at = m[cut], j[cut]
            part = self._least(
                column[cut], sums.b[at], sums.q[at], sums.e[m[cut], 0], sums.d[at], start[cut], stop[cut]
            )
            bounds.append(put_in(m[cut], u[cut]) + part - sums.cost[at])
            givers.append(m[cut])
        return np.concatenate(bounds, axis=1), np.concatenate(givers)

    def _sums(self, tree, visits):
        node, state = np.array([visit.node for visit in visits]), np.array([visit.state for visit in visits])
        row, at = _gather(tree.indptr, node)
        seen = np.any(state >= 0, axis=0)[self.q.unit]
        seen[tree.indices[at]] = True
        cols = self.by_unit[seen[self.by_unit]]
        units, first = np.unique(self.q.unit[cols], return_index=True)
        place = np.full(seen.size, -1)
        place[cols] = np.arange(cols.size)
        coef = np.zeros((node.size, cols.size))
        coef[row, place[tree.indices[at]]] = tree.values[at]
        base, q, e, b, lost = self._points(cols, coef, tree.intercepts[node] if tree.intercepts.size else 0.0)
        d = self._diagonal(tree, tree.diag[node], cols, state, b)
        limits = [_stacked(visits, side, cols) for side in ("lower", "upper")]
        cost, idle = self._least(cols, b, q, e, d, *limits), np.zeros(b.shape)
        i, j = np.nonzero(b)  # a column that is out leaves phi(0), which is nothing where b is nothing
        idle[i, j] = self._least(cols[j], b[i, j], q[i, j], e[i, 0], d[i, j], 0.0, 0.0)
        cost_in, cost_out = np.add.reduceat(cost, first, axis=1) + self.q.l0, np.add.reduceat(idle, first, axis=1)
        inside = state[:, units] == 1
        return Sums(
            state, cols, units, inside, base, lost, b, q, e, d, limits, cost, cost_in, cost_out, cost_out - cost_in
        )

    def _diagonal(self, tree, which, cols, state, b):
        """Diagonals of some points, each proved once: what is left of the Gram matrix has a Cholesky factor."""
        if (which < 0).all():
            return np.zeros((1, 1)) * b
        if self.q.loss != "squared":
            raise CertificateError("a diagonal is given for another loss than squared error.")
        d = np.zeros(b.shape)
        for g in np.unique(which[which >= 0]).tolist():
            if g not in self.spared:
                part = slice(tree.diag_indptr[g], tree.diag_indptr[g + 1])
                self.spared[g] = self._spared(tree.diag_columns[part], tree.diag_values[part])
            covered, values = self.spared[g]
            mine = which == g
            needed = (state[mine] >= 0)[:, self.q.unit[cols]] | (b[mine] != 0)
            if (needed & ~(covered | self.constant)[cols]).any():
                raise CertificateError("a diagonal is used at a node that allows columns outside its set.")
            d[mine] = values[cols]
        return d


def _parts(tree, node):
    """What a node's point decides: fixes first, then boxes; what a leaf is left with is looked at again, too."""
    if tree.kind != "dual":
        return ((NONE, NONE, True),)
    fixes = tree.fixes[tree.fix_indptr[node] : tree.fix_indptr[node + 1]]
    boxes = np.arange(tree.box_indptr[node], tree.box_indptr[node + 1])
    twice = fixes.size and (boxes.size or tree.branch[node] == -1)
    return ((fixes, NONE, False), (NONE, boxes, True)) if twice else ((fixes, boxes, True),)


def _decided(tree, visit):
    """State and limits below a visit."""
    state, lower, upper = visit.state, visit.lower, visit.upper
    if visit.fixes.size:
        units = np.abs(visit.fixes) - 1
        if state[units].any() or np.unique(units).size < units.size:
            raise CertificateError("a tree of the certificate fixes a unit that is decided already.")
        state = state.copy()
        state[units] = np.sign(visit.fixes)
    if visit.boxes.size:
        at, low, high = (part[visit.boxes] for part in (tree.box_column, tree.box_lower, tree.box_upper))
        lower, upper = lower.copy(), upper.copy()
        lower[at], upper[at] = np.maximum(lower[at], low), np.minimum(upper[at], high)
    return state, lower, upper


def _flat(sets):
    """Members of some sets, where each set begins, and the set of each member."""
    sets = [list(s) for s in sets]
    sizes = np.array([len(s) for s in sets], np.intp)
    members = np.array([u for s in sets for u in s], np.intp)
    return members, np.cumsum(sizes) - sizes, np.repeat(np.arange(sizes.size), sizes)


def _gather(indptr, rows):
    """Number of the row and position of every entry of some rows."""
    sizes = indptr[rows + 1] - indptr[rows]
    row = np.repeat(np.arange(rows.size), sizes)
    return row, np.arange(row.size) - np.repeat(np.cumsum(sizes) - sizes - indptr[rows], sizes)


def _listed(visits, name):
    """Visit and value of every fix or box."""
    parts = [getattr(visit, name) for visit in visits]
    return np.repeat(np.arange(len(parts)), [part.size for part in parts]), np.concatenate(parts)


def _stacked(visits, name, cols):
    """Limits of each visit; one row where all have the same."""
    first = getattr(visits[0], name)
    if all(getattr(visit, name) is first for visit in visits):
        return first[None, cols]
    return np.array([getattr(visit, name)[cols] for visit in visits])


def _largest(values, count):
    """The `count` largest of each row in falling order; zeros where there are fewer."""
    count = max(count, 1)
    if count < values.shape[1]:
        values = -np.partition(-values, count - 1, axis=1)[:, :count]
    values = -np.sort(-values, axis=1)
    return np.concatenate([values, np.zeros((len(values), count + 1 - values.shape[1]))], axis=1)[:, :count]
