"""Readers of the sets that are stored as arrays (npz), one for each way of storing them.

Each takes the opened file and returns ``(X, y, names, more)``: `names` is None where the columns have none, `more`
goes into the bunch.
"""

from functools import partial

import numpy as np


def plain(z, X="X", y="y", names=None, unit=""):
    """X and y under their keys; y stays as it is, numbers or labels."""
    return z[X].astype(float), z[y], None if names is None else [f"{name}{unit}" for name in z[names]], {}


def survival(z):
    return z["X"].astype(float), censored(z["event"], z["time"]), z["feature_names"], {}


def censored(event, time):
    """Times with a flag, True where the event was seen: the structured array that survival packages take."""
    y = np.empty(len(time), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, time
    return y


def two_responses(z):
    """The first of the two responses is y; both are kept beside it, with the coefficients they were drawn with."""
    more = {"responses": z["Y"], "true_coef": z["true_coef"], "position": z["position"]}
    X = z["X"].astype(float)
    return X, z["Y"][:, 0], [f"snp{j}" for j in range(X.shape[1])], more


def b_cells(z):
    """BCR/ABL against NEG among the B-cell samples, the usual question."""
    kept = np.char.startswith(z["BT"], "B") & np.isin(z["molecular"], ["BCR/ABL", "NEG"])
    return z["X"][kept].astype(float), z["molecular"][kept], z["probe"], {"sample": z["sample"][kept]}


def packed_genotypes(z):
    """Four genotypes a byte, 3 for a missing one; float32, for float64 would take 228 MB to hold 0, 1 and 2."""
    packed = z["packed"]
    genotypes = np.empty((packed.shape[0], 4 * packed.shape[1]), dtype=np.float32)
    for place in range(4):
        genotypes[:, place::4] = (packed >> (2 * place)) & 3
    genotypes[genotypes == 3] = np.nan
    names = z["rsid"].astype(str)
    return genotypes.T, z["y"], names, {"stratum": z["stratum"], "position": z["position"]}


def train_and_test(z):
    train = np.arange(len(z["y_train"]) + len(z["y_test"])) < len(z["y_train"])
    X = np.concatenate([z["X_train"], z["X_test"]]).astype(float)
    return X, np.concatenate([z["y_train"], z["y_test"]]), None, {"train": train}


def log_returns(z):
    """Daily log returns of the stocks and of the index they make up."""
    X, y = np.diff(np.log(z["prices"].astype(float)), axis=0), np.diff(np.log(z["index"]))
    return X, y, z["ticker"], {"date": z["date"][1:], "sector": z["sector"], "company": z["company"]}


def document_terms(z):
    """Counts of words in mails, a scipy.sparse CSR array."""
    from scipy.sparse import csr_array

    parts = (z["data"].astype(float), z["indices"].astype(np.int32), z["indptr"])
    return csr_array(parts, shape=tuple(z["shape"])), z["y"], z["vocab"], {"group": z["group"]}


wavelengths = partial(plain, names="wavelength_nm", unit="nm")
genes = partial(plain, names="gene_id")
probes = partial(plain, names="probe")
