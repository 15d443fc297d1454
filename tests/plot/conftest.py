"""Answers on real data that pictures are drawn from, found once; nothing is shown and no figure is left behind."""

import matplotlib
import pytest

import ellzero as ez

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _no_window(monkeypatch):
    from matplotlib import pyplot as plt

    def never(*_, **__):
        raise AssertionError("a picture was shown")

    monkeypatch.setattr(plt, "show", never)
    assert plt.get_fignums() == []
    yield
    left = plt.get_fignums()
    plt.close("all")
    assert left == [], "a figure was left open"


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    return Figure(figsize=(6, 4), layout="constrained").subplots()


@pytest.fixture(scope="session")
def hitters():
    return ez.datasets.load_hitters(as_frame=True)


@pytest.fixture(scope="session")
def diabetes():
    return ez.datasets.load_diabetes(as_frame=True)


@pytest.fixture(scope="session")
def path(hitters):
    return ez.path(hitters.X, hitters.y, k=19)


@pytest.fixture(scope="session")
def near(diabetes):
    return ez.rivals(diabetes.X, diabetes.y, k=5, within=0.037)


@pytest.fixture(scope="session")
def folds(diabetes):
    return ez.cross_validate(diabetes.X, diabetes.y, k=9, random_state=0)


@pytest.fixture(scope="session")
def lasso(hitters):
    return ez.penalty_path(hitters.X, hitters.y, n_strengths=37)


@pytest.fixture(scope="session")
def proved(hitters):
    return ez.best_subset(hitters.X, hitters.y, k=6, solver="branch")


@pytest.fixture(scope="session")
def stable(diabetes):
    return ez.stability(diabetes.X, diabetes.y, k=4, n_draws=9, threshold=0.8, random_state=0)


@pytest.fixture(scope="session")
def pictures(path, near, folds, lasso, proved, stable):
    """Every picture of the main job, as a function of axes."""
    return {
        "path": lambda ax=None: path.plot(ax=ax),
        "path in data units": lambda ax=None: ez.plot.path(path, ax, standardized=False),
        "criteria": lambda ax=None: path.plot("criteria", ax),
        "three criteria": lambda ax=None: ez.plot.criteria(path, ax, criterion=["bic", "aic", "cp"]),
        "held out": lambda ax=None: folds.plot(ax),
        "squares": lambda ax=None: path.plot("squares", ax),
        "squares of rivals": lambda ax=None: near.plot("squares", ax),
        "rivals": lambda ax=None: near.plot(ax=ax),
        "penalty path": lambda ax=None: lasso.plot(ax),
        "gap": lambda ax=None: proved.plot("gap", ax),
        "coefficients": lambda ax=None: proved.plot(ax=ax),
        "coefficients and frequencies": lambda ax=None: proved.plot(ax=ax, stability=stable),
        "stability": lambda ax=None: stable.plot(ax),
    }


NAMES = [
    "path", "path in data units", "criteria", "three criteria", "held out", "squares", "squares of rivals", "rivals",
    "penalty path", "gap", "coefficients", "coefficients and frequencies", "stability",
]  # fmt: skip


@pytest.fixture(params=NAMES)
def picture(request, pictures):
    assert set(NAMES) == set(pictures)
    return pictures[request.param]
