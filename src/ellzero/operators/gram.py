"""Rows of a Gram matrix, computed when they are first asked for."""

import numpy as np

from .dense import Dense
from .sparse import Sparse
from .standardised import Standardised

FULL_FEATURES = 1000  # at most so many columns: the whole matrix is cheaper than bookkeeping
TALL_FEATURES = 8000  # the same where rows are at least four times the columns
CACHE_BYTES = 2**30
MORE = 64  # rows added where all of the cache is in use


class GramRows:
    r"""Gram matrix :math:`G = Z^\top W Z` of standardised columns, read by rows.

    Parameters
    ----------
    Z : Standardised
        Columns of unit weighted norm, so that G has a unit diagonal.
    weight : ndarray of shape (n_samples,)
        Weights that sum to one.
    y : ndarray of shape (n_samples,)
        Centred target.

    Attributes
    ----------
    corr : ndarray of shape (n_features,)
        :math:`Z^\top W y`.
    yy : float
        :math:`y^\top W y`.
    slot : ndarray of shape (n_features,)
        Place of each column's row in `store`, -1 while it has not been computed.

    Notes
    -----
    Dense data are copied once, centred, scaled and weighted, so that a row costs one BLAS product without cancellation;
    sparse data are centred implicitly. The store has room for one GiB, then forgets rows that nobody needs.
    """

    def __init__(self, Z: Standardised, weight, y):
        self.n, self.p = Z.shape
        self.yy = float(weight @ (y * y))
        self.Z, self.weight = Z, weight
        self.full = self.p <= FULL_FEATURES or (self.p <= TALL_FEATURES and self.n >= 4 * self.p)
        if self.full and isinstance(Z.base, Dense):
            self.store, self.corr = self._by_blocks(Z.base, y)
        else:
            self.weighted = None
            if isinstance(Z.base, Dense):
                self.weighted = np.sqrt(weight)[:, None] * Z.columns(np.arange(self.p))
            self.corr = Z.adjoint(weight * y)
            rows = min(self.p, max(256, CACHE_BYTES // (8 * self.p)))
            self.store = np.empty((rows, self.p))  # memory is taken by the rows that are written
        self.slot = np.full(self.p, -1)
        self.owner = np.full(self.store.shape[0], -1)
        self.used = self._hand = 0
        if self.full:
            if not isinstance(Z.base, Dense):
                self.store = np.vstack(
                    [self._compute(part) for part in np.array_split(np.arange(self.p), 1 + self.p // 256)]
                )
            self.slot = np.arange(self.p)
            self.owner, self.used = np.arange(self.p), self.p

    def _by_blocks(self, base: Dense, y):
        """The whole matrix in one pass over blocks of rows: tall data are never copied."""
        gram, corr = np.zeros((self.p, self.p)), np.zeros(self.p)
        for block in base.blocks():
            part = (base.array[block] - self.Z.centre) / self.Z.scale
            part *= np.sqrt(self.weight[block])[:, None]
            gram += part.T @ part
            corr += part.T @ (np.sqrt(self.weight[block]) * y[block])
        return gram, corr

    def _compute(self, indices):
        if self.weighted is not None:
            return self.weighted[:, indices].T @ self.weighted
        Z, base = self.Z, self.Z.base
        assert isinstance(base, Sparse)
        part = base.csc[:, indices]
        cross = (part.T.multiply(self.weight[None, :]).tocsr() @ base.csr).toarray()
        # (x - m)'W(z - c): with weights that sum to one, both linear terms come from the weighted means
        mean = base.csc.T @ self.weight
        cross -= np.outer(mean[indices], Z.centre) + np.outer(Z.centre[indices], mean)
        cross += np.outer(Z.centre[indices], Z.centre)
        return cross / (Z.scale[indices][:, None] * Z.scale[None, :])

    def ensure(self, wanted, keep=()) -> None:
        """Compute the rows of the columns `wanted`; the rows of `keep` are not forgotten."""
        missing = [j for j in dict.fromkeys(wanted) if self.slot[j] < 0]
        if not missing:
            return
        rows = self._compute(np.array(missing))
        protected = np.zeros(self.p, bool)
        protected[list(keep)] = True
        protected[list(wanted)] = True
        for row, j in zip(rows, missing, strict=True):
            place = self._free_place(protected)
            self.store[place], self.slot[j], self.owner[place] = row, place, j

    def _free_place(self, protected) -> int:
        if self.used < self.store.shape[0]:
            self.used += 1
            return self.used - 1
        for step in range(self.used):  # rows are forgotten in turn
            place = (self._hand + step) % self.used
            if not protected[self.owner[place]]:
                self._hand = place + 1
                self.slot[self.owner[place]] = -1
                return place
        # everything is in use: more memory is the only honest way on
        self.store = np.vstack([self.store, np.empty((MORE, self.p))])
        self.owner = np.concatenate([self.owner, np.full(MORE, -1)])
        return self._free_place(protected)

    def rows(self, indices) -> np.ndarray:
        """Rows of the columns `indices`, shape (len(indices), n_features)."""
        self.ensure(indices, keep=indices)
        return self.store[self.slot[np.asarray(indices, dtype=np.intp)]]
