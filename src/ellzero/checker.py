r"""The certificate checker: plain NumPy, no solver code, written to be read by whoever doubts a claim.

Columns z_j = (x_j - m_j) / s_j have unit weighted deviation (about zero without an intercept), the weights w sum one.
Let b be any vector, r = t - Zb, q = Z'Wr, and D any diagonal with Z'WZ - D positive semidefinite. Then squared error is
at least |r|^2/2 + sum_j [(b_j - x_j) q_j + d_j (x_j - b_j)^2 / 2] at every x, and with l1 and l2 the columns part:

.. math:: \phi_j(x) = (b_j - x) q_j + \tfrac12 d_j (x - b_j)^2 + \lambda_1 |x| + \lambda_2 x^2

A unit that is in costs :math:`\lambda_0` and the least value of its :math:`\phi_j` within the limits, one that is out
:math:`\phi_j(0)`; at most k units are in, so of the free ones only the k - \|in\| count that lower the sum most. Other
losses have b = 0, D = 0 and :math:`-\sum_i w_i f^*(y_i, -r_i)` for the first term (weak duality). Rounding
is charged to the bounds: a dot product of n terms errs by at most :math:`\gamma_n |x|^\top |y|`.

References
----------
Higham (2002), "Accuracy and Stability of Numerical Algorithms", section 3.1; Furnival & Wilson (1974), "Regressions by
leaps and bounds"; Rump (2006), "Verification of positive definiteness".
"""

from dataclasses import replace

import numpy as np

from .checker_points import UNIT
from .checker_squares import Squares
from .checker_trees import ROUNDED
from .errors import CertificateError

OBJECTIVE_TOLERANCE = 1e-9


class Checker(Squares):
    """Re-computes the claims of one well-formed certificate from X and y."""

    def run(self):
        """Check every claim; returns them with the bounds found here."""
        claims, bounds = self.certificate.claims, {}
        if not claims:
            raise CertificateError("the certificate claims nothing.")
        for t, tree in enumerate(self.certificate.trees):
            sizes = sorted({c.k for c in claims if c.tree == t}, key=lambda k: -1 if k is None else k)
            bounds |= {(t, k): bound for k, bound in zip(sizes, self.tree_bounds(tree, sizes), strict=True)}
        with np.errstate(all="ignore"):  # what overflows is refused below, not warned of
            return tuple(self._claim(claim, bounds[claim.tree, claim.k]) for claim in claims)

    def tree_bounds(self, tree, sizes):
        """Bound that a tree proves for each size; evidence on which the arithmetic fails proves nothing."""
        kinds = {"enumeration": self._enumerate, "superset": self._superset_bounds, "dual": self._dual_bounds}
        try:
            with np.errstate(all="ignore"):
                bounds = kinds[tree.kind](tree, sizes)
        except np.linalg.LinAlgError:
            raise CertificateError("the evidence is numerically singular, and proves nothing.") from None
        return [-np.inf if np.isnan(bound) else float(bound) for bound in bounds]

    def _claim(self, claim, bound):
        q, coef = self.q, np.zeros(len(self.q.names))
        size = "any size" if claim.k is None else f"size at most {claim.k}"
        coef[claim.support] = claim.values
        units = q.forced.copy()  # a forced unit counts, also where its coefficients happen to be zero
        units[q.unit[claim.support]] = True
        keeps_rules = (
            (claim.k is None or units.sum() <= claim.k)
            and not (units & q.forbidden).any()
            and all(not units[unit] or units[list(needed)].any() for unit, needed in q.requires)
            and all(sum(units[list(s)].any() for s in sets) <= most for most, sets in q.at_most)
            and (coef >= (1.0 + ROUNDED) * q.lower).all()
            and (coef <= (1.0 + ROUNDED) * q.upper).all()
            and (q.fit_intercept or claim.intercept == 0)
        )
        if not keeps_rules:
            raise CertificateError(f"the support claimed for {size} breaks the rules of the question.")
        eta = self.X @ coef + claim.intercept
        loss = 0.5 * (self.y - eta) ** 2 if q.loss == "squared" else self._deviance(self._mean(eta))
        gamma = coef * self.scale
        objective = float(self.w @ loss + self.l1 @ np.abs(gamma) + self.l2 @ gamma**2 + q.l0 * units.sum())
        # huge coefficients that cancel cost digits in anybody's arithmetic: allow for what their products round to
        rounded = 4 * (claim.support.size + 8) * UNIT * (np.abs(self.X) @ np.abs(coef) + abs(claim.intercept))
        slack = OBJECTIVE_TOLERANCE * max(objective, 1e-3 * self.null)
        slack += float(np.sqrt(2.0 * max(objective, 0.0)) * np.sqrt(self.w @ rounded**2))
        if not (np.isfinite(objective) and np.isfinite(slack) and abs(objective - claim.objective) <= slack):
            raise CertificateError(
                f"the support claimed for {size} has the objective {objective:.12g} on these data, "
                f"not {claim.objective:.12g}."
            )
        bound = max(0.0, bound)  # losses and penalties are never negative
        if not claim.lower_bound <= bound:
            raise CertificateError(
                f"the evidence for {size} proves the bound {bound:.15g}, less than the {claim.lower_bound:.15g} "
                "that is claimed."
            )
        reached = max(claim.objective, objective)
        gap = max(0.0, reached - bound) / max(reached, 1e-12 * self.null, 1e-300)
        return replace(claim, lower_bound=min(bound, claim.objective), gap=gap)
