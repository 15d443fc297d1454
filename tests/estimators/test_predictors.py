"""What a regressor and a classifier answer: the library's answers, copied, and the predictions that follow."""

import gc
import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor

import ellzero as ez
from ellzero.errors import ArgumentError, EllzeroWarning
from oracles import Question, optimum


def target(model, houses):
    """The target that suits a model."""
    if "Classifier" in type(model).__name__ or model.get_params().get("loss") == "logistic":
        return houses.labels
    return houses.counts if model.loss == "poisson" else houses.y


PREDICTORS = [
    ez.L0Regressor(),
    ez.L0Regressor(k=2, loss="poisson"),
    ez.L0Regressor(l0=0.37, l2=0.019),
    ez.L0Classifier(k=2),
    ez.L0RegressorCV(k=4, cv=3),
    ez.L0RegressorCV(k=3, cv=3, loss="poisson"),
    ez.L0ClassifierCV(k=3, cv=3),
]
by_name = pytest.mark.parametrize("model", [clone(m) for m in PREDICTORS], ids=str)


def test_chooses_its_size_and_says_how(houses):
    model = ez.L0Regressor().fit(houses.frame, houses.y)
    assert model.support_.tolist() == houses.support
    assert (model.k_, model.criterion_, model.status_) == (2, "bic", ez.Status.HEURISTIC)
    values = model.path_.criteria("bic")
    assert min(values, key=values.__getitem__) == 2
    assert list(model.path_.sizes) == list(range(7))
    assert model.result_.names_in_support == ("rooms", "area")


def test_where_columns_outnumber_rows_the_criterion_is_ebic():
    X = np.random.default_rng(3).normal(size=(30, 57))
    model = ez.L0Regressor().fit(X, 3 * X[:, 11] + 0.37 * X[:, 5] ** 2)
    assert model.criterion_ == "ebic"
    assert model.support_.tolist() == [11]
    assert model.path_.sizes[-1] == 6  # 30 / (log 57 log log 30); of nine columns the best fit this noise too well


def test_the_largest_size_offered_is_a_limit_and_a_warning(houses):
    with pytest.warns(EllzeroWarning, match="largest on the path"):
        model = ez.L0Regressor(max_k=1).fit(houses.array, houses.y)
    assert model.k_ == 1


@pytest.mark.parametrize("question", [{"k": 2}, {"l0": 0.37}, {"k": 3, "l0": 0.019, "l2": 0.11}], ids=str)
@pytest.mark.parametrize("certify", [False, True])
def test_a_given_question_is_the_library_s(houses, question, certify):
    model = ez.L0Regressor(**question, certify=certify).fit(houses.array, houses.y)
    truth = optimum(Question(houses.array, houses.y, **question))
    assert model.support_.tolist() == list(truth.columns)
    assert model.objective_ == pytest.approx(truth.objective, rel=1e-9)
    np.testing.assert_allclose(model.coef_, truth.coef, rtol=1e-7)
    assert model.status_ is (ez.Status.OPTIMAL if certify else ez.Status.HEURISTIC)
    assert model.path_ is None
    assert model.criterion_ is None


def test_a_proof_can_be_checked(houses):
    model = ez.L0Regressor(k=2, certify=True).fit(houses.frame, houses.y)
    assert model.gap_ <= 1e-6
    assert [claim.k for claim in model.certificate_.verify(houses.frame, houses.y)] == [2]
    classifier = ez.L0Classifier(k=1, certify=True).fit(houses.frame, houses.labels)
    assert classifier.status_ is ez.Status.OPTIMAL
    assert list(classifier.certificate_.verify(houses.frame, houses.labels == classifier.classes_[1]))


def test_a_named_solver_answers(houses):
    model = ez.L0Regressor(k=2, solver="stepwise").fit(houses.array, houses.y)
    assert model.result_.solver == "stepwise"
    assert [step.k for step in model.result_.trace]


def test_refit_on_other_data_gives_the_other_answer(houses):
    model = ez.L0Regressor().fit(houses.frame, houses.y)
    model.fit(houses.array[:, ::-1][:, :5], houses.y)
    assert model.support_.tolist() == [3, 4]
    assert model.n_features_in_ == 5
    assert not hasattr(model, "feature_names_in_")
    assert model.result_.names == ("x0", "x1", "x2", "x3", "x4")
    model.set_params(k=1).fit(houses.array, houses.y)
    assert model.path_ is None
    assert model.k_ == 1


@by_name
def test_integer_weights_are_repeated_rows(model, houses):
    y, w = target(model, houses), houses.weight
    rows = np.repeat(np.arange(90), w)
    weighted, long = clone(model), clone(model)
    if "cv" in model.get_params():  # the same folds for both
        for one, fold in ((weighted, houses.fold % 3), (long, houses.fold[rows] % 3)):
            one.set_params(cv=[(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)])
    weighted.fit(houses.array, y, sample_weight=w)
    long.fit(houses.array[rows], y[rows])
    np.testing.assert_allclose(weighted.coef_, long.coef_, rtol=1e-7, atol=1e-10)
    assert weighted.score(houses.array, y, w) == pytest.approx(long.score(houses.array[rows], y[rows]))
    if "cv" in model.get_params():
        ours, theirs = weighted.cross_validation_, long.cross_validation_
        np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-6)
        np.testing.assert_allclose(ours.fold_weights, theirs.fold_weights)


@by_name
def test_sparse_data_give_the_dense_answer(model, houses):
    y = target(model, houses)
    X = np.where(np.abs(houses.array) > 0.6, houses.array, 0.0)
    dense = clone(model).fit(X, y)
    kind = "decision_function" if hasattr(dense, "decision_function") else "predict"
    for form in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array):
        thin = clone(model).fit(form(X), y)
        np.testing.assert_allclose(thin.coef_, dense.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(getattr(thin, kind)(form(X)), getattr(dense, kind)(X), rtol=1e-5, atol=1e-7)


@by_name
def test_to_sklearn_predicts_the_same(model, houses):
    fitted = clone(model).fit(houses.frame, target(model, houses))
    plain = fitted.to_sklearn()
    assert type(plain) in (LinearRegression, LogisticRegression, PoissonRegressor)
    fresh = houses.frame * 0.37 + 1.9
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(fitted, method):
            ours, theirs = getattr(fitted, method)(fresh), getattr(plain, method)(fresh)
            assert ours.dtype == theirs.dtype
            assert (ours == theirs).all() if ours.dtype.kind == "U" else np.allclose(ours, theirs, rtol=1e-12)
    assert plain.feature_names_in_.tolist() == list(houses.frame)
    plain.coef_[:] = 0.0
    assert fitted.coef_.any()


def test_to_sklearn_without_an_intercept_and_after_pickling(houses):
    for model in (ez.L0Regressor(k=2, fit_intercept=False), ez.L0Classifier(k=2, fit_intercept=False)):
        fitted = model.fit(houses.array, target(model, houses))
        plain = pickle.loads(pickle.dumps(fitted.to_sklearn()))
        assert not np.any(plain.intercept_)
        assert (plain.predict(houses.array) == fitted.predict(houses.array)).all()


@by_name
def test_what_is_pickled_is_small_and_predicts(model, houses):
    times = 40
    X, y = np.tile(houses.array, (times, 1)), np.tile(target(model, houses), times)
    fitted = clone(model).fit(X, y)
    stored = pickle.dumps(fitted)
    assert len(stored) < 16_000 < X.nbytes / 10  # neither the rows nor anything as long as they are
    again = pickle.loads(stored)
    assert (again.predict(houses.array) == fitted.predict(houses.array)).all()
    assert again.result_.formula() == fitted.result_.formula()


def test_labels_of_any_type(houses):
    for labels in ([False, True], [-1, 1], [37, 19], ["no", "yes"], np.array(["no", "yes"], dtype=object)):
        y = np.asarray(labels)[(houses.labels == "sold").astype(int)]
        model = ez.L0Classifier(k=2).fit(houses.array, y)
        assert model.classes_.tolist() == sorted(labels)
        assert set(model.predict(houses.array)) <= set(labels)
        second = model.predict_proba(houses.array)[:, 1]
        assert (model.predict(houses.array) == model.classes_[(second > 0.5).astype(int)]).all()
        np.testing.assert_allclose(np.log(second / (1 - second)), model.decision_function(houses.array), rtol=1e-9)
        assert model.coef_.shape == (1, 6)
        assert model.intercept_.shape == (1,)


def test_separable_classes_need_the_ridge(houses):
    y = houses.array[:, 1] > 5
    assert np.isfinite(ez.L0Classifier(k=1).fit(houses.array, y).coef_).all()
    with pytest.raises(ValueError, match="separated perfectly by x1"):
        ez.L0Classifier(k=1, l2=0.0).fit(houses.array, y)


def test_limits_groups_and_names_reach_the_question(houses):
    model = ez.L0Regressor(k=2, forced=["light"], forbidden="area").fit(houses.frame, houses.y)
    assert model.support_.tolist() == [1, 4]
    model = ez.L0Regressor(k=1, groups={"rooms": "size", "area": "size"}).fit(houses.frame, houses.y)
    assert (model.k_, model.support_.tolist()) == (1, [1, 2])
    model = ez.L0Regressor(k=2, upper=[9, 1.1, 9, 9, 9, 9]).fit(houses.frame, houses.y)
    assert model.coef_[1] == pytest.approx(1.1)


def test_odd_columns_are_a_warning_that_names_them(houses):
    frame = houses.frame.assign(copy=2 - 3 * houses.frame["age"], one=1.9)
    with pytest.warns(EllzeroWarning) as caught:
        model = ez.L0Regressor(k=2).fit(frame, houses.y)
    assert model.support_.tolist() == houses.support
    assert [str(w.message) for w in caught] == [
        "constant columns never enter: one.",
        "columns depend linearly on others, so no data can tell them apart: copy. "
        "The answer uses one of the equivalent supports.",
    ]
    assert {w.filename for w in caught} == {__file__}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 7}, r"`k` must be an integer in \[0, 6\], got 7. X has 6 columns."),
        (
            {"k": 2, "criterion": "bic"},
            "`criterion` chooses the size where neither `k` nor `l0` is given; got it with `k`",
        ),
        ({"l0": 0.37, "max_k": 3}, "`max_k` chooses the size where neither .* got it with `l0`"),
        ({"max_k": 7}, r"`max_k` must be an integer in \[0, 6\], got 7. X has 6 columns."),
        ({"criterion": "bci"}, 'Did you mean "bic"'),
        ({"loss": "logistic"}, "`loss` must be one of squared, poisson, gamma, huber, got 'logistic'"),
        ({"k": 2, "solver": "brench"}, 'Did you mean "branch"'),
        ({"k": 2, "forced": ["arae"]}, 'no column "arae". Did you mean "area"'),
        ({"l2": -1.9}, "`l2` must be a finite number >= 0"),
        ({"time_limit": 0}, "`time_limit` must be a number > 0"),
        ({"n_jobs": 0}, "`n_jobs` must be"),
    ],
)
def test_what_is_wrong_is_said(houses, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        ez.L0Regressor(**arguments).fit(houses.frame, houses.y)


def test_data_that_cannot_be_answered_are_refused(houses):
    with pytest.raises(ValueError, match=r"Only binary classification is supported.*multiclass: y has 3 classes"):
        ez.L0Selector(loss="logistic").fit(houses.array, houses.weight % 3)
    with pytest.raises(ValueError, match='y is "sold" in every row that counts'):
        ez.L0Classifier().fit(houses.array, houses.labels, sample_weight=houses.labels == "sold")
    with pytest.raises(ValueError, match="counts >= 0"):
        ez.L0Regressor(loss="poisson").fit(houses.array, houses.y)
    with pytest.raises(ValueError, match="sample_weight"):
        ez.L0Regressor().fit(houses.array, houses.y, sample_weight=-houses.weight)


def test_progress_is_told(houses):
    events = []
    ez.L0RegressorCV(k=3, cv=3, on_progress=events.append).fit(houses.array, houses.y)
    assert "cross-validation" in {event.stage for event in events}


@pytest.mark.parametrize("question", [{"k": 3}, {}])
def test_a_fitted_estimator_without_a_proof_does_not_keep_the_data(question):
    X = np.random.default_rng(19).normal(size=(91, 7))
    model = ez.L0Regressor(**question).fit(X, X[:, 1] + 0.37 * X[:, 4] ** 2)
    assert model.result_.n_samples == 91
    gc.collect()
    problems = [held for held in gc.get_objects() if type(held) is ez.Problem and held.X.shape == (91, 7)]
    assert problems == []
