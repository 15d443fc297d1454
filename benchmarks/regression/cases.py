"""Real data sets as questions: design, target, loss, what is asked besides, and which rows are held out.

Every case is written once to benchmarks/.cache/regression/data, columns as rows, so that rivals in another environment
read the same arrays. Data without a natural order are cut into five folds by one seed, every class spread over them;
returns are cut in time. Targets are numbers, for classes their places, for survival a column of times and one of
events.
"""

import json
from dataclasses import asdict, dataclass, field

import numpy as np
from scipy import sparse

from .logbook import CACHE

FOLDS = 5


@dataclass(frozen=True)
class Case:
    """What is asked of a data set. `sizes` are those at which losses are compared; the path goes to the largest."""

    name: str
    loss: str
    sizes: tuple[int, ...]
    l2: float = 0.0  # on columns of unit deviation, in the path and its refitted losses
    nonnegative: bool = False
    forced: tuple[int, ...] = ()
    tests: tuple[tuple[int, int], ...] = ()  # rows from..to held out, with all rows before them to fit
    why: str = field(default="", compare=False)

    @property
    def classes(self):
        return self.loss in ("logistic", "multinomial")

    def splits(self, y):
        """Train and test rows."""
        if self.tests:
            return [(np.arange(start), np.arange(start, stop)) for start, stop in self.tests]
        return folds(y if self.classes else np.zeros(len(y)))

    def question(self):
        return asdict(self)


def folds(label, number=FOLDS, seed=0):
    """Train and test rows of shuffled folds, rows of one label dealt out to all of them."""
    order = np.random.default_rng(seed).permutation(len(label))
    order = order[np.argsort(label[order], kind="stable")]
    parts = [np.sort(order[i::number]) for i in range(number)]
    return [(np.setdiff1d(order, part), part) for part in parts]


RIDGE = 1e-3  # of the cases with classes: those that few columns separate have no finite optimum
CASES = (
    Case("gasoline_nir", "squared", (3, 6, 10)),
    Case("finemap_n3", "squared", (3, 6, 10)),
    Case("golub38", "logistic", (1, 3, 6), l2=RIDGE),
    Case("all_leukemia", "logistic", (2, 5, 10), l2=RIDGE),
    Case("caravan", "logistic", (5, 10, 20), l2=RIDGE),
    Case("spamassassin", "logistic", (10, 30, 60), l2=RIDGE),
    Case("gwas_chr10", "logistic", (2, 4, 8), l2=RIDGE, forced=(0,)),
    Case("flights", "squared", (5, 15, 30)),
    Case("bioChemists", "poisson", (1, 3, 5)),
    Case("DoctorVisits", "poisson", (3, 6, 10)),
    Case("NMES1988", "poisson", (5, 10, 15)),
    Case("badhealth", "poisson", (1, 2)),
    Case("rwm5yr", "poisson", (3, 6, 10)),
    Case("sp500_tracking", "squared", (10, 25, 50), nonnegative=True, tests=((753, 1005), (1005, 1257))),
    Case("skfolio_sp500", "squared", (3, 8, 15), nonnegative=True, tests=((5000, 6000), (6000, 7000), (7000, 8312))),
    Case("khan", "multinomial", (1, 3, 6), l2=RIDGE),
    Case("nci60", "multinomial", (1, 3, 6), l2=RIDGE),
    Case("surv_dlbcl", "cox", (1, 3, 6)),
    Case("surv_support2", "cox", (5, 10, 15)),
)
BY_NAME = {case.name: case for case in CASES}


def files(case, root):
    """Names of the arrays of a case, made on first use; a question beside them for the processes."""
    folder = CACHE / "data"
    file = folder / f"{case.name}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        X, y = READERS[case.name](root)
        y = np.asarray(y, float)
        if sparse.issparse(X):
            X = sparse.csc_matrix(X, dtype=float)
            np.savez(file, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=y)
        else:
            np.savez(file, XT=np.ascontiguousarray(np.asarray(X, float).T), y=y)
    (folder / f"{case.name}.json").write_text(json.dumps(case.question()))
    return file


def load(file):
    """Design, dense in Fortran order or CSC, and target."""
    stored = np.load(file)
    if "XT" in stored:
        return stored["XT"].T, stored["y"]
    return sparse.csc_matrix((stored["data"], stored["indices"], stored["indptr"]), shape=stored["shape"]), stored["y"]


def _arrays(root, folder, file="data.npz"):
    return np.load(root / folder / file)


def _table(root, folder, file, target, drop=()):
    """Numbers as they are, every other column as dummies without its first level."""
    import pandas as pd

    frame = pd.read_csv(root / folder / file).dropna()
    return _coded(frame, target, drop)


def _coded(frame, target, drop):
    import pandas as pd

    y = frame[target]
    X = pd.get_dummies(frame.drop(columns=[target, *drop]), drop_first=True, dtype=float)
    return X.to_numpy(float), y


def _gasoline(root):
    stored = _arrays(root, "gasoline_nir")
    return stored["X"], stored["y"]


def _finemap(root):
    stored = _arrays(root, "finemap_n3")
    return stored["X"], stored["Y"][:, 0]


def _golub(root):
    stored = _arrays(root, "golub38")
    return stored["X"], stored["y"]


def _leukaemia(root):
    stored = _arrays(root, "all_leukemia")
    rows = np.char.startswith(stored["BT"], "B") & np.isin(stored["molecular"], ("BCR/ABL", "NEG"))
    return stored["X"][rows], stored["molecular"][rows] == "BCR/ABL"


def _caravan(root):
    X, y = _table(root, "caravan", "data.csv.gz", "Purchase")
    return X, y == "Yes"


def _spam(root):
    stored = np.load(root / "spamassassin" / "dtm.npz")
    parts = stored["data"].astype(float), stored["indices"].astype(np.int32), stored["indptr"]
    return sparse.csr_matrix(parts, shape=tuple(stored["shape"])), stored["y"]


def _gwas(root):
    """The stratum first; a missing genotype is its column's mean, as single-variant tests take it."""
    stored = _arrays(root, "gwas_chr10")
    packed = stored["packed"]
    G = np.empty((len(packed), 4 * packed.shape[1]))
    for i in range(4):
        G[:, i::4] = (packed >> (2 * i)) & 3
    missing = G == 3
    means = np.where(missing, 0.0, G).sum(1) / np.maximum((~missing).sum(1), 1)
    G = np.where(missing, means[:, None], G)
    G = G[G.std(1) > 0]
    return np.vstack([stored["stratum"] == 2, G]).T, stored["y"]


def _flights(root):
    import pandas as pd

    frame = pd.read_parquet(root / "flights" / "flights.parquet")
    for name in ("month", "day", "hour"):
        frame[name] = frame[name].astype("category")
    return _coded(frame, "arr_delay", ())


def _tracking(root):
    stored = _arrays(root, "sp500_tracking")
    returns = np.diff(np.log(stored["prices"].astype(float)), axis=0)
    return returns, np.diff(np.log(stored["index"]))


def _skfolio(root):
    import pandas as pd

    prices = pd.read_csv(root / "skfolio_sp500" / "sp500_dataset.csv.gz", index_col=0)
    index = pd.read_csv(root / "skfolio_sp500" / "sp500_index.csv.gz", index_col=0)
    return np.diff(np.log(prices.to_numpy(float)), axis=0), np.diff(np.log(index.to_numpy(float)[:, 0]))


def _khan(root):
    """The rows of both parts: folds say more of an error than the twenty published test rows."""
    stored = _arrays(root, "khan")
    labels = np.append(stored["y_train"], stored["y_test"])
    return np.vstack([stored["X_train"], stored["X_test"]]), np.unique(labels, return_inverse=True)[1]


LEAST = 5  # rows of a class that every fold is to have one of


def _nci60(root):
    """Types of cancer with a row for every fold: eight of fourteen."""
    stored = _arrays(root, "nci60")
    _, place, counts = np.unique(stored["y"], return_inverse=True, return_counts=True)
    rows = counts[place] >= LEAST
    return stored["X"][rows], np.unique(place[rows], return_inverse=True)[1]


def _dlbcl(root):
    stored = _arrays(root, "surv_dlbcl")
    return stored["X"], np.column_stack([stored["time"], stored["event"]])


# of SUPPORT2: found out after two months, an order that may be given at any time, and a column that is there twice
LATER = ("fac_sfdm2", "fac_dnr", "fac_num_co")


def _support2(root):
    """A missing number is its column's median over all rows, alike for every solver and fold."""
    import pandas as pd

    frame = pd.read_csv(root / "surv_support2" / "data.csv.gz")
    y = frame[["time", "event"]].to_numpy(float)
    frame = frame.drop(columns=["time", "event", *LATER])
    numbers = frame.select_dtypes("number").columns
    frame[numbers] = frame[numbers].fillna(frame[numbers].median())
    return pd.get_dummies(frame, drop_first=True, dtype=float).to_numpy(float), y


OUTCOMES = ("nvisits", "ovisits", "novisits", "emergency", "hospital")  # of NMES1988, no features
READERS = {
    "gasoline_nir": _gasoline,
    "finemap_n3": _finemap,
    "golub38": _golub,
    "all_leukemia": _leukaemia,
    "caravan": _caravan,
    "spamassassin": _spam,
    "gwas_chr10": _gwas,
    "flights": _flights,
    "bioChemists": lambda root: _table(root, "counts_small", "bioChemists.csv.gz", "art"),
    "DoctorVisits": lambda root: _table(root, "counts_small", "DoctorVisits.csv.gz", "visits"),
    "NMES1988": lambda root: _table(root, "counts_small", "NMES1988.csv.gz", "visits", OUTCOMES),
    "badhealth": lambda root: _table(root, "counts_small", "badhealth.csv.gz", "numvisit"),
    "rwm5yr": lambda root: _table(root, "rwm5yr", "data.csv.gz", "docvis", ("id", "hospvis")),
    "sp500_tracking": _tracking,
    "skfolio_sp500": _skfolio,
    "khan": _khan,
    "nci60": _nci60,
    "surv_dlbcl": _dlbcl,
    "surv_support2": _support2,
}
