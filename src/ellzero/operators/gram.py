"""Rows of a Gram matrix, computed when they are first asked for."""

import numpy as np

from .dense import Dense
from .sparse import Sparse
from .standardised import Standardised

FULL_FEATURES = 256  # at most so many columns: the whole matrix is cheaper than bookkeeping
TALL_FEATURES = 8000  # the same where rows are at least four times the columns
CACHE_BYTES = 2**30
LEAST_ROWS = 256  # room for so many rows, whatever it takes
MORE = 64  # rows added where all of the cache is in use
TURNED = 4096  # columns of a product that is turned while it is in the cache
SINGLE_FEATURES = 1000  # from so many columns on, single precision pays


def is_small(n: int, p: int) -> bool:
    """Whether the whole Gram matrix of n rows and p columns is formed at once."""
    return p <= FULL_FEATURES or (p <= TALL_FEATURES and n >= 4 * p)


class GramRows:
    r"""Gram matrix :math:`G = Z^\top W Z` of standardised columns, read by rows.

    Parameters
    ----------
    Z : Standardised
        Columns of unit weighted norm, so that G has a unit diagonal.
    weight : ndarray of shape (n_samples,)
        Weights that sum to one.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Centred target.
    single : bool, default=False
        Rows in single precision, for searches that score by them and compute what they claim from `columns`.

    Attributes
    ----------
    corr : ndarray of shape (n_features,) or (n_features, n_outputs)
        :math:`Z^\top W y`.
    yy : float
        :math:`y^\top W y`, summed over the outputs.
    slot : ndarray of shape (n_features,)
        Place of each column's row in `store`, -1 while it has not been computed.
    columns : ndarray of shape (n_rows, n_samples)
        Where rows are in single precision: the columns they belong to, scaled and weighted, for exact products of two.

    Notes
    -----
    Dense data are copied once, centred, scaled and weighted, so that a row costs one BLAS product without cancellation;
    sparse data are centred implicitly. The store has room for one GiB, then forgets rows that nobody needs.
    """

    def __init__(self, Z: Standardised, weight, y, single: bool = False):
        self.n, self.p = Z.shape
        self.yy = float((weight @ (y * y)).sum())
        self.Z, self.weight, self.single = Z, weight, single
        self.columns = np.empty((0, 0))
        self.full = not single and is_small(self.n, self.p)
        if self.full and isinstance(Z.base, Dense):
            self.store, self.corr = self._by_blocks(Z.base, y)
        else:
            dtype = np.float32 if single else np.float64
            self.weighted = Z.copied(dtype, np.sqrt(weight)) if isinstance(Z.base, Dense) else None
            self.corr = Z.adjoint((weight * y.T).T)
            each = 4 * self.p + 8 * self.n if single else 8 * self.p
            rows = min(self.p, max(LEAST_ROWS, CACHE_BYTES // each))
            # memory is taken by the rows that are written
            self.store = np.empty((rows, self.p), np.float32 if single else np.float64)
            if single:
                self.columns = np.empty((rows, self.n))
        self.slot = np.full(self.p, -1)
        self.owner = np.full(self.store.shape[0], -1)
        self.used = self._hand = 0
        if self.full:
            if not isinstance(Z.base, Dense):
                for part in np.array_split(np.arange(self.p), 1 + self.p // 256):
                    self._compute(part, self.store[part[0] : part[-1] + 1])
            self.slot = np.arange(self.p)
            self.owner, self.used = np.arange(self.p), self.p

    def _by_blocks(self, base: Dense, y):
        """The whole matrix in one pass over blocks of rows: tall data are never copied."""
        gram, corr = np.zeros((self.p, self.p)), np.zeros((self.p, *y.shape[1:]))
        uneven = bool((self.weight != self.weight[0]).any())
        for block in base.blocks():
            part = base.array[block] - self.Z.centre
            if uneven:
                part *= np.sqrt(self.weight[block])[:, None]
            gram += part.T @ part
            corr += part.T @ ((np.sqrt(self.weight[block]) * y[block].T).T if uneven else y[block])
        common = 1.0 if uneven else self.weight[0]
        return gram * common / np.outer(self.Z.scale, self.Z.scale), (corr.T * common / self.Z.scale).T

    def _compute(self, indices, out) -> None:
        """Write the rows of some columns."""
        if self.weighted is None:
            out[:] = self._sparse_rows(indices)
        elif self.single:  # the order of the factors with which BLAS is quicker, up to twice, turned in the cache
            some = self.weighted[:, indices]
            for low in range(0, self.p, TURNED):
                part = slice(low, low + TURNED)
                out[:, part] = (self.weighted[:, part].T @ some).T
        else:
            np.matmul(self.weighted[:, indices].T, self.weighted, out=out)

    def _sparse_rows(self, indices):
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
        indices = np.array(missing)
        rows = self.store[self.used : self.used + indices.size]  # the places that come next, if there is room
        at_once = len(rows) == indices.size
        rows = rows if at_once else np.empty((indices.size, self.p), self.store.dtype)
        self._compute(indices, rows)
        protected = np.zeros(self.p, bool)
        protected[list(keep)] = True
        protected[list(wanted)] = True
        places = [self._free_place(protected, j) for j in missing]
        if not at_once:
            self.store[places] = rows
        self.slot[indices] = places
        if self.single:
            self.columns[places] = (np.sqrt(self.weight)[:, None] * self.Z.columns(indices)).T

    def _free_place(self, protected, owner: int) -> int:
        """A place for the row of a column, which is protected itself."""
        if self.used < self.store.shape[0]:
            self.used += 1
            self.owner[self.used - 1] = owner
            return self.used - 1
        for step in range(self.used):  # rows are forgotten in turn
            place = (self._hand + step) % self.used
            if not protected[self.owner[place]]:
                self._hand = place + 1
                self.slot[self.owner[place]] = -1
                self.owner[place] = owner
                return place
        # everything is in use: more memory is the only honest way on
        self.store = np.vstack([self.store, np.empty((MORE, self.p), self.store.dtype)])
        if self.single:
            self.columns = np.vstack([self.columns, np.empty((MORE, self.n))])
        self.owner = np.concatenate([self.owner, np.full(MORE, -1)])
        return self._free_place(protected, owner)

    def rows(self, indices) -> np.ndarray:
        """Rows of the columns `indices`, shape (len(indices), n_features)."""
        self.ensure(indices, keep=indices)
        return self.store[self.slot[np.asarray(indices, dtype=np.intp)]]
