"""Every message of the library in one readable list: what must hold, what was got, what to do."""

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

import ellzero as ez
from ellzero import constraints as rules
from ellzero import errors, geometry
from ellzero.geometry import descent
from ellzero.geometry.frequency import constrained
from ellzero.nn import networks
from ellzero.plot.style import new_axes

X = np.random.default_rng(37).normal(size=(19, 4))
Y = X[:, 1] - 1.9 * X[:, 3] + 0.37 * X[:, 0] ** 2
CLASSES = (Y > 0).astype(float)
BOWL = geometry.quadratic([[1.0, 0.37], [0.37, 1.9]], [1.9, 0.37])
COUNTS = np.arange(19.0) % 4


def ask(X=X, y=Y, **question):
    return ez.best_subset(X, y, **({"k": 2} | question))


def learn(method="l2", X=X, y=None, **options):
    y = CLASSES.astype(int) if y is None else y
    return descent.train(descent.LinearModel(4, 2), X, y, method, **({"strength": 0.37, "epochs": 3} | options))


class Frame(dict):
    """A mapping of names to columns, as the command hands them over."""


NAMED = {"price": X[:, 0], "area": X[:, 1], "year": X[:, 2], "rooms": X[:, 3]}

BOWL = geometry.quadratic(np.eye(2), [0.0, 0.0])

MESSAGES = [
    (lambda: ask(k=None), errors.ArgumentError,
     "Give `k` (at most so many columns), `l0` (the price of a column), or both. Got neither."),
    (lambda: ask(k=7), errors.ArgumentError, "`k` must be an integer in [0, 4], got 7. X has 4 columns."),
    (lambda: ask(k=2.0), errors.ArgumentError, "`k` must be an integer in [0, 4], got 2.0. X has 4 columns."),
    (lambda: ask(k=3, groups=[0, 0, 1, 1]), errors.ArgumentError,
     "`k` must be an integer in [0, 2], got 3. X has 2 groups."),
    (lambda: ask(l0=-0.37), errors.ArgumentError, "`l0` must be a finite number >= 0, got -0.37."),
    (lambda: ask(l2=np.inf), errors.ArgumentError, "`l2` must be a finite number >= 0, got inf."),
    (lambda: ez.penalties.Separable(l1=np.array([0.37, -1.9])), errors.ArgumentError,
     "every entry of `l1` must be a finite number >= 0."),
    (lambda: ez.penalties.Lp(0.37, 1.9), errors.ArgumentError,
     "`p` must be a number in (0, 1), got 1.9. Hint: L1 is p = 1, L0 is p = 0."),
    (lambda: ez.penalties.SCAD(0.37, 1.0), errors.ArgumentError, "`gamma` must be a finite number > 1, got 1.0."),
    (lambda: ez.penalties.GroupL0(0.37, [0, 0, 1], [1.9]), errors.ArgumentError,
     "`weights` must hold one finite number >= 0 for each of 2 groups."),
    (lambda: ez.penalty_path(X, Y, penalty="lasso"), errors.ArgumentError,
     "`penalty` must be one of l1, elastic_net, adaptive_l1, reweighted_l1, ridge, mcp, scad, lp, log_sum, l0, l0l1, "
     "l0l2, group_l1, group_l0, got 'lasso'."),
    (lambda: ez.penalty_path(X, Y, strengths=[0.37, -1.9]), errors.ArgumentError,
     "`strengths` must be finite numbers > 0, got [0.37, -1.9]."),
    (lambda: ez.penalty_path(X, Y, penalty="l0l2", gammas=[]), errors.ArgumentError,
     "`gammas` must be finite numbers >= 0, got []."),
    (lambda: ez.penalty_path(X, Y, penalty="elastic_net", l1_ratio=0.0), errors.ArgumentError,
     "`l1_ratio` must be a share in (0, 1], got 0.0."),
    (lambda: ez.penalty_path(X, np.column_stack([Y, Y])), errors.UnsupportedError,
     "penalty_path takes a single response and losses that are sums over rows, got 2 of the squared loss. "
     "Hint: `path` takes several outputs, several classes and survival times."),
    (lambda: ez.penalty_path(X, Y, factors=[1.0, 0.37]), errors.ArgumentError,
     "`factors` must hold one finite number >= 0 for each of 4 columns."),
    (lambda: ez.penalty_path(X, Y, penalty="adaptive_l1", initial=[0.37]), errors.ArgumentError,
     "`initial` must hold one finite number for each of 4 columns."),
    (lambda: ez.penalty_path(X, Y, penalty="ridge", l2=0.37), errors.ArgumentError,
     "`l2` has no meaning for the penalty ridge; it belongs to l1, elastic_net, adaptive_l1, reweighted_l1, mcp, "
     "scad, lp, log_sum, l0, l0l1, l0l2. Hint: leave it out, or choose one of these."),
    (lambda: ez.penalty_path(X, Y, gamma=1.9), errors.ArgumentError,
     "`gamma` has no meaning for the penalty l1; it belongs to mcp, scad. Hint: leave it out, or choose one of "
     "these."),
    (lambda: ez.penalty_path(X, Y, penalty="group_l1"), errors.ArgumentError,
     '`penalty` "group_l1" needs `groups`: one label a column.'),
    (lambda: ez.penalty_path(X, CLASSES, penalty="l0", loss="logistic", swaps=True), errors.UnsupportedError,
     "swaps are for the penalties l0, l0l1 and l0l2 and squared error; here penalty is l0, loss logistic."),
    (lambda: ask(gap=-1), errors.ArgumentError, "`gap` must be a fraction >= 0 (0.01 is 1 %), got -1."),
    (lambda: ask(time_limit=0), errors.ArgumentError, "`time_limit` must be a number > 0, got 0."),
    (lambda: ask(n_jobs=0), errors.ArgumentError, "`n_jobs` must be an integer >= 1, or -1 for all cores, got 0."),
    (lambda: ask(loss="squard"), errors.ArgumentError,
     "`loss` must be one of squared, logistic, poisson, gamma, huber, squared_hinge, multinomial, cox, got 'squard'. "
     'Did you mean "squared"?'),
    (lambda: ask(solver="trunk"), errors.ArgumentError,
     "`solver` must be one of auto, exhaustive, branch, stepwise, exchange, splicing, mip, got 'trunk'."),
    (lambda: ez.compare(ez.Problem.from_data(X, Y, k=2), k=3, l2=0.37), errors.ArgumentError,
     "a Problem brings its whole question; `k`, `l2` cannot be given beside it. Hint: Problem.from_data takes them."),
    (lambda: ez.compare(X, Y, k=2, solvers=[]), errors.ArgumentError,
     "`solvers` must hold names or solvers, such as ['exchange', ez.solvers.Branch()], got []."),
    (lambda: ez.compare(X, Y, k=2, solvers=["trunk"], certify=False), errors.ArgumentError,
     "`solvers` must be one of auto, exhaustive, branch, stepwise forward, stepwise backward, stepwise both, exchange, "
     "splicing, mip, stepwise, got 'trunk'."),
    (lambda: ez.stability(X, Y, k=2, threshold=1.9), errors.ArgumentError,
     "`threshold` must be a share in (0, 1], got 1.9."),
    (lambda: ez.stability(X[:1], Y[:1], k=1), errors.DataError,
     "stability needs two rows that count at least, to choose on parts of them; got 1."),
    (lambda: ez.honest(X, Y - Y.min() + 0.37, k=2, loss="gamma"), errors.UnsupportedError,
     "honest has standard errors for a single response and the losses squared, logistic, poisson, got the gamma loss. "
     "Hint: `stability` takes every loss and several outputs."),
    (lambda: ez.honest(X, np.column_stack([Y, Y]), k=2), errors.UnsupportedError,
     "honest has standard errors for a single response and the losses squared, logistic, poisson, got 2 of the squared "
     "loss. Hint: `stability` takes every loss and several outputs."),
    (lambda: ez.cross_validate(X, Y, k=2, sample_weight=np.full(19, -0.37)), errors.DataError,
     "sample_weight must be >= 0, got -0.37 as the smallest."),
    (lambda: ez.cross_validate(X, np.where(X[:, 0] == X[3, 0], np.nan, CLASSES), loss="logistic"), errors.DataError,
     "y has 1 value that is NaN or infinite (1 row). Hint: drop or impute them first; nothing was fitted."),
    (lambda: ez.L0Cox(k=1).fit(X, np.column_stack([COUNTS, CLASSES])).predict_survival(X, [0.37, np.nan]),
     errors.DataError, "`times` must hold numbers, got NaN. Hint: inf is after the last event."),
    (lambda: ez.L0Classifier(k=1, loss="squared_hinge").fit(X, COUNTS), errors.DataError,
     'Only binary classification is supported. The type of the target is multiclass: y has 4 classes. '
     'Hint: loss="logistic" takes several.'),
    (lambda: ez.honest(X, Y, k=2, share=1), errors.ArgumentError, "`share` must be a share in (0, 1), got 1."),
    (lambda: ez.honest(X, Y, k=2, share=0.037), errors.DataError,
     "19 rows cannot be split into 1 that choose and 18 that judge: both need two at least."),
    (lambda: ez.honest(X, Y, k=4, share=0.85), errors.DataError,
     "3 rows are left to judge 5 coefficients, which leaves no room for an error. Hint: a smaller `k` or `share`."),
    (lambda: ez.honest(np.column_stack([Y, np.arange(19) == 3]), Y + np.arange(19) % 2 + 9.0 * (np.arange(19) == 3),
                       k=2, random_state=2), errors.DataError,
     "the rows that judge do not tell x0, x1 apart: one of them is constant there, or a combination of others. "
     "Hint: another `random_state`, a smaller `share`, or many splits."),
    (lambda: ez.average(X, Y, k=2, criterion="cp"), errors.ArgumentError,
     "`criterion` must be one of bic, ebic, aic, aicc, gic, got 'cp'."),
    (lambda: ez.knockoffs(X[:8], Y[:8]), errors.DataError,
     "knockoffs of 4 columns need 9 rows at least, X has 8. Hint: fewer columns, or `stability`."),
    (lambda: ez.knockoffs(np.column_stack([X, X[:, 1] - X[:, 3]]), Y), errors.DataError,
     "x1, x3, x4: constant, or a combination of each other, so that no knockoff can be told from its column. "
     "Hint: leave one of them out."),
    (lambda: ask(loss=ez.losses.Huber(delta=0)), errors.ArgumentError,
     "`delta` must be a finite number > 0, got 0."),
    (lambda: ask(loss="gamma"), errors.DataError, f"y must be > 0 for the gamma loss, got {Y.min():g}."),
    (lambda: ask(y=COUNTS, loss="squared_hinge"), errors.DataError,
     "y must be 0 or 1 for the squared hinge loss, got 0, 1, 2, 3."),
    (lambda: ask(loss="huber", solver="branch", l2=0.37), errors.UnsupportedError,
     "solver 'branch' refuses this problem: exact search knows squared error, the logistic and the Poisson loss, and "
     'has no bound for the huber loss. Hint: solver="exchange" searches without a proof.'),
    (lambda: ask(loss=ez.losses.Cox(ties="effron")), errors.ArgumentError,
     "`ties` must be one of breslow, efron, got 'effron'. Did you mean \"efron\"?"),
    (lambda: ask(loss="cox"), errors.DataError,
     "y must hold a time and an event a row: two columns (time, event), or a structured array with a number and a "
     "bool, got shape (19,)."),
    (lambda: ask(y=np.ones(19, [("days", "f8"), ("weeks", "f8")]), loss="cox"), errors.DataError,
     "y must hold a time and an event a row: two columns (time, event), or a structured array with a number and a "
     "bool, got the fields days, weeks."),
    (lambda: ask(y=np.column_stack([Y, CLASSES]), loss="cox"), errors.DataError,
     f"the times in y must be >= 0, got {Y.min():g}."),
    (lambda: ask(y=np.column_stack([CLASSES, COUNTS]), loss="cox"), errors.DataError,
     "the events in y must be 0 or 1, got 0, 1, 2, 3. Hint: y has the columns time and event, in this order."),
    (lambda: ask(y=np.column_stack([COUNTS, 0 * COUNTS]), loss="cox"), errors.DataError,
     "no row that counts has an event; the partial likelihood needs at least one."),
    (lambda: ask(y=np.column_stack([COUNTS, CLASSES]), loss=ez.losses.Cox(strata=[0, 1])), errors.ArgumentError,
     "`strata` must hold one label a row, got shape (2,) for 19 rows."),
    (lambda: ez.losses.Cox().value(Y, Y), errors.UnsupportedError,
     "the cox loss is no sum over rows, so a row has no value, derivative or conjugate."),
    (lambda: ask(X[:, :1], np.column_stack([X[:, 0] + 7, np.ones(19)]), k=1, loss="cox"), errors.DataError,
     "with x0 the partial likelihood has no maximum: some coefficient grows without end, as where a group has no "
     "event. Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."),
    (lambda: ask(random_state=-1), errors.ArgumentError,
     "`random_state` must be None, an integer >= 0 or a NumPy generator, got -1."),
    (lambda: ask(NAMED, forced=["prise"]), errors.ArgumentError,
     '`forced`: no column "prise". Did you mean "price"? X has 4 columns.'),
    (lambda: ask(forbidden=[4]), errors.ArgumentError,
     "`forbidden` must be an integer in [0, 3], got 4. X has 4 columns."),
    (lambda: ask(forced=[0], forbidden=[0]), errors.InfeasibleError, "x0 is both forced and forbidden."),
    (lambda: ask(k=1, forced=[0, 2]), errors.InfeasibleError,
     "2 forced columns do not fit into k = 1; forced columns count in k."),
    (lambda: ask(np.column_stack([X, np.full(19, 1.9)]), forced=[4]), errors.InfeasibleError,
     "x4 is forced but constant, so its coefficient is not determined."),
    (lambda: ask(constraints="strong"), errors.ArgumentError,
     "`constraints` must be a sequence of rules such as ez.constraints.StrongHierarchy(), got 's'."),
    (lambda: ask(constraints=3), errors.ArgumentError,
     "`constraints` must be a sequence of rules such as ez.constraints.StrongHierarchy(), got 3."),
    (lambda: ask(constraints=[rules.AtMostOne(1.9)]), errors.ArgumentError,
     "a rule in `constraints` must name columns, by name or index, got 1.9."),
    (lambda: ask(NAMED, constraints=[rules.AtMostOne(["prise", "area"])]), errors.ArgumentError,
     '`constraints`: no column "prise". Did you mean "price"? X has 4 columns.'),
    (lambda: ask(groups=[0, 0, 1, 1], constraints=[rules.AtMost(1, [0, 2])]), errors.ArgumentError,
     "`constraints`: no group 2; the groups are 0, 1. Hint: a list names columns, [2]."),
    (lambda: ask(constraints=[rules.StrongHierarchy([0])]), errors.ArgumentError,
     "`parents` must be a mapping from a column to those it needs, {child: [parents]}, got [0]."),
    (lambda: ask(constraints=[rules.StrongHierarchy({0: [0, 1]})]), errors.ArgumentError,
     "`parents`: x0 has itself as a parent. Hint: leave out columns that need no other."),
    (lambda: ask(constraints=[rules.WeakHierarchy({0: []})]), errors.ArgumentError,
     "`parents`: x0 has no parents. Hint: leave out columns that need no other."),
    (lambda: ask(constraints=[rules.WeakHierarchy()]), errors.ArgumentError,
     'no column of X has a name like "a:b" with columns "a" or "b" beside it, so a hierarchy has nothing to act on. '
     "Hint: parents={child: [parents]} names them."),
    (lambda: ask(NAMED | {"area:size": X[:, 0]}, constraints=[rules.StrongHierarchy()]), errors.ArgumentError,
     "\"area:size\" has no column 'size' to be its parent. "
     "Hint: add the column, or name the parents with parents={child: [parents]}."),
    (lambda: ask(constraints=[rules.AtMost(-1, [[0], [1]])]), errors.ArgumentError,
     "`q` must be an integer >= 0, got -1."),
    (lambda: ask(constraints=[rules.Linear({0: "much"}, upper=1)]), errors.ArgumentError,
     "`coef` of a linear row must hold numbers, got ['much']."),
    (lambda: ask(constraints=[rules.Linear({0: np.inf}, upper=1)]), errors.ArgumentError,
     "`coef` of a linear row must hold one finite number a column, got [inf]."),
    (lambda: ask(constraints=[rules.Linear({0: 1.9}, lower=2, upper=1)]), errors.ArgumentError,
     "a linear row needs `lower` <= `upper`, at least one of them finite, got 2 and 1."),
    (lambda: ask(constraints=[rules.Linear(upper=1)]), errors.ArgumentError,
     "a linear row needs a weight that is not zero in `coef` or in `indicator`, got none."),
    (lambda: ask(forced=[0], forbidden=[1], constraints=[rules.StrongHierarchy({0: [1]})]), errors.InfeasibleError,
     "x0 must be in and needs x1, which cannot be in: forbidden, constant, or ruled out by another rule."),
    (lambda: ask(forced=[0, 1], constraints=[rules.AtMostOne([0, 1])]), errors.InfeasibleError,
     "at most 1 of x0, x1 may be in, but all of them must be."),
    (lambda: ask(forced=[0], k=3, constraints=[
        rules.WeakHierarchy({0: [1, 2]}), rules.StrongHierarchy({1: [3], 2: [3]}), rules.AtMostOne([1, 3]),
        rules.AtMostOne([2, 3])]), errors.InfeasibleError,
     "no support that contains x0 keeps all rules in `constraints`."),
    (lambda: ask(forced=[0], constraints=[rules.StrongHierarchy({0: [1, 2]})]), errors.InfeasibleError,
     "the forced columns and what they need are 3 (x0, x1, x2) and do not fit into k = 2."),
    (lambda: ask(solver="exhaustive", constraints=[rules.AtMostOne([0, 1])]), errors.UnsupportedError,
     "solver 'exhaustive' refuses this problem: leaps and bounds cannot keep rules on which columns go together. "
     "Hint: branch, with l2 > 0 (1e-3 is a small ridge) or limits."),
    (lambda: ask(solver="exchange", constraints=[rules.Linear({0: 1.9}, upper=1)]), errors.UnsupportedError,
     "solver 'exchange' refuses this problem: linear rows need a mixed-integer solver. Hint: solver=\"mip\"."),
    (lambda: ez.path(X, Y, constraints=[rules.Linear({0: 1.9}, upper=1)]), errors.UnsupportedError,
     'linear rows are answered for one size or price at a time. Hint: best_subset(..., solver="mip").'),
    (lambda: ask(lower=0.37), errors.ArgumentError,
     "`lower` must be <= 0 and `upper` >= 0: a column that is left out has the coefficient 0. "
     "Hint: use `forced` for a column that must be in."),
    (lambda: ask(lower=[np.nan, 0, 0, 0]), errors.ArgumentError,
     "`lower` and `upper` must not be NaN; use infinities for no limit."),
    (lambda: ask(upper=[1.0, 1.9]), errors.ArgumentError, "`upper` has 2 entries, X has 4 columns."),
    (lambda: ask(groups=[0, 1]), errors.ArgumentError, "`groups` has 2 entries, X has 4 columns."),
    (lambda: ask(np.where(X > 1.9, np.nan, X)), errors.DataError,
     "X has 3 values that are NaN or infinite in x0, x1, x3 (3 rows). "
     "Hint: drop or impute them first; nothing was fitted."),
    (lambda: ask(y=np.where(Y > 1.9, np.inf, Y)), errors.DataError,
     "y has 6 values that are NaN or infinite (6 rows). Hint: drop or impute them first; nothing was fitted."),
    (lambda: ask(y=Y[:7]), errors.DataError, "y has 7 entries, X has 19 rows."),
    (lambda: ask(y=np.column_stack([CLASSES, CLASSES]), loss="logistic"), errors.DataError,
     "y must have one dimension, got shape (19, 2)."),
    (lambda: ask(y=np.ones((19, 2, 2))), errors.DataError,
     "y must have one dimension, or one column an output, got shape (19, 2, 2)."),
    (lambda: ask(y=np.column_stack([Y, Y]), l1=0.37), errors.UnsupportedError,
     "l1 needs a single response. Hint: l2, groups, forced and forbidden go with several outputs or classes."),
    (lambda: ask(y=COUNTS, loss="multinomial", upper=1.9), errors.UnsupportedError,
     "`lower` and `upper` need a single response. "
     "Hint: l2, groups, forced and forbidden go with several outputs or classes."),
    (lambda: ask(y=COUNTS, loss="multinomial", constraints=[rules.Linear({0: 1.9}, upper=1)]), errors.UnsupportedError,
     "linear conditions need a single response. "
     "Hint: l2, groups, forced and forbidden go with several outputs or classes."),
    (lambda: ask(y=COUNTS, loss="multinomial", offset=Y), errors.UnsupportedError,
     "offsets of this loss need a single response. "
     "Hint: l2, groups, forced and forbidden go with several outputs or classes."),
    (lambda: ask(y=np.column_stack([Y, Y]), solver="branch"), errors.UnsupportedError,
     "solver 'branch' refuses this problem: it proves answers for a single response only. "
     "Hint: exchange or stepwise, which prove nothing."),
    (lambda: ask(y=np.column_stack([Y, Y]), solver="exhaustive"), errors.UnsupportedError,
     "solver 'exhaustive' refuses this problem: it proves answers for a single response only. "
     "Hint: exchange or stepwise, which prove nothing."),
    (lambda: ask(y=np.column_stack([Y, Y]), solver="mip"), errors.UnsupportedError,
     "solver 'mip' refuses this problem: it proves answers for a single response only. "
     "Hint: exchange or stepwise, which prove nothing."),
    (lambda: ask(y=np.column_stack([Y, Y])).criterion("cp"), errors.DataError,
     "criterion cp is defined for a single response. Hint: bic or aic."),
    (lambda: ask(y=np.column_stack([Y, Y])).criterion("adjr2"), errors.DataError,
     "criterion adjr2 is defined for a single response. Hint: bic or aic."),
    (lambda: ask(loss="multinomial"), errors.DataError,
     "y must hold classes for the multinomial loss, got numbers with fractions."),
    (lambda: ask(y=["a"] * 18 + [None], loss="multinomial"), errors.DataError,
     "y must hold classes of one kind, all text or all numbers, got NoneType, str."),
    (lambda: ask(y=["a"] * 19, loss="multinomial"), errors.DataError,
     "y is a in every row; the multinomial loss needs at least two classes."),
    (lambda: ask(y=COUNTS, loss="multinomial", sample_weight=(COUNTS != 3).astype(float)), errors.DataError,
     "no row that counts has the class 3.0. Hint: leave out its rows, or fewer folds."),
    (lambda: ask(y=COUNTS, loss=ez.losses.Multinomial((0, 1, 2))), errors.DataError,
     "y has classes that the loss does not know: 3.0."),
    (lambda: ask(y=np.digitize(X[:, 1], [-0.37, 0.37]), loss="multinomial", k=1), errors.DataError,
     "some classes are separated perfectly by x1: without a ridge the coefficients grow without end. "
     "Hint: l2=1e-3 is a small ridge."),
    (lambda: ask(X[:, 0]), errors.DataError, "X must have two dimensions (n_samples, n_features), got shape (19,)."),
    (lambda: ask(X[:0], Y[:0]), errors.DataError, "X must have at least one row and one column, got shape (0, 4)."),
    (lambda: ask(X * 1j), errors.DataError, "X is complex. Complex data not supported."),
    (lambda: ask(np.array([["a", "b"]] * 19)), errors.DataError,
     "X must hold numbers, got text. Hint: code text columns as 0/1 columns that form one group."),
    (lambda: ask(sample_weight=-np.ones(19)), errors.DataError, "sample_weight must be >= 0, got -1 as the smallest."),
    (lambda: ask(sample_weight=np.zeros(19)), errors.DataError,
     "sample_weight is zero for every row; at least one row must count."),
    (lambda: ask(y=COUNTS, loss="logistic"), errors.DataError,
     "y must be 0 or 1 for the logistic loss, got 0, 1, 2, 3."),
    (lambda: ask(y=np.ones(19), loss="logistic"), errors.DataError,
     "y is 1 in every row that counts; the logistic loss needs both classes."),
    (lambda: ask(y=COUNTS - 1, loss="poisson"), errors.DataError,
     "y must be counts >= 0 for the Poisson loss, got -1."),
    (lambda: ask(y=0 * COUNTS, loss="poisson"), errors.DataError,
     "y is 0 in every row that counts; the Poisson loss needs at least one positive count."),
    (lambda: ask(y=(X[:, 1] > 0.37).astype(float), loss="logistic", k=1), errors.DataError,
     "the classes are separated perfectly by x1: without a ridge the coefficients grow without end. "
     "Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."),
    (lambda: ask(X[:4], Y[:4], solver="branch"), errors.UnsupportedError,
     "solver 'branch' refuses this problem: branch and bound needs l2 > 0, limits on both sides of every coefficient, "
     "or, for squared error without groups, independent columns: without them its relaxation has no finite dual bound "
     "and proves nothing. Hint: l2=1e-3 is a small ridge."),
    (lambda: ez.solve(ez.problem.Problem.from_data(X, Y, k=1), "stepwise", start=[0]), errors.UnsupportedError,
     "stepwise cannot begin from a known support. Hint: solver=\"branch\" takes `start`."),
    (lambda: ez.solve(ez.problem.Problem.from_data(X, Y, k=1, l2=0.1), "branch", start=[0, 1]), errors.ArgumentError,
     "`start` (x0, x1) is no support of this question: it breaks a rule, or has more than k columns."),
    (lambda: ask(y=CLASSES, loss="logistic", solver="exhaustive"), errors.UnsupportedError,
     "solver 'exhaustive' refuses this problem: leaps and bounds need squared error without l1 and limits. "
     "Hint: branch, with l2 > 0 or limits."),
    (lambda: ask(X[:4], Y[:4], solver="mip"), errors.UnsupportedError,
     "solver 'mip' refuses this problem: nothing limits the coefficients of x0, x1, x2, x3: its cuts need l2 > 0, or "
     "limits on both sides, or columns that are independent, and no limit is ever guessed. "
     "Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."),
    (lambda: ask(constraints=ez.constraints.Linear(indicator=[1, 1, 1, 1], lower=3)), errors.InfeasibleError,
     "no support satisfies the linear conditions together with the size, the rules and the limits. "
     "Hint: a larger `k`, wider limits, or fewer conditions."),
    (lambda: ez.solvers.Mip("skip"), errors.ArgumentError,
     "`backend` must be one of highs, scip, gurobi, got 'skip'. Did you mean \"scip\"?"),
    (lambda: ask().predict(X[:, :2]), errors.DataError, "X has 2 columns, the model was fitted on 4."),
    (lambda: ask(NAMED).predict(dict(zip(("prise", "area", "year", "rooms"), X.T, strict=True))), errors.DataError,
     "the columns of X differ from the model's: prise. Hint: same names, same order."),
    (lambda: ask().predict_proba(X), errors.UnsupportedError,
     "probabilities need the logistic loss, this model has the squared loss."),
    (lambda: ask(y=CLASSES, loss="logistic", l2=0.37).criterion("cp"), errors.DataError,
     "criterion cp is defined for squared error, this model has the logistic loss. Hint: bic or aic."),
    (lambda: ask(X[:5], Y[:5]).criterion("cp"), errors.DataError,
     "Mallows' Cp needs the error variance of the full model: 5 parameters on 5 rows leave none. "
     "Hint: criterion ebic."),
    (lambda: ask().criterion("bik"), errors.ArgumentError,
     "`criterion` must be one of bic, ebic, aic, aicc, gic, cp, adjr2, got 'bik'. Did you mean \"bic\"?"),
    (lambda: ez.path(X, Y, k=2)[3], errors.ArgumentError, "the path has no size 3; it has the sizes 0, 1, 2."),
    (lambda: ez.path(X, Y, k=2)[True], errors.ArgumentError, "the path has no size True; it has the sizes 0, 1, 2."),
    (lambda: ez.path(X, Y, k=2).best(""), errors.ArgumentError,
     "`criterion` must be one of bic, ebic, aic, aicc, gic, cp, adjr2, got ''."),
    (lambda: ez.penalty_path(X, Y, n_strengths=7)[1:3], errors.ArgumentError,
     "a path of 7 models is read one at a time, by an integer in [-7, 6], got slice(1, 3, None). "
     "Hint: list(path) takes slices."),
    (lambda: ez.stability(X, Y, k=2, l0=0.37), errors.ArgumentError,
     "`l0`, the price of a column, has no meaning in stability, which goes by sizes; got 0.37. Hint: `k` is the size."),
    (lambda: ask(y=None), errors.DataError,
     "y must hold what belongs to each row of X, got None. Hint: give it beside X."),
    (lambda: ez.L0Cox().fit(X, None), errors.DataError,
     "y must hold what belongs to each row of X: L0Cox requires y to be passed, but the target y is None. "
     "Hint: fit(X, y)."),
    (lambda: ez.path(X, Y, k="all"), errors.ArgumentError,
     "`k` must be an integer or an iterable of integers, got 'all'."),
    (lambda: ez.path(X, Y, sample_weight=np.full(19, 1 / 19)).best(), errors.DataError,
     "no size leaves EBIC enough rows: every model on the path is saturated, the weights count as 1 rows. "
     "Hint: more rows, a smaller k, or weights that sum to the number of rows."),
    (lambda: ez.cross_validate(X, Y, cv=2, sample_weight=np.arange(19) < 7, random_state=None,
                               fold_groups=np.arange(19) < 7), errors.DataError,
     "fold 1 has no held-out row that counts. Hint: fewer folds, or other weights."),
    (lambda: ask(solver=ez.solvers.Branch(checkpoint=7), l2=0.19), errors.ArgumentError,
     "`checkpoint` must be the name of a file, got 7."),
    (lambda: ask(solver=ez.solvers.Branch(checkpoint="run.npz", checkpoint_every=0), l2=0.19), errors.ArgumentError,
     "`checkpoint_every` must be a number > 0, got 0."),
    (lambda: ask(solver=ez.solvers.Branch(checkpoint="nowhere/run.npz"), l2=0.19), errors.OutputError,
     "cannot write nowhere/run.npz: its folder does not exist. Hint: make it first; nothing was searched."),
    (lambda: ask(solver=ez.solvers.Branch(checkpoint=__file__), l2=0.19), errors.ArgumentError,
     f"`checkpoint`: {__file__} is damaged, or no checkpoint at all (ValueError); it was left as it is. "
     "Hint: remove it to begin anew, or name another file."),
    (lambda: ask(y=CLASSES, loss="logistic", solver=ez.solvers.Branch(checkpoint="run.npz"), l2=0.19),
     errors.UnsupportedError,
     "solver 'branch' refuses this problem: only a search for squared error without groups can be saved to a "
     "checkpoint. Hint: leave `checkpoint` out, and give the time that the search needs."),
    (lambda: ez.Certificate.load("nowhere.npz"), errors.CertificateError, "no certificate at nowhere.npz."),
    (lambda: networks.WideResNet(depth=27), errors.ArgumentError,
     "`depth` must be 6 n + 4 with n >= 1 blocks in a stage (10, 16, 22, 28, ...), got 27."),
    (lambda: networks.ResNet(shortcut="none"), errors.ArgumentError,
     "`shortcut` must be one of projection, pad, got 'none'."),
    (lambda: descent.TanhNetwork(4, 0, 2), errors.ArgumentError, "`hidden` must be an integer in [1, 1000000], got 0."),
    (lambda: learn(X=X[:, :3]), errors.DataError,
     "`X` must have a column for each of the model's 4 inputs, got shape (19, 3)."),
    (lambda: learn(X=np.where(np.arange(4) == 2, np.nan, X)), errors.DataError,
     "`X` has 19 entries that are NaN or infinite."),
    (lambda: learn(y=CLASSES), errors.DataError,
     "`y` must hold 19 integers, the classes 0 to 1, got shape (19,) of float64."),
    (lambda: learn(test=(X, np.arange(19))), errors.DataError,
     "`test` must hold 19 integers, the classes 0 to 1, got shape (19,) of int64. Seen: 0 to 18."),
    (lambda: learn("l1"), errors.ArgumentError,
     "`method` must be one of l1 subgradient, l1 proximal, l2, hard threshold, got 'l1'."),
    (lambda: learn(strength=None), errors.ArgumentError, 'the method "l2" needs `strength`.'),
    (lambda: learn("hard threshold", strength=None), errors.ArgumentError, 'the method "hard threshold" needs `k`.'),
    (lambda: learn("hard threshold", strength=0.37, k=2), errors.ArgumentError,
     '`strength` has no meaning for the method "hard threshold"; it belongs to l1 subgradient, l1 proximal, l2.'),
    (lambda: learn(k=2), errors.ArgumentError,
     '`k` has no meaning for the method "l2"; it belongs to hard threshold.'),
    (lambda: learn("hard threshold", strength=None, k=9), errors.ArgumentError,
     "`k` must be an integer in [0, 8], got 9. The model has 8 weights."),
    (lambda: learn("hard threshold", strength=None, k=2, dense=1.9), errors.ArgumentError,
     "`dense` must be a share in [0, 1], got 1.9."),
    (lambda: learn(batch=37), errors.ArgumentError, "`batch` must be an integer in [1, 19], got 37. X has 19 rows."),
    (lambda: learn(start=[0.37]), errors.ArgumentError, "`start` must hold 10 finite numbers, got shape (1,)."),
    (lambda: learn(follow=[8]), errors.ArgumentError,
     "`follow` must hold numbers of weights, integers in [0, 7], got [8]."),
    (lambda: learn(X=1e10 * X, rate=1e300), errors.ArgumentError,
     "the training left the finite numbers in epoch 1 at `rate` 1e+300. Hint: a smaller rate."),
    (lambda: descent.digits_table([3]), errors.ArgumentError,
     "`seeds` must hold at least two, for a standard error; got 1."),
    (lambda: geometry.norm([0.37], -1.9), errors.ArgumentError,
     "`p` must be a number in [0, inf], got -1.9. Hint: 0 counts nonzeros, inf takes the largest."),
    (lambda: ez.plot.panels([1, 0], BOWL, 0.37), errors.ArgumentError,
     "`budget` for p = 0 counts nonzeros and must be an integer from 1 to 2, got 0.37. "
     "Hint: give one budget for each ball."),
    (lambda: geometry.ball(-1.9), errors.ArgumentError,
     "`p` must be a number in [0, inf], got -1.9. Hint: 0 counts nonzeros, inf takes the largest."),
    (lambda: geometry.power_sum([0.37], np.inf), errors.ArgumentError,
     "`p` must be a finite number >= 0, got inf."),
    (lambda: geometry.norm(0.37), errors.DataError, "`x` must hold vectors along its last axis, got shape ()."),
    (lambda: geometry.norm([0.37, np.nan, np.inf]), errors.DataError, "`x` has 2 entries that are NaN or infinite."),
    (lambda: geometry.ball(1, radius=0), errors.ArgumentError, "`radius` must be a finite number > 0, got 0."),
    (lambda: geometry.ball(1, n=4), errors.ArgumentError,
     "a ball needs 2 or 3 variables, got 4. Hint: take Field.slice or Field.on_plane of more."),
    (lambda: geometry.ball(1, resolution=0), errors.ArgumentError,
     "`resolution` must be an integer in [1, 100000], got 0. It is the number of cells from an axis to the diagonal."),
    (lambda: geometry.ball_content(1, 0), errors.ArgumentError,
     "`n`, the number of variables, must be an integer >= 1, got 0."),
    (lambda: geometry.as_field(0.37), errors.ArgumentError,
     "a field must be a function of points, a Penalty, a Problem or a Field, got float."),
    (lambda: geometry.as_field(ez.penalties.L1(0.37)), errors.ArgumentError,
     "`n` is needed: L1 does not say how many variables it has."),
    (lambda: geometry.as_field(ez.penalties.GroupL0(0.37, [0, 0, 1]), n=2), errors.ArgumentError,
     "GroupL0(0.37, groups=[0, 0, 1]) is a field of 3 variables, got points of 2."),
    (lambda: geometry.quartic()([0.37, 1.9]), errors.ArgumentError,
     "a quartic is a field of 3 variables, got points of 2."),
    (lambda: geometry.quartic() + BOWL, errors.ArgumentError,
     "fields add only in the same space; one has 3 variables, the other 2."),
    (lambda: geometry.quadratic([[1.0, 0.37], [0.0, 1.0]], [0.0, 0.0]), errors.ArgumentError,
     "`H` must be symmetric."),
    (lambda: geometry.quadratic([[1.0, 0.37]], [0.0, 0.0]), errors.ArgumentError,
     "`H` must be a square matrix, got shape (1, 2)."),
    (lambda: geometry.quadratic(np.eye(2), [0.37]), errors.ArgumentError,
     "a point here must be 2 finite numbers, got shape (1,)."),
    (lambda: geometry.quadratic(np.eye(2), [0.37, np.nan]), errors.ArgumentError,
     "a point here must be 2 finite numbers, got [0.37, nan]."),
    (lambda: geometry.quadratic([[np.nan, 0.0], [0.0, 1.9]], [0.37, 1.9]), errors.ArgumentError,
     "`H` has 1 entries that are NaN or infinite."),
    (lambda: geometry.norm([0.37 + 1j, 1.9]), errors.DataError,
     "`x` must hold real numbers in a regular array, got list."),
    (lambda: BOWL * np.inf, errors.ArgumentError, "`factor` must be a finite number, got inf."),
    (lambda: geometry.quartic().slice({"t": 0.37}), errors.ArgumentError, "no axis 't'; there are 3: x, y, z."),
    (lambda: BOWL.slice({0: 0.37, 1: 1.9}), errors.ArgumentError,
     "all 2 axes are held, so no variable is left. Hint: hold fewer."),
    (lambda: geometry.quartic().on_plane(np.zeros(3), [[1.0, 0.0, 0.0], [1.9, 0.0, 0.0]]), errors.ArgumentError,
     "`directions` must be independent vectors of length 3, one a row; got shape (2, 3)."),
    (lambda: geometry.loss_field(ez.problem.Problem.from_data(X, np.column_stack([Y, Y]), k=1)), errors.ArgumentError,
     "a field of the coefficients needs one response, the problem has 2."),
    (lambda: geometry.Field(np.sum, 2, lambda x: x[:, 0])
     .slope([[0.37, 1.9]]), errors.DataError,
     "the gradient of the field must have the shape of the points, (1, 2), got (1,)."),
    (lambda: geometry.level_set(lambda x: x, 0.37, n=2), errors.DataError,
     "the field is not a scalar field: points of shape (40000, 2) gave values of shape (40000, 2), expected (40000,). "
     "Hint: take points along the last axis and return one number for each."),
    (lambda: geometry.level_set(lambda x: x[:, 0].astype(str), 0.37, n=2), errors.DataError,
     "the field is not a scalar field: its values are not real numbers."),
    (lambda: geometry.level_set(lambda x: np.where(x[:, 0] > 1.4, np.nan, 0.0), 0.37, resolution=5, n=2),
     errors.DataError,
     "the field is NaN at 5 points, such as (1.5, -1.5). Hint: use inf outside its domain."),
    (lambda: geometry.level_set(lambda x: np.full(len(x), np.inf), 0.37, n=2), errors.DataError,
     "the field is finite nowhere on this grid. Hint: move the limits into its domain."),
    (lambda: geometry.level_set(BOWL, 37.0, resolution=7), errors.ArgumentError,
     "`level` must lie strictly between 0 and 2.25, the least and the largest value of a quadratic loss on this grid, "
     "got 37. Hint: widen the limits, or choose another level."),
    (lambda: geometry.level_set(BOWL, np.nan), errors.ArgumentError, "`level` must be a finite number, got nan."),
    (lambda: geometry.level_set(BOWL, 0.37, resolution=2), errors.ArgumentError,
     "`resolution` must be an integer in [3, 5000], got 2. It is the number of grid points along each axis."),
    (lambda: geometry.level_set(BOWL, 0.37, (1.9, 0.37)), errors.ArgumentError,
     "`limits` must be one pair (low, high), low < high, or one for each of 2 axes."),
    (lambda: geometry.level_set(geometry.quadratic(np.eye(4), np.zeros(4)), 0.37), errors.ArgumentError,
     "a level set needs 2 or 3 variables, got 4. Hint: take Field.slice or Field.on_plane of more."),
    (lambda: geometry.level_set(BOWL, 1.9, (0.0, 1.5)).content(), errors.ArgumentError,
     "the level set of a quadratic loss is not closed, so it encloses nothing. Hint: widen the limits."),
    (lambda: geometry.ball(1, n=3).curves(), errors.ArgumentError,
     "curves are chains of segments; this level set is a surface in 3 dimensions."),
    (lambda: geometry.random_plane(3, 4), errors.ArgumentError,
     "`m` must be an integer in [1, 3], got 4. There are 3 variables."),
    (lambda: geometry.threshold("l1"), errors.ArgumentError, "`penalty` must be a Penalty, got str."),
    (lambda: geometry.threshold(ez.penalties.L1(np.array([0.37, 1.9]))), errors.ArgumentError,
     "a threshold curve needs a penalty with one strength for all coordinates, got L1(l1=array([0.37, 1.9 ]))."),
    (lambda: geometry.threshold(ez.penalties.L1(0.37), limit=0), errors.ArgumentError,
     "`limit` must be a finite number > 0, got 0."),
    (lambda: geometry.convex_envelope(ez.penalties.Box(-0.37, 0.37), n=1, resolution=5), errors.DataError,
     "Box(lower=-0.37, upper=0.37) is infinite at 4 grid points. Hint: move the limits into its domain."),
    (lambda: geometry.convex_envelope(ez.penalties.L0(0.37), n=4), errors.ArgumentError,
     "a convex envelope takes at most 3 variables, got 4. Hint: Field.slice holds some of them."),
    (lambda: geometry.contact(BOWL, 1, 0.0), errors.ArgumentError,
     "`budget` must be a finite number > 0, got 0.0. Hint: only the origin lies within a budget of 0."),
    (lambda: geometry.contact(BOWL, 1, -0.37), errors.ArgumentError,
     "`budget` must be a finite number > 0, got -0.37. Hint: only the origin lies within a budget of 0."),
    (lambda: geometry.contact(BOWL, 0, 1.9), errors.ArgumentError,
     "`budget` for p = 0 counts nonzeros and must be an integer in [1, 2], got 1.9. There are 2 variables."),
    (lambda: geometry.contact(BOWL, 0, 5), errors.ArgumentError,
     "`budget` for p = 0 counts nonzeros and must be an integer in [1, 2], got 5. There are 2 variables."),
    (lambda: geometry.contact(BOWL, 1, 0.37, random_state=-1), errors.ArgumentError,
     "`random_state` must be None, an integer >= 0 or a NumPy generator, got -1."),
    (lambda: constrained(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2), 1, 0.37), errors.DataError,
     "the path to the budget could not be followed: the loss is flat on one of its supports. "
     "Hint: a smaller `condition`."),
    (lambda: geometry.contact(geometry.as_field(lambda x: x[:, 0], 2), 1, 0.37), errors.ArgumentError,
     "a contact point needs the gradient and the Hessian of the field. Hint: Field(..., gradient=, hessian=), or a "
     "Problem."),
    (lambda: geometry.contact(geometry.quadratic([[1.0, 0.0], [0.0, -1.0]], [0.0, 0.0]), 1, 0.37), errors.ArgumentError,
     "a quadratic loss is not convex: its curvature at (0, 0) is as low as -1. Contact points are those of convex "
     "losses."),
    (lambda: geometry.contact(BOWL, ez.penalties.GroupL2(0.37, [0, 0]), 1.9), errors.UnsupportedError,
     "a budget is taken in norms and in penalties of single variables, got GroupL2."),
    (lambda: geometry.contact(BOWL, ez.penalties.MCP(0.37) + ez.penalties.L0(0.19), 1.9), errors.UnsupportedError,
     "a budget takes a price of nonzeros or a concave penalty, not both in one penalty."),
    (lambda: geometry.contact(geometry.quadratic(np.eye(16), np.ones(16)), 0, 3), errors.ArgumentError,
     "supports are listed for at most 15 variables, got 16. Hint: `best_subset` searches."),
    (lambda: geometry.contact(ez.Problem.from_data(X[:, :2], (X[:, 0] > 0).astype(float), loss="logistic"), 0, 1),
     errors.DataError,
     "the loss has no minimiser: it falls on without end. Hint: give a ridge, or a norm with p > 0."),
    (lambda: geometry.count_zeros(1, 3, condition=0.37), errors.ArgumentError,
     "`condition` must be a number in [1, 1e10], got 0.37. Hint: beyond, rounding decides what is 0."),
    (lambda: geometry.density_margin(np.zeros((2, 2)), [0.37, 1.9], 0.37), errors.ArgumentError,
     "`H` must be positive definite; its least eigenvalue is 0."),
    (lambda: geometry.density_margin(np.eye(2), [0.37, 0.19], 1.9), errors.ArgumentError,
     "the centre must lie beyond the facet, with signs @ centre > 1.9, got 0.56: its minimiser is not there."),
    (lambda: geometry.solution_path(geometry.quadratic(np.eye(3), np.ones(3))), errors.ArgumentError,
     "a solution path in the plane needs a loss of 2 variables, got 3. Hint: Field.slice."),
    (lambda: ez.path(X, Y).plot(ax="left"), errors.ArgumentError,
     "`ax` must be matplotlib axes or None, got str. Hint: figure.add_subplot() makes them."),
    (lambda: ez.path(X, Y).plot(ax=Figure().add_subplot(projection="3d")), errors.ArgumentError,
     "`ax` must be axes in two dimensions, got some in three."),
    (lambda: new_axes(Figure().subplots(), three=True), errors.ArgumentError,
     "`ax` must be axes in three dimensions. Hint: figure.add_subplot(projection='3d')."),
    (lambda: ez.path(X, Y)[2].plot("gap"), errors.DataError,
     "the search that gave this result (exchange) kept no bounds on its way. "
     "Hint: solver 'branch' and solver 'mip' keep them."),
    (lambda: ez.path(X, np.column_stack([Y, -Y])).plot(), errors.UnsupportedError,
     "a picture of coefficients needs a single response, the model has 2 outputs. "
     "Hint: `coef` holds a column for each; a path can be drawn as squares."),
    (lambda: ez.plot.balls([1, 2], ax=Figure().subplots()), errors.ArgumentError,
     "`ax` must hold one axes for each of 2 panels, got 1. Hint: plt.subplots(1, 2)."),
    (lambda: ez.plot.panels(1, n=4), errors.ArgumentError,
     "a ball has 4 variables, and pictures have 2 or 3. Hint: Field.slice holds the others, Field.on_plane lays a "
     "plane."),
    (lambda: ez.plot.panels([1, 2], budget=[0.37]), errors.ArgumentError,
     "`budget` must be a finite number > 0, or one for each of 2 balls, got [0.37]."),
    (lambda: ez.plot.panels(ez.penalties.ElasticNet(0.37, 1.9)), errors.ArgumentError,
     "`budget` is needed for ElasticNet(l1=0.37, l2=1.9): how much of it there may be."),
    (lambda: ez.plot.descent([37]), errors.ArgumentError,
     "`runs` must be runs of geometry.descent.train or a mapping of labels to them, got int."),
    (lambda: ez.plot.contours(geometry.as_field(lambda x: 0.37 + 0 * x[:, 0], 2)), errors.DataError,
     "there is nothing to draw: the field has the same value everywhere within the limits."),
    (lambda: ez.plot.panels([]), errors.ArgumentError, "`ps` is empty, so there is nothing to draw."),
    (lambda: ez.plot.envelope(ez.penalties.L1(0.37), n=3, resolution=5), errors.ArgumentError,
     "an envelope is drawn in 1 or 2 variables, got 3. Hint: its arrays are there in up to 3."),
    (lambda: ez.plot.squares(ask()), errors.ArgumentError, "squares draws a Path or Rivals, got Result."),
    (lambda: ask(k=0).plot(), errors.DataError, "there is nothing to draw: no column is in the model."),
    (lambda: ez.plot.PathDisplay.from_estimator(ez.L0Regressor(k=2).fit(X, Y)), errors.ArgumentError,
     "this L0Regressor keeps no path. Hint: fit it without `k` and `l0`, so that a criterion chooses."),
    (lambda: ez.plot.criteria(ez.cross_validate(X, Y, k=2), criterion="bic"), errors.ArgumentError,
     "`criterion` is for a path, got 'bic' with a cross-validation. "
     "Hint: leave it out, as held-out losses choose."),
    (lambda: ez.path(X, Y).plot("criteria", criterion=["aic", "adjr2"]), errors.ArgumentError,
     "criterion adjr2 has a scale of its own and cannot be drawn beside others. Hint: draw it alone."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), MESSAGES, ids=[text[:48] for _, _, text in MESSAGES])
def test_message(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
    assert caught.value.code.startswith("EZ")


def test_keywords():
    with pytest.raises(TypeError) as caught:
        ez.stability(X, Y, k=2, thresholds=0.37)
    assert str(caught.value) == "stability() got an unexpected keyword argument 'thresholds'. Did you mean 'threshold'?"


def test_warnings():
    with pytest.warns(errors.EllzeroWarning, match=r"^constant columns never enter: x4\.$"):
        ask(np.column_stack([X, np.full(19, 1.9)]))
    with pytest.warns(errors.EllzeroWarning, match=r"^BIC chose size 1, the largest on the path: a larger"):
        ez.path(X, Y, k=1).best()


def test_a_clean_call_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask()
