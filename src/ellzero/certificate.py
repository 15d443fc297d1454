r"""Certificates: optimality claims that a stranger can re-check from the data alone.

A certificate states the question (loss, strengths, limits, groups, weights), the claims (a support with its objective
and a lower bound for every size) and the evidence: search trees whose leaves cover all supports. `ellzero.checker`
re-computes everything from X and y in plain NumPy and shares no code with the solvers.

A tree is its preorder: one number a node, the unit it branches on or -1 for a leaf; the first child leaves the unit
out, the second puts it in. A list that ends early or goes on is no tree, so nothing can be dropped from it. Leaves are
proved by

* ``dual``: a sparse point; its residual r is a dual vector, and weak duality bounds every support of the leaf;
* ``superset``: nothing stored; the least-squares value of all columns still allowed bounds every support within them,
  :math:`\tfrac12(\|r\|^2 - \|X_S^\top r\|^2/\mu)` with :math:`\mu` below the least eigenvalue of the Gram matrix;
* ``enumeration``: no tree; all supports of at most three columns are scored again.
"""

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ._files import write_whole
from .errors import CertificateError, OutputError

FORMAT = "ellzero certificate 1"


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
    branch : ndarray of int
        Preorder of the tree.
    point : ndarray of int
        For ``dual``: the point of each leaf, in preorder.
    indptr, indices, values, intercepts : ndarrays
        The points: coefficients in data units by rows, compressed, and their intercepts.
    """

    kind: str
    branch: np.ndarray
    point: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def plain(cls, kind: str, branch=()) -> "Tree":
        """A tree without points."""
        none = np.empty(0)
        return cls(
            kind,
            np.asarray(branch, dtype=np.int32),
            none.astype(np.int32),
            np.zeros(1, np.int64),
            none.astype(np.int32),
            none,
            none,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What was asked: everything but X and y. Arrays have one entry a column, but `weight`: one a row."""

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

        return Checker(self, X, y).run()

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


# ---- the file


QUESTION_ARRAYS = ("lower", "upper", "unit", "forced", "forbidden", "weight")
TREE_ARRAYS = ("branch", "point", "indptr", "indices", "values", "intercepts")


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
    for t, tree in enumerate(certificate.trees):
        arrays |= {f"tree{t}_{name}": getattr(tree, name) for name in TREE_ARRAYS}
    claims = [
        {
            **{name: getattr(c, name) for name in ("tree", "k", "objective", "lower_bound", "intercept")},
            "support": c.support.tolist(),
            "values": c.values.tolist(),
        }
        for c in certificate.claims
    ]
    names = ("loss", "l0", "l1", "l2", "fit_intercept", "standardize", "names")
    header = {
        "format": FORMAT,
        "question": {name: getattr(question, name) for name in names},
        "trees": [tree.kind for tree in certificate.trees],
        "claims": claims,
        "conditions": list(certificate.conditions),
        "recipe": certificate.recipe,
    }
    header["digest"] = _digest(json.loads(json.dumps(header)), arrays)
    return header, arrays


def _unpack(header: dict, arrays: dict) -> Certificate:
    question = {**header["question"], "names": tuple(header["question"]["names"])}
    question |= {name: arrays[f"question_{name}"] for name in QUESTION_ARRAYS}
    trees = [
        Tree(kind, **{name: arrays[f"tree{t}_{name}"] for name in TREE_ARRAYS})
        for t, kind in enumerate(header["trees"])
    ]
    claims = [
        Claim(**{**claim, "support": np.array(claim["support"], np.int64), "values": np.array(claim["values"], float)})
        for claim in header["claims"]
    ]
    return Certificate(Question(**question), tuple(claims), tuple(trees), header["recipe"], tuple(header["conditions"]))
