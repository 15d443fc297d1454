r"""Certificates: optimality claims that a stranger can re-check from the data alone.

A certificate states the question (loss, strengths, limits, groups, weights), the claims (a support with its objective
and a lower bound for every size) and the evidence: search trees whose leaves cover all supports. `ellzero.checker`
re-computes everything from X and y in plain NumPy and shares no code with the solvers.

A tree is its preorder: one number a node, the unit it branches on, -1 for a leaf or -2 where it goes on with one child;
of two children the first leaves the unit out, the second puts it in. A list that ends early or goes on is no tree, so
nothing can be dropped from it. Nodes are bounded by

* ``dual``: a sparse point; its residual is a dual vector, and weak duality bounds every support of the node. The same
  point may fix units and tighten limits for the rest of the subtree, and may be strengthened by a diagonal that the
  Gram matrix can spare;
* ``superset``: nothing stored; the least-squares value of all columns that a leaf allows bounds every support in it;
* ``enumeration``: no tree; all supports of at most three columns are scored again.

Whether a file is well formed is decided here (`sound_question` and its kin); the checker is arithmetic only.
"""

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from ._files import write_whole
from .errors import CertificateError, OutputError

FORMAT = "ellzero certificate 2"


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One support with its objective and what is proved about all others of its kind.

    Attributes
    ----------
    tree : int
        Which tree proves it.
    k : int or None
        The bound holds for all supports of at most k units; None: of any size.
    objective, lower_bound : float
    support : ndarray of int
    values : ndarray of float
        Coefficients of the support, data units.
    intercept : float
    gap : float
        ``(objective - lower_bound) / objective``; filled in by the checker.
    """

    tree: int
    k: int | None
    objective: float
    lower_bound: float
    support: np.ndarray
    values: np.ndarray
    intercept: float
    gap: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Evidence for some claims.

    Attributes
    ----------
    kind : {"dual", "superset", "enumeration"}
    branch : ndarray of int32, shape (n_nodes,)
        Preorder of the tree: a unit, -1 for a leaf, -2 where it goes on. The other parts are empty but for ``dual``.
    has_point : ndarray of bool, shape (n_nodes,)
        Whether a node has a point; an empty one is the empty model.
    indptr, indices, values : ndarrays of int64, int32, float64
        The points, a row a node, compressed: coefficients in data units.
    intercepts : ndarray of float64, shape (n_nodes,) or (0,)
        Intercepts of the points, for other losses than squared error.
    fix_indptr, fixes : ndarrays of int64, int32
        Units that a node's point decides for the rest of the subtree: ``u + 1`` puts u in, ``-(u + 1)`` leaves it out.
    box_indptr, box_column, box_lower, box_upper : ndarrays of int64, int32, float64, float64
        Tighter limits, in scaled columns, that a node's point proves for the rest of the subtree.
    diag : ndarray of int32, shape (n_nodes,)
        Which diagonal strengthens the bound of the node's point; -1 for none.
    diag_indptr, diag_columns, diag_values : ndarrays of int64, int32, float64
        The diagonals, a row each, compressed, in scaled columns.
    """

    kind: str
    branch: np.ndarray
    has_point: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray
    intercepts: np.ndarray
    fix_indptr: np.ndarray
    fixes: np.ndarray
    box_indptr: np.ndarray
    box_column: np.ndarray
    box_lower: np.ndarray
    box_upper: np.ndarray
    diag: np.ndarray
    diag_indptr: np.ndarray
    diag_columns: np.ndarray
    diag_values: np.ndarray

    @classmethod
    def plain(cls, kind: str, branch=()) -> "Tree":
        """A tree whose nodes have no points."""
        branch = np.asarray(branch, dtype=np.int32)
        nodes = branch.size if kind == "dual" else 0
        row, whole, real = np.zeros(nodes + 1, np.int64), np.empty(0, np.int32), np.empty(0)
        return cls(
            kind, branch, np.zeros(nodes, bool), row, whole, real, real, row, whole, row, whole, real, real,
            np.full(nodes, -1, np.int32), np.zeros(1, np.int64), whole, real,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What was asked: everything but X and y. Arrays have one entry a column or a unit.

    Attributes
    ----------
    weight : ndarray of shape (n_samples,) or (1,)
        One number stands for equal weights.
    n_samples : int
    requires : tuple of (unit, units)
        The unit may be in only if at least one of the units is.
    at_most : tuple of (number, sets of units)
        At most so many of the sets may have a unit that is in.
    offset : ndarray of shape (n_samples,) or (1,)
        Added to the linear predictor of each row; files without it have none.
    """

    loss: str
    l0: float
    l1: float
    l2: float
    fit_intercept: bool
    standardize: bool
    names: tuple[str, ...]
    lower: np.ndarray
    upper: np.ndarray
    unit: np.ndarray
    forced: np.ndarray
    forbidden: np.ndarray
    weight: np.ndarray
    n_samples: int
    requires: tuple[tuple[int, tuple[int, ...]], ...] = ()
    at_most: tuple[tuple[int, tuple[tuple[int, ...], ...]], ...] = ()
    offset: np.ndarray = field(default_factory=lambda: np.zeros(1))


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """Claims of optimality with their evidence.

    Attributes
    ----------
    question : Question
    claims : tuple of Claim
    trees : tuple of Tree
    recipe : dict
        How to rebuild X and y from the user's own table; written by the command, free for others.
    conditions : tuple of str
        What the proof takes for granted, in words.

    Examples
    --------
    >>> from ellzero import best_subset
    >>> X, y = np.random.default_rng(0).normal(size=(30, 6)), np.arange(30.0)
    >>> certificate = best_subset(X, y, k=2).certificate
    >>> [claim.k for claim in certificate.verify(X, y)]
    [2]
    """

    question: Question
    claims: tuple[Claim, ...]
    trees: tuple[Tree, ...]
    recipe: dict
    conditions: tuple[str, ...] = ()

    def with_recipe(self, recipe: dict) -> "Certificate":
        """The same certificate with a recipe (anything JSON can hold)."""
        return replace(self, recipe=json.loads(json.dumps(recipe)))

    def verify(self, X, y) -> tuple[Claim, ...]:
        """Re-check cover, every leaf and every incumbent from the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The design as it was given to the solver (a frame, a sparse matrix or an array).
        y : array-like of shape (n_samples,)

        Returns
        -------
        tuple of Claim
            The claims with the bounds and gaps that the checker found itself.

        Raises
        ------
        CertificateError
            The data or the proof do not bear a claim out; the message says which and by how much.
        """
        from .checker import Checker

        if not sound_question(self.question):
            raise CertificateError("the question in the certificate is malformed, or contradicts itself.")
        p, n_units = len(self.question.names), self.question.forced.size
        if not all(sound_claim(claim, p, len(self.trees)) for claim in self.claims):
            raise CertificateError("a claim of the certificate is malformed.")
        if not all(sound_tree(tree, self.question.unit, n_units) for tree in self.trees):
            raise CertificateError("a tree of the certificate is malformed.")
        return Checker(self, *sound_data(self.question, X, y)).run()

    def save(self, path) -> None:
        """Write one npz file with a JSON header, whole or not at all.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        header, arrays = _pack(self)

        def fill(draft: Path) -> None:
            with open(draft, "wb") as out:
                np.savez_compressed(out, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)

        try:
            write_whole(Path(path), fill)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}. Nothing was left behind.") from None

    @classmethod
    def load(cls, path) -> "Certificate":
        """Read a certificate.

        Raises
        ------
        CertificateError
            The file is not there, is not a certificate, or is damaged.
        """
        try:
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            header = json.loads(arrays.pop("header").tobytes().decode())
            if header["format"] != FORMAT:
                raise CertificateError(f"{path} has the format {header['format']!r}, this version reads {FORMAT!r}.")
            if header["digest"] != _digest(header, arrays):
                raise CertificateError(f"{path} is damaged: its contents do not match its own digest.")
            return _unpack(header, arrays)
        except FileNotFoundError:
            raise CertificateError(f"no certificate at {path}.") from None
        except (OSError, EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            if isinstance(error, CertificateError):
                raise
            raise CertificateError(f"{path} is not a readable ellzero certificate ({type(error).__name__}).") from None


# ---- what is well formed


def sound_question(q: Question) -> bool:
    """Whether a question is of the right types, and does not contradict itself; an integer is no mask."""
    p = len(q.names)
    if not (p > 0 and _array(q.unit, "i", p) and isinstance(q.n_samples, int) and _array(q.weight, "f", q.weight.size)):
        return False
    n_units = int(q.unit.max()) + 1
    rules = [(unit, (units,)) for unit, units in q.requires]
    return bool(
        q.loss in ("squared", "logistic", "poisson")
        and all(_number(strength) and strength >= 0 for strength in (q.l0, q.l1, q.l2))
        and isinstance(q.fit_intercept, bool)
        and isinstance(q.standardize, bool)
        and all(_array(limit, "f", p) for limit in (q.lower, q.upper))
        and (q.lower <= 0).all()
        and (q.upper >= 0).all()
        and np.array_equal(np.unique(q.unit), np.arange(n_units))
        and all(_array(mask, "b", n_units) for mask in (q.forced, q.forbidden))
        and not (q.forced & q.forbidden).any()
        and q.weight.size in (1, q.n_samples)
        and np.isfinite(q.weight).all()
        and (q.weight >= 0).all()
        and q.weight.any()
        and q.offset.size in (1, q.n_samples)
        and _array(q.offset, "f", q.offset.size)
        and np.isfinite(q.offset).all()
        and all(_whole(unit, n_units) for unit, _ in q.requires)
        and all(_whole(most, n_units + 1) and len(sets) for most, sets in q.at_most)
        and all(len(s) and all(_whole(u, n_units) for u in s) for _, sets in (*rules, *q.at_most) for s in sets)
    )


def sound_data(q: Question, X, y) -> tuple[np.ndarray, np.ndarray]:
    """X and y as arrays of finite numbers.

    Raises
    ------
    CertificateError
        They are not of the shape that the question has, or not finite.
    """
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=np.float64)
    y, p = np.asarray(y, dtype=np.float64).ravel(), len(q.names)
    if X.shape != (q.n_samples, p) or y.shape != (q.n_samples,):
        raise CertificateError(
            f"the certificate is about {q.n_samples} rows and {p} columns, X has shape {X.shape}, y {y.shape}."
        )
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise CertificateError("X and y must be finite numbers.")
    return X, y


def sound_claim(claim: Claim, n_columns: int, n_trees: int) -> bool:
    """Whether a claim is of the right types, and names columns and a tree that exist."""
    return bool(
        (claim.k is None or _whole(claim.k))
        and _whole(claim.tree, n_trees)
        and all(_number(value) for value in (claim.objective, claim.lower_bound, claim.intercept))
        and _indices(claim.support, 0, n_columns)
        and _array(claim.values, "f", claim.support.size)
        and np.isfinite(claim.values).all()
        and np.unique(claim.support).size == claim.support.size
    )


def sound_tree(tree: Tree, unit: np.ndarray, n_units: int) -> bool:
    """Whether the parts of a tree fit together; whether it is a tree at all, the checker finds on its walk."""
    p, n, diagonals = unit.size, tree.branch.size, tree.diag_indptr.size - 1
    if tree.kind != "dual":
        return tree.kind in ("superset", "enumeration") and _indices(tree.branch, -1, n_units)
    return bool(
        _indices(tree.branch, -2, n_units)
        and _array(tree.has_point, "b", n)
        and tree.intercepts.size in (0, n)
        and _rows(tree.indptr, n, tree.indices, tree.values)
        and _rows(tree.fix_indptr, n, tree.fixes)
        and _rows(tree.box_indptr, n, tree.box_column, tree.box_lower, tree.box_upper)
        and _rows(tree.diag_indptr, diagonals, tree.diag_columns, tree.diag_values)
        and all(_indices(columns, 0, p) for columns in (tree.indices, tree.box_column, tree.diag_columns))
        and (np.bincount(unit, minlength=n_units)[unit[tree.box_column]] == 1).all()
        and _indices(np.abs(tree.fixes), 1, n_units + 1)
        and _array(tree.diag, "i", n)
        and _indices(tree.diag, -1, diagonals)
        and all(_array(part, "f", part.size) for part in (tree.values, tree.intercepts, tree.diag_values))
        and all(np.isfinite(part).all() for part in (tree.values, tree.intercepts, tree.diag_values))
        and all(_array(part, "f", part.size) for part in (tree.box_lower, tree.box_upper))
        and (tree.box_lower <= 0).all()
        and (tree.box_upper >= 0).all()
        and (tree.has_point | (np.diff(tree.indptr) + np.diff(tree.fix_indptr) + np.diff(tree.box_indptr) == 0)).all()
        and (tree.has_point | (tree.diag < 0)).all()
    )


def _number(value) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and np.isfinite(value)
    )


def _whole(value, end: float = np.inf) -> bool:
    """Whether a value is an integer from 0 up to an end."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end


def _array(value, kind: str, size: int) -> bool:
    """Whether a value is a vector of a kind ("b" bool, "i" integer, "f" float) and a size."""
    return isinstance(value, np.ndarray) and value.shape == (size,) and value.dtype.kind == kind


def _indices(value, first: int, end: int) -> bool:
    """Whether a value is a vector of integers in a range."""
    return _array(value, "i", value.size) and bool(((value >= first) & (value < end)).all())


def _rows(indptr, n: int, *parts) -> bool:
    """Whether pointers divide vectors of one length into n rows."""
    ends = all(part.shape == (indptr[-1],) for part in parts) if _array(indptr, "i", n + 1) else False
    return bool(ends and indptr[0] == 0 and (np.diff(indptr) >= 0).all())


# ---- the file


LISTS = ("names", "requires", "at_most")
QUESTION_ARRAYS = ("lower", "upper", "unit", "forced", "forbidden", "weight")
TREE_ARRAYS = tuple(part.name for part in fields(Tree) if part.name != "kind")


def _digest(header: dict, arrays: dict) -> str:
    """Hash of everything but the digest itself; it finds damage, not fraud: fraud is found by arithmetic."""
    sha = hashlib.sha256(json.dumps({k: v for k, v in header.items() if k != "digest"}, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return sha.hexdigest()


def _pack(certificate: Certificate) -> tuple[dict, dict]:
    question = certificate.question
    arrays = {f"question_{name}": getattr(question, name) for name in QUESTION_ARRAYS}
    if question.offset.any():
        arrays["question_offset"] = question.offset
    for t, tree in enumerate(certificate.trees):
        arrays |= {f"tree{t}_{name}": getattr(tree, name) for name in _parts_of(tree.kind)}
    claims = [
        {
            **{name: getattr(c, name) for name in ("tree", "k", "objective", "lower_bound", "intercept")},
            "support": c.support.tolist(),
            "values": c.values.tolist(),
        }
        for c in certificate.claims
    ]
    plain = [part.name for part in fields(Question) if part.name not in (*QUESTION_ARRAYS, "offset")]
    header = {
        "format": FORMAT,
        "question": {name: getattr(question, name) for name in plain},
        "trees": [tree.kind for tree in certificate.trees],
        "claims": claims,
        "conditions": list(certificate.conditions),
        "recipe": certificate.recipe,
    }
    header["digest"] = _digest(json.loads(json.dumps(header)), arrays)
    return header, arrays


def _unpack(header: dict, arrays: dict) -> Certificate:
    question = {**header["question"], **{name: _tuples(header["question"][name]) for name in LISTS}}
    question |= {name: arrays[f"question_{name}"] for name in QUESTION_ARRAYS}
    question["offset"] = arrays.get("question_offset", np.zeros(1))
    trees = [
        replace(Tree.plain(kind), **{name: arrays[f"tree{t}_{name}"] for name in _parts_of(kind)})
        for t, kind in enumerate(header["trees"])
    ]
    claims = [
        Claim(**{**claim, "support": np.array(claim["support"], np.int64), "values": np.array(claim["values"], float)})
        for claim in header["claims"]
    ]
    return Certificate(Question(**question), tuple(claims), tuple(trees), header["recipe"], tuple(header["conditions"]))


def _parts_of(kind: str) -> tuple[str, ...]:
    """Arrays of a tree that are written: all of them where nodes have points."""
    return TREE_ARRAYS if kind == "dual" else ("branch",)


def _tuples(value):
    """JSON's lists as tuples, at every depth."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
