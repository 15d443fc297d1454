"""One question, every solver: each row against the solver run alone and against enumeration."""

import itertools

import numpy as np
import pytest

import ellzero as ez
from ellzero.solvers import Branch, Exchange, Splicing, Stepwise
from oracles import fit_support, optimum
from strategies import make_question

QUICK = ["stepwise", "exchange", "splicing", "exhaustive", "branch"]


def rows_of(found):
    return {row["solver"]: row for row in found.table().to_dicts()}


@pytest.fixture(scope="module")
def question():
    return make_question(3, n=40, p=9, correlation=0.8, l2=0.019).asked(k=3)


@pytest.fixture(scope="module")
def found(question):
    return ez.compare(question.X, question.y, **question.arguments(), solvers=QUICK, random_state=37)


def test_every_row_is_what_the_solver_finds_alone(question, found):
    alone = {
        "exchange": Exchange(random_state=37),
        "splicing": Splicing(),
        "stepwise forward": Stepwise("forward", "loss"),
        "stepwise backward": Stepwise("backward", "loss"),
        "stepwise both": Stepwise("both", "aic"),
        "branch": Branch(),
    }
    for name, solver in alone.items():
        result = ez.best_subset(question.X, question.y, **question.arguments(), solver=solver)
        assert list(found[name].support) == list(result.support)
        assert found[name].objective == pytest.approx(result.objective, rel=1e-12)
    assert set(found.results) == {*alone, "exhaustive"}


def test_excess_and_overlap_by_hand(question, found):
    best = optimum(question)
    assert found.optimum == pytest.approx(best.objective, rel=1e-6)
    for row in rows_of(found).values():
        result = found[row["solver"]]
        own = fit_support(question, sorted(result.support.tolist()), len(result.support))
        assert row["objective"] == pytest.approx(own.objective, rel=1e-8)
        assert row["loss"] == pytest.approx(own.loss, rel=1e-7)
        assert row["over optimum %"] == pytest.approx(100 * (own.objective / best.objective - 1), abs=1e-4)
        assert row["over best %"] == pytest.approx(100 * (own.objective / best.objective - 1), abs=1e-4)
        mine, theirs = set(result.support.tolist()), set(best.columns)
        assert row["shared"] == pytest.approx(len(mine & theirs) / len(mine | theirs))
        assert row["size"] == len(mine)
        assert row["seconds"] >= 0
        assert row["CPU seconds"] >= 0
    assert rows_of(found)[next(iter(found.results))]["over optimum %"] == 0.0  # from the optimum, not from its bound
    objectives = [r.objective for r in found.results.values()]
    assert objectives == sorted(objectives)


def test_guarantees_are_said_of_those_that_have_them(found):
    rows = rows_of(found)
    for name, row in rows.items():
        proved = name in ("exhaustive", "branch")
        assert (row["guarantee"] == "proved, with certificate") is proved
        assert row["guarantee"].endswith("no proof") is not proved
    assert "The optimum is proved (" in str(found)


def test_without_proof_the_best_bound_is_what_counts(question):
    found = ez.compare(question.X, question.y, **question.arguments(), certify=False)
    assert {r.status for r in found.results.values()} == {ez.Status.HEURISTIC}
    assert found.optimum is None
    bound = max(r.lower_bound for r in found.results.values())
    assert found.lower_bound == bound <= optimum(question).objective
    for row in rows_of(found).values():
        assert row["over bound %"] == pytest.approx(100 * (row["objective"] / bound - 1))
    assert "No solver proved the optimum, which is at least" in str(found)


def test_a_proof_is_added_where_none_was_named(question):
    asked = question.arguments()
    assert set(ez.compare(question.X, question.y, **asked, solvers=["exchange"]).results) == {"exchange", "auto"}
    assert set(ez.compare(question.X, question.y, **asked, solvers=["exchange"], certify=False).results) == {"exchange"}


def test_solvers_that_refuse_are_listed_with_their_sentence():
    q = make_question(5, n=40, p=8, loss="logistic", correlation=0.5).asked(k=2)
    found = ez.compare(q.X, q.y, **q.arguments(), solvers=[*QUICK, "auto"])
    sentences = {a.name: a.reason for a in found.absent}
    assert set(sentences) == {"exhaustive", "branch"}
    for name, reason in sentences.items():
        assert reason.startswith(f"solver '{name}' refuses this problem: ")
        assert f"No answer of {name}: {reason}" in str(found)
    assert found.reference is None
    assert {row["over bound %"] for row in rows_of(found).values()} == {None}
    with pytest.raises(ez.errors.UnsupportedError, match="solver 'branch' refuses"):
        ez.compare(q.X, q.y, **q.arguments(), solvers=["branch"])


def test_linear_conditions_leave_the_integer_program_alone(question):
    rows = [ez.constraints.Linear({0: 1.0, 1: -1.0}, lower=0.0, upper=0.0)]
    found = ez.compare(question.X, question.y, **question.arguments(), constraints=rows)
    assert set(found.results) == {"mip"}
    assert {a.name for a in found.absent} >= {"branch", "exhaustive", "exchange", "splicing", "stepwise both"}
    assert all("linear rows need a mixed-integer solver" in a.reason for a in found.absent)
    assert rows_of(found)["mip"]["guarantee"] == "proved by the bound of the integer program"
    assert found["mip"].coef[0] == pytest.approx(found["mip"].coef[1])


def test_a_problem_is_as_good_as_its_data(question, found):
    problem = ez.Problem.from_data(question.X, question.y, k=3, l2=question.l2)
    again = ez.compare(problem, solvers=QUICK, random_state=37)
    for name, result in found.results.items():
        assert again[name].objective == pytest.approx(result.objective, rel=1e-12)
    assert "gram" not in problem.__dict__  # nothing is computed ahead of the contenders


def test_rows_can_be_named(question):
    contest = {"one": Splicing(c_max=1), "three": Splicing(c_max=3), "all": "exchange"}
    found = ez.compare(question.X, question.y, **question.arguments(), solvers=contest, certify=False)
    assert set(found.results) == set(contest)
    twice = ez.compare(question.X, question.y, **question.arguments(), solvers=["exchange", Exchange(3)], certify=False)
    assert set(twice.results) == {"exchange", "exchange'"}


@pytest.mark.parametrize("stop", ["between", "within"])
def test_an_interrupt_keeps_what_is_done(stop):
    q = make_question(3, n=60, p=19, correlation=0.9).asked(k=8)
    seen = []

    def watch(event):
        seen.append(event.stage)
        if (stop == "within" and event.stage == "path") or (stop == "between" and len(set(seen)) > 1):
            raise KeyboardInterrupt

    from ellzero import _progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_progress, "SHOW_EVERY", 0.0)
        found = ez.compare(q.X, q.y, **q.arguments(), solvers=["splicing", "exchange", "branch"], on_progress=watch)
    assert found.interrupted
    assert len(found) < 3
    assert len(found) + len(found.absent) == 3
    assert "interrupted" in str(found)
    assert ez.Status.INTERRUPTED in {r.status for r in found.results.values()}


def test_an_interrupt_before_any_answer_is_passed_on():
    q = make_question(3, n=40, p=9).asked(k=3)

    def watch(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ez.compare(q.X, q.y, k=3, on_progress=watch)


def test_the_time_limit_is_for_all_together():
    q = make_question(3, n=40, p=9).asked(k=3)
    found = ez.compare(q.X, q.y, k=3, solvers=QUICK, time_limit=1e-9)
    assert len(found) >= 1
    assert {a.reason for a in found.absent} <= {"not reached before the end."}
    assert len(found) + len(found.absent) == 7


def test_a_perfect_fit_has_no_excess_to_divide_by():
    X = np.array(list(itertools.product([-1.0, 1.0], repeat=4)))
    found = ez.compare(X, 1.9 * X[:, 1], k=1, solvers=["exchange", "exhaustive"])
    for row in rows_of(found).values():
        assert row["over best %"] in (0.0, None)
        assert row["shared"] == 1.0


def test_the_table_in_all_forms(found):
    table = found.table()
    assert table.to_csv().count("\n") == len(found)
    assert table.to_markdown().count("\n") == len(found) + 1
    assert "\\toprule" in table.to_latex()
    assert found._repr_html_().count("<tr>") == len(found) + 1
