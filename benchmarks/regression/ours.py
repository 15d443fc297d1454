"""ellzero on real data: its path, and the size that its criterion or cross-validation chooses."""

import warnings

import numpy as np

USUAL = 20  # largest size that the estimators offer unless they are told


class Ellzero:
    """The path, and the estimator that chooses by its criterion, up to the largest size compared."""

    packages = ("ellzero", "numpy")

    def __init__(self, case, limit):
        import ellzero as ez

        self.ez, self.case = ez, case
        self.question = {"forced": case.forced, "time_limit": limit}
        self.question |= {"lower": 0.0} if case.nonnegative else {}

    def path(self, X, y):
        k = max(self.case.sizes)
        found = self.ez.path(X, y, k=k, loss=self.case.loss, l2=self.case.l2, **self.question)
        criterion = found.default_criterion
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = found.best(criterion)
        facts = {"criterion": criterion, "chosen": int(chosen.k), "status": found.results[-1].status.value}
        facts["objectives"] = {int(k): r.objective for k, r in zip(found.sizes, found, strict=True)}
        return [r.support for r in found], facts

    def fit(self, X, y):
        largest = max(self.case.sizes)
        more = {"max_k": largest} if largest > USUAL else {}
        return self._fitted(self._face(**more, **self.question), X, y)

    def _face(self, **options):
        if self.case.classes:
            return self.ez.L0Classifier(**options)
        if self.case.loss == "cox":
            return self.ez.L0Cox(**options)
        return self.ez.L0Regressor(loss=self.case.loss, **options)

    def _fitted(self, model, X, y):
        model.fit(X, y)
        if self.case.loss == "multinomial":
            return model.coef_.T, model.intercept_
        return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


class EllzeroCV(Ellzero):
    """The estimator that chooses by cross-validation among its usual sizes; for survival the functions behind it."""

    def fit(self, X, y):
        ez = self.ez
        if self.case.classes:
            return self._fitted(ez.L0ClassifierCV(**self.question), X, y)
        if self.case.loss != "cox":
            return self._fitted(ez.L0RegressorCV(loss=self.case.loss, **self.question), X, y)
        chosen = ez.cross_validate(X, y, loss="cox", **self.question).k_best
        return ez.best_subset(X, y, k=chosen, loss="cox", **self.question).coef, 0.0
