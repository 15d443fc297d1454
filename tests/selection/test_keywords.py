"""Keywords: what a function does not take is refused in its own name, with what was probably meant."""

import inspect
import warnings

import numpy as np
import pytest

import ellzero as ez
from ellzero.errors import ArgumentError, DataError, EllzeroWarning
from ellzero.selection.keywords import QUESTION

RNG = np.random.default_rng(37)
X = RNG.normal(size=(40, 6))
Y = X[:, 1] - X[:, 3] + 0.37 * RNG.normal(size=40)
CALLS = {
    "average": {"k": 2},
    "best_subset": {"k": 2},
    "compare": {"k": 2},
    "cross_validate": {"k": 2},
    "honest": {"k": 2},
    "knockoffs": {},
    "path": {"k": 2},
    "penalty_path": {},
    "rivals": {"k": 2, "within": 0.1},
    "stability": {"k": 2},
}
PASSING = ("average", "compare", "cross_validate", "honest", "stability")  # those that hand a question on


def own(name):
    parameters = inspect.signature(getattr(ez, name)).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


@pytest.mark.parametrize("name", CALLS)
def test_every_keyword_is_meant_by_its_misspelling(name):
    words = own(name)
    further = () if name not in PASSING else own("rivals") if name == "average" else QUESTION
    for word in {*words, *further} - {"k", "l0", "l1", "l2", "cv"}:
        with pytest.raises(TypeError) as caught:
            getattr(ez, name)(X, Y, **CALLS[name], **{word[:-1] + "_": None})
        text = str(caught.value)
        assert text.startswith(f"{name}() got an unexpected keyword argument '{word[:-1]}_'. Did you mean '"), text


@pytest.mark.parametrize("name", CALLS)
def test_what_is_like_nothing_gets_no_suggestion(name):
    with pytest.raises(TypeError, match=rf"^{name}\(\) got an unexpected keyword argument 'zzz'\.$"):
        getattr(ez, name)(X, Y, **CALLS[name], zzz=0.37)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "knockoffs"])
def test_a_typing_slip_names_the_keyword(name):
    with pytest.raises(TypeError, match=rf"^{name}\(\) .* 'sample_weights'\. Did you mean 'sample_weight'\?$"):
        getattr(ez, name)(X, Y, **CALLS[name], sample_weights=np.ones(40))


@pytest.mark.parametrize("name", PASSING)
def test_what_is_handed_on_is_taken(name):
    """Every keyword of a question that the docstring names is accepted."""
    usual = {
        "l1": 0.0, "l2": 0.0, "lower": -19.0, "upper": 19.0, "groups": None, "forced": ["c1"], "forbidden": ["c5"],
        "constraints": (), "offset": np.full(40, 0.37), "fit_intercept": True, "standardize": True,
    }  # fmt: skip
    cheap = {"compare": {"solvers": ["exchange"], "certify": False}, "stability": {"n_draws": 2}}.get(name, {})
    if name == "average":  # limits would make the search another one
        usual["lower"] = usual["upper"] = None
    named = {f"c{j}": X[:, j] for j in range(6)}
    getattr(ez, name)(named, Y, **CALLS[name], **cheap, **usual)
    if name != "average":
        names = [f"c{j}" for j in range(6)]
        getattr(ez, name)(X, Y, **CALLS[name], **cheap, **usual, names=names)


@pytest.mark.parametrize("name", ["stability", "honest", "cross_validate"])
def test_a_price_is_refused_where_sizes_are_chosen(name):
    with pytest.raises(ArgumentError, match=rf"^`l0`, the price of a column, has no meaning in {name}, .* got 0\.37\."):
        getattr(ez, name)(X, Y, k=2, l0=0.37)


@pytest.mark.parametrize("loss", ["squared", "logistic", "multinomial", "cox"])
@pytest.mark.parametrize("name", CALLS)
def test_a_missing_response_is_told(name, loss):
    question = {} if name == "knockoffs" else {"loss": loss}
    with pytest.raises(DataError, match=r"^y must hold what belongs to each row of X, got None\. Hint: "):
        getattr(ez, name)(X, None, **CALLS[name], **question)


def test_a_warning_points_at_the_caller():
    constant = np.column_stack([X, np.ones(40)])
    for name, more in CALLS.items():
        if name in ("knockoffs", "average", "cross_validate"):
            continue
        cheap = {"compare": {"solvers": ["exchange"], "certify": False}, "stability": {"n_draws": 2}}.get(name, {})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", EllzeroWarning)
            getattr(ez, name)(constant, Y, **more, **cheap)
        assert [w.filename for w in caught if "constant" in str(w.message)] == [__file__]
