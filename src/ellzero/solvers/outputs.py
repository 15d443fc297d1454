"""Moves where a unit enters for several outputs or classes together, and no Gram score is exact."""

import numpy as np

from .._linear import inverse_positive
from ..problem import Problem
from .modelled import ModelMoves

TRIES = 12  # moves refitted exactly: the model is coarser than that of one output, a refit is cheap beside it


class OutputMoves(ModelMoves):
    r"""Moves ranked by one quadratic model an output, the few best refitted exactly.

    The Hessian of the multinomial loss, :math:`\mathrm{diag}(\pi) - \pi\pi^\top` a row, is replaced by its diagonal
    times :math:`C/(C-1)`: on coefficients that add up to zero over the classes that is exact for two classes, and for
    any number where they are equally likely. Models of the outputs are then apart, and each is that of `ModelMoves`:
    adding unit j gains :math:`\tfrac12 \sum_o c_{jo}^2/d_{jo}`, dropping s costs :math:`\tfrac12 \sum_o
    b_{so}^2/A^{(o)}_{ss}`. For squared error, where it serves groups of columns, the model is exact.
    """

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self.tries = TRIES
        classes = problem.n_outputs if problem.loss.classifies else 0
        self.share = classes / (classes - 1.0) if classes else 1.0

    def _curvature(self, state):
        facts = state.facts
        if "A" in facts:
            return facts
        problem, fit = self.problem, facts["fit"]
        inside, k = problem.normal.Z.columns(fit.columns), fit.columns.size
        if problem.fit_intercept and not problem.loss.least_squares:
            inside = np.column_stack([inside, np.ones(len(inside))])
        curvature = self.share * problem.weight[:, None] * problem.loss.curvature(problem.normal.y, fit.eta)
        if problem.loss.least_squares:
            curvature = curvature[:, :1]  # the same for all outputs
        weighted = curvature.T[:, :, None] * inside
        hessian = inside.T @ weighted
        hessian[:, np.arange(k), np.arange(k)] += 2.0 * problem.normal.penalty.l2[fit.columns]
        inverse = np.array([inverse_positive(block) for block in hessian])
        facts |= {"H": hessian, "A": inverse, "curvature": curvature, "weighted": weighted}
        return facts

    def _model(self, state):
        facts = self._curvature(state)
        if "c" in facts:
            return facts
        problem, Z, curvature = self.problem, self.problem.normal.Z, facts["curvature"]
        slope = -problem.loss.mean_gradient(problem.normal.y, facts["fit"].eta, problem.weight)
        weighted = facts.pop("weighted")
        n_models, n, m = weighted.shape
        products = self._products(np.column_stack([weighted.transpose(1, 0, 2).reshape(n, -1), slope]))
        coupling = products[:, : n_models * m].reshape(len(products), n_models, m).transpose(1, 0, 2)
        U = coupling @ facts["A"]
        norm = np.column_stack([Z.mean_square(np.ascontiguousarray(each)) for each in curvature.T])
        norm += 2.0 * problem.normal.penalty.l2[:, None]
        d = norm - np.einsum("ojm,ojm->jo", U, coupling)
        d[d <= self._tiny * norm] = np.inf
        facts |= {"c": products[:, n_models * m :], "d": d, "U": U}
        self._remember(facts)
        return facts

    def add_gains(self, state):
        facts = self._model(state)
        c, d = facts["c"][self.column], facts["d"][self.column]
        gains = np.full(self.problem.rules.n_units, -np.inf)
        gains[self.lone] = 0.5 * (c * c / d).sum(axis=1)
        for size, units in self.broad.items():
            gains[units] = self._group_gains(facts, units, size)
        gains[~self.allowed] = -np.inf
        gains[list(state.units)] = -np.inf
        return gains

    def _group_gains(self, facts, units, size):
        columns = np.concatenate([self.problem.rules.units[u] for u in units])
        at = columns.reshape(-1, size)
        Z = self.problem.normal.Z.columns(columns).T.reshape(len(units), size, -1)
        total, n_models = np.zeros(len(units)), len(facts["A"])
        for o, (curvature, H, U) in enumerate(zip(facts["curvature"].T, facts["H"], facts["U"], strict=True)):
            blocks = (Z * curvature) @ Z.transpose(0, 2, 1) - U[at] @ H @ U[at].transpose(0, 2, 1)
            blocks[:, np.arange(size), np.arange(size)] += 2.0 * self.problem.normal.penalty.l2[at]
            c = facts["c"][at] if n_models == 1 else facts["c"][at][:, :, o : o + 1]
            total += 0.5 * np.einsum("uso,ust,uto->u", c, np.linalg.pinv(blocks, rcond=1e-10, hermitian=True), c)
        return total

    def drop_losses(self, state):
        facts, rules = self._curvature(state), self.problem.rules
        fit, loss = facts["fit"], np.zeros(state.size)
        for s, unit in enumerate(state.units):
            at = np.searchsorted(fit.columns, rules.units[unit])
            blocks, b = facts["A"][:, at[:, None], at[None, :]], fit.gamma[at]
            inner = np.linalg.pinv(blocks, hermitian=True)
            b = b[None] if len(blocks) == 1 else b.T[:, :, None]
            loss[s] = 0.5 * np.einsum("mso,mst,mto->", b, inner, b)
        loss[[u in self.forced for u in state.units]] = np.inf
        return loss

    def _swap_scores(self, state):
        gains, loss = self.add_gains(state), self.drop_losses(state)
        score = gains[None, :] - loss[:, None]
        if self.problem.rules.grouped:
            return score, loss
        facts = state.facts
        order, exact = np.searchsorted(facts["fit"].columns, state.units), np.zeros(score.shape)
        for o, b in enumerate(facts["fit"].gamma[order].T):
            model = o if len(facts["A"]) > 1 else 0
            U, pivot = facts["U"][model].T[order], np.diagonal(facts["A"][model])[order, None]
            with np.errstate(invalid="ignore"):
                c, d = facts["c"][:, o] + b[:, None] / pivot * U, facts["d"][:, model] + U * U / pivot
                exact += 0.5 * (c * c / d - b[:, None] ** 2 / pivot)
        return np.where(np.isfinite(score) & np.isfinite(exact), exact, score), loss
