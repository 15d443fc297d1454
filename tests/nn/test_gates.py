"""Laws of gates against a million draws, quadrature by SciPy, sums over all masks and plain sorting."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, special

from ellzero import errors
from ellzero.nn.gates import GATES, ContinuousSparsification, HardConcrete, TopK
from ellzero.nn.ranking import largest, magnitude

torch.set_num_threads(1)

DRAWS = 1_000_000
SIGMAS = 4.5  # a fair draw is further off once in 150,000
LAWS = [
    HardConcrete(),
    HardConcrete(beta=0.37, gamma=-0.19, zeta=1.37),
    HardConcrete(beta=1.0, gamma=-0.037, zeta=1.019),
]
LOGITS = [-2.9, -0.37, 1.9, 4.1]


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def draws(law, logit, n=DRAWS, seed=37, dtype=torch.float32):
    """Values and their pathwise derivatives in the logit."""
    logits = torch.full((n,), logit, dtype=dtype, requires_grad=True)
    values = law.sample(logits, seeded(seed))
    (slopes,) = torch.autograd.grad(values.sum(), logits)
    return values.detach().double().numpy(), slopes.double().numpy()


def close(draws, expected):
    """The mean of draws within its standard error of what is expected."""
    error = draws.std() / math.sqrt(draws.size)
    assert abs(draws.mean() - expected) <= SIGMAS * error + 1e-9, (draws.mean(), expected, error)


def value_at(law, logit, u):
    """The value of a gate as a function of its uniform draw, by the paper's formula."""
    s = special.expit((np.log(u) - np.log1p(-u) + logit) / law.beta)
    return np.clip(s * (law.zeta - law.gamma) + law.gamma, 0, 1)


def kinks(law, logit):
    """Draws below the first give 0, draws above the second 1; found by bisection on the formula."""
    found = []
    for is_below in (lambda u: value_at(law, logit, u) <= 0, lambda u: value_at(law, logit, u) < 1):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if is_below(middle) else (low, middle)
        found.append(low)
    return found


def moment(law, logit, order):
    low, high = kinks(law, logit)
    inside, _ = integrate.quad(lambda u: value_at(law, logit, u) ** order, low, high, epsabs=1e-12, epsrel=1e-12)
    return inside + (1 - high)


# Hard concrete: closed forms


@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("law", LAWS)
def test_closed_forms_against_a_million_draws(law, logit):
    at = torch.tensor(logit, dtype=torch.float64)
    values, _ = draws(law, logit)
    close((values != 0).astype(float), law.p_active(at).item())
    close((values == 1).astype(float), law.p_one(at).item())
    close(values, law.mean(at).item())
    close((values - law.mean(at).item()) ** 2, law.variance(at).item())


@pytest.mark.parametrize("logit", [*LOGITS, -11.9, 13.7])
@pytest.mark.parametrize("law", LAWS)
def test_closed_forms_against_quadrature(law, logit):
    at = torch.tensor(logit, dtype=torch.float64)
    low, high = kinks(law, logit)
    assert law.p_active(at).item() == pytest.approx(1 - low, rel=1e-9)
    assert law.p_one(at).item() == pytest.approx(1 - high, rel=1e-9)
    first, second = moment(law, logit, 1), moment(law, logit, 2)
    assert law.mean(at).item() == pytest.approx(first, rel=1e-9)
    assert law.variance(at).item() == pytest.approx(second - first**2, rel=1e-7, abs=1e-12)


def test_variance_keeps_its_digits_where_gates_are_nearly_open():
    logits = torch.tensor([-12.9, 12.9])
    law = HardConcrete()
    both = law.variance(logits)
    assert both[1].item() == pytest.approx(law.variance(logits.double())[1].item(), rel=1e-5)
    assert both[0].item() == pytest.approx(both[1].item(), rel=1e-5)  # the default law is symmetric


# Hard concrete: gradients


@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("law", LAWS)
def test_pathwise_gradient_of_the_mean(law, logit):
    at = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(law.mean(at), at)
    _, slopes = draws(law, logit, seed=73)
    close(slopes, slope.item())


@pytest.mark.parametrize("law", LAWS)
def test_gradcheck(law):
    logits = torch.tensor([-2.9, -0.37, 0.19, 1.9], dtype=torch.float64, requires_grad=True)
    for function in (law.p_active, law.p_one, law.mean, law.variance, lambda x: law.sample(x, seeded(19))):
        assert torch.autograd.gradcheck(function, logits)


def tiny_network(z):
    """A loss of three gates that is smooth and far from linear in each."""
    inputs = torch.tensor([0.37, -1.9, 1.1], dtype=z.dtype)
    first = torch.tensor([[0.7, -1.3, 0.37], [1.9, 0.19, -0.73]], dtype=z.dtype)
    hidden = torch.tanh((z * inputs) @ first.T)
    return (hidden @ torch.tensor([1.3, -0.9], dtype=z.dtype) - 0.37) ** 2 + z[..., 0] * z[..., 1] * z[..., 2]


def exact_loss(law, logits, loss):
    """E[loss] of independent gates: a sum over {0, inside, 1} to the n with Gauss-Legendre rules inside."""
    rules = []
    for logit in logits:
        low, high = kinks(law, logit)
        x, weights = np.polynomial.legendre.leggauss(40)
        u = low + (high - low) * (x + 1) / 2
        values = np.concatenate([[0.0], value_at(law, logit, u), [1.0]])
        rules.append((values, np.concatenate([[low], (high - low) / 2 * weights, [1 - high]])))
    points = torch.tensor(np.array(list(itertools.product(*(values for values, _ in rules)))))
    chances = np.array(list(itertools.product(*(chances for _, chances in rules)))).prod(axis=1)
    return float(loss(points).numpy() @ chances)


def exact_slope(law, logits, loss, j, h=1e-4):
    up, down = list(logits), list(logits)
    up[j], down[j] = up[j] + h, down[j] - h
    return (exact_loss(law, up, loss) - exact_loss(law, down, loss)) / (2 * h)


@pytest.mark.parametrize("law", LAWS[:2])
def test_gradient_of_an_expected_loss_against_an_exact_sum(law):
    start = [-0.37, 0.73, 1.9]
    logits = torch.tensor(start, dtype=torch.float64).expand(400_000, 3).clone().requires_grad_()
    losses = tiny_network(law.sample(logits, seeded(91)))
    (slopes,) = torch.autograd.grad(losses.sum(), logits)
    close(losses.detach().numpy(), exact_loss(law, start, tiny_network))
    for j in range(3):
        close(slopes[:, j].numpy(), exact_slope(law, start, tiny_network, j))


@pytest.mark.parametrize("law", LAWS)
def test_loss_that_is_affine_in_each_gate_against_all_masks(law):
    """Then the means of the gates are all that counts: E f(z) is the sum over 2^n masks with means for chances."""
    logits = torch.tensor([-1.9, -0.37, 0.73, 2.3], dtype=torch.float64, requires_grad=True)
    table = torch.tensor(np.random.default_rng(37).normal(size=(2,) * 4))
    means = law.mean(logits)
    total = sum(
        table[mask] * torch.stack([m if on else 1 - m for on, m in zip(mask, means, strict=True)]).prod()
        for mask in itertools.product((0, 1), repeat=4)
    )
    (exact,) = torch.autograd.grad(total, logits)

    many = logits.detach().expand(400_000, 4).clone().requires_grad_()
    z = law.sample(many, seeded(53))
    multilinear = torch.einsum("abcd,na,nb,nc,nd->n", table, *torch.stack([1 - z, z], dim=-1).unbind(1))
    (slopes,) = torch.autograd.grad(multilinear.sum(), many)
    close(multilinear.detach().numpy(), total.item())
    for j in range(4):
        close(slopes[:, j].numpy(), exact[j].item())


def test_squared_error_of_a_linear_model_in_closed_form():
    law, weight, target = HardConcrete(), torch.tensor([0.7, -1.9, 0.37], dtype=torch.float64), 0.73
    logits = torch.tensor([-0.9, 0.37, 1.9], dtype=torch.float64, requires_grad=True)
    closed = (target - weight @ law.mean(logits)) ** 2 + weight**2 @ law.variance(logits)
    (slope,) = torch.autograd.grad(closed, logits)

    def loss(z):
        return (target - z @ weight) ** 2

    start = logits.tolist()
    assert closed.item() == pytest.approx(exact_loss(law, start, loss), rel=1e-8)
    for j in range(3):
        assert slope[j].item() == pytest.approx(exact_slope(law, start, loss, j), rel=1e-5)


def test_expected_l0_against_all_masks():
    """Parameters of a gated 3-2 layer, a product of counts, with its gradient by finite differences of the sum."""
    law = HardConcrete()
    logits = torch.tensor([-2.3, -0.37, 0.73, 1.9, -1.1], dtype=torch.float64, requires_grad=True)
    p = law.p_active(logits)
    expected = p[:3].sum() * p[3:].sum()
    (slope,) = torch.autograd.grad(expected, logits)

    def sum_over_masks(logits):
        chances = [1 - kinks(law, logit)[0] for logit in logits]
        return sum(
            sum(mask[:3]) * sum(mask[3:]) * math.prod(c if on else 1 - c for on, c in zip(mask, chances, strict=True))
            for mask in itertools.product((0, 1), repeat=5)
        )

    start = logits.tolist()
    assert expected.item() == pytest.approx(sum_over_masks(start), rel=1e-10)
    for j in range(5):
        up, down = list(start), list(start)
        up[j], down[j] = up[j] + 1e-4, down[j] - 1e-4
        assert slope[j].item() == pytest.approx((sum_over_masks(up) - sum_over_masks(down)) / 2e-4, rel=1e-6)


# Hard concrete: evaluation, start, limits, dtypes


@pytest.mark.parametrize(
    ("rule", "threshold", "chance"), [("median", -1.5985968, 0.5), ("paper", -2.3978953, 1 / (1 + 11 ** (1 / 3)))]
)
def test_thresholds(rule, threshold, chance):
    law = HardConcrete(evaluation=rule)
    at = torch.tensor([threshold - 1e-6, threshold + 1e-6], dtype=torch.float64)
    closed, opened = law.hard(at).tolist()
    assert closed == 0
    assert 0 < opened < 1e-5
    assert law.p_active(at).tolist() == pytest.approx([chance, chance], abs=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_median_rule_is_the_median_of_draws(law):
    for logit in LOGITS:
        values, _ = draws(law, logit, n=100_001)
        hard = law.hard(torch.tensor(logit)).item()
        assert np.mean(values < hard) <= 0.5 + 0.0072
        assert np.mean(values > hard) <= 0.5 + 0.0072


def test_paper_rule():
    logits = torch.tensor(np.random.default_rng(19).normal(scale=2.3, size=(7, 5)))
    expected = np.clip(special.expit(logits.numpy()) * 1.2 - 0.1, 0, 1)
    np.testing.assert_allclose(HardConcrete(evaluation="paper").hard(logits), expected, atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_expected_rule(seed):
    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(loc=-1.0, scale=1.9, size=(11, 7)), 1)  # rounded: with ties
    hard = HardConcrete(evaluation="expected").hard(torch.tensor(logits)).numpy()
    expected_zeros = np.sum(1 - special.expit(logits - 2 / 3 * math.log(0.1 / 1.1)))
    order = sorted(range(logits.size), key=lambda i: (-logits.flat[i], i))
    kept = order[: logits.size - round(expected_zeros)]
    wanted = np.zeros(logits.size)
    wanted[kept] = special.expit(0.8 * logits.flat[kept] * 1.5)
    np.testing.assert_allclose(hard.ravel(), wanted, rtol=1e-12)
    assert 0 < len(kept) < logits.size


def test_expected_rule_closes_and_opens_all():
    law = HardConcrete(evaluation="expected")
    assert not law.hard(torch.full((9,), -19.0)).any()
    assert law.hard(torch.full((9,), 19.0)).all()


def test_start():
    for law in (*LAWS, HardConcrete(p_init=0.37)):
        logits = law.initial((300, 100), generator=seeded(3), dtype=torch.float64)
        close(logits.numpy(), law.start)
        assert logits.std().item() == pytest.approx(0.01, rel=0.02)
        assert law.p_active(torch.tensor(law.start)).item() == pytest.approx(law.p_init)
        assert not logits.requires_grad


def test_start_of_the_papers_code():
    for rate in (0.2, 0.37, 0.5):
        law = HardConcrete.from_droprate(rate, beta=0.5)
        assert law.start == pytest.approx(math.log((1 - rate) / rate))
        assert law.beta == 0.5


def test_start_stays_within_limits():
    law = HardConcrete(p_init=0.9, limits=(-1.9, 0.6))  # which begins at 0.5986
    logits = law.initial((1000,), generator=seeded(3))
    assert logits.max().item() == pytest.approx(0.6)
    assert logits.min() < 0.59
    assert HardConcrete().limits == (-6, math.log(100))
    wide = HardConcrete(p_init=0.9999, limits=[-19.0, 37.0])
    assert wide.limits == (-19.0, 37.0)
    assert hash(wide) != hash(law)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_dtypes(dtype):
    law = HardConcrete()
    values, slopes = draws(law, -0.375, n=200_000, dtype=dtype)  # -0.375 is exact in all of them
    at = torch.tensor(-0.375, dtype=torch.float64)
    close((values != 0).astype(float), law.p_active(at).item())
    if dtype in (torch.float32, torch.float64):  # with fewer digits what is nearly one is rounded to one
        close((values == 1).astype(float), law.p_one(at).item())
    assert np.isfinite(slopes).all()
    logits = law.initial((7,), dtype=dtype, generator=seeded(3))
    assert logits.dtype == law.sample(logits).dtype == law.hard(logits).dtype == law.rewind(logits).dtype == dtype
    assert law.p_active(logits).dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_draws_at_the_ends(monkeypatch, dtype, end):
    """A uniform draw of exactly 0 (or, rounded, 1) is as good as any, at infinite logits too."""
    monkeypatch.setattr(torch, "rand", lambda shape, **options: torch.full(shape, end, dtype=options["dtype"]))
    logits = torch.tensor([-math.inf, -4.6, 4.6, math.inf], dtype=dtype, requires_grad=True)
    values = HardConcrete().sample(logits)
    values.sum().backward()
    assert values.tolist() == [0, end, end, 1]
    assert logits.grad.isfinite().all()


def test_rewind_of_hard_concrete():
    law = HardConcrete()
    logits = torch.tensor([-3.7, -1.61, 0.37, 3.7], requires_grad=True)
    again = law.rewind(logits)
    assert again.tolist() == pytest.approx([-3.7, -1.61, 0.37, law.start])
    assert not again.requires_grad
    assert ((law.hard(again) == 0) == (law.hard(logits) == 0)).all()


# Continuous sparsification


def test_continuous_sparsification():
    law = ContinuousSparsification(beta_final=137.0, s0=0.037)
    logits = torch.tensor([-0.19, -0.0037, 0.0, 0.0037, 0.19], dtype=torch.float64, requires_grad=True)
    for progress in (0.0, 0.37, 1.0):
        beta = 137.0**progress
        expected = special.expit(beta * logits.detach().numpy())
        np.testing.assert_allclose(law.at(progress).sample(logits).detach(), expected, rtol=1e-12)
        np.testing.assert_allclose(law.at(progress).p_active(logits).detach(), expected, rtol=1e-12)
        assert torch.autograd.gradcheck(law.at(progress).sample, logits)
    assert law.hard(logits).tolist() == [0, 0, 0, 1, 1]
    assert not law.hard(logits).requires_grad
    assert law.at(0.0) == law
    assert law.at(0.37).at(1.0) == law.at(1.0)
    assert law.initial((2, 3)).tolist() == [[pytest.approx(0.037)] * 3] * 2


def test_the_soft_gate_becomes_the_hard_one():
    law = ContinuousSparsification(beta_final=1e6)
    logits = torch.tensor([-0.37, -0.0019, 0.0019, 0.37])
    torch.testing.assert_close(law.at(1.0).sample(logits), law.hard(logits))


def test_rewind_of_continuous_sparsification():
    law = ContinuousSparsification(s0=0.05)
    logits = torch.tensor([-0.037, 0.0001, 0.19])
    again = law.at(1.0).rewind(logits)
    assert again.tolist() == pytest.approx([-7.4, 0.02, 0.05])
    soft, begun = law.at(1.0).sample(logits), law.sample(again)
    assert begun[0].item() == pytest.approx(soft[0].item())  # closed gates begin closed just as far


# Top k


def by_sorting(values, count):
    order = sorted(range(values.size), key=lambda i: (-values.flat[i], i))[:count]
    mask = np.zeros(values.size)
    mask[order] = 1
    return mask.reshape(values.shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("seed", range(4))
def test_exact_counts_with_ties(seed, dtype):
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 3, size=(3, 4, 5)) * 0.5
    logits = torch.tensor(values, dtype=dtype)
    for count in (1, 2, 17, 37, 59, 60):
        mask = TopK(kept=count).hard(logits)
        assert mask.dtype == dtype
        np.testing.assert_array_equal(mask.double().numpy(), by_sorting(values, count))


def test_ends_of_counting():
    values = torch.tensor([-math.inf, 0.37, math.inf, -math.inf, 0.37])
    assert largest(values, 0).tolist() == [0, 0, 0, 0, 0]
    assert largest(values, 4).tolist() == [1, 1, 1, 0, 1]
    assert TopK(kept=0.001).hard(values).sum() == 1  # a share keeps one at least
    assert TopK(kept=1.0).hard(values).all()
    assert TopK(kept=1).hard(values).tolist() == [0, 0, 1, 0, 0]
    assert TopK().hard(torch.tensor(0.37)).item() == 1
    assert TopK().hard(torch.empty(0)).shape == (0,)


@pytest.mark.parametrize("pattern", [(2, 4), (1, 2), (3, 8), (1, 1), (4, 4)])
def test_patterns(pattern):
    n, m = pattern
    values = np.random.default_rng(n).integers(-2, 3, size=(3, 5, 16)) * 0.37
    mask = TopK(pattern=[n, m]).hard(torch.tensor(values))
    blocks = values.reshape(-1, m)
    wanted = np.array([by_sorting(block, n) for block in blocks]).reshape(values.shape)
    np.testing.assert_array_equal(mask, wanted)
    assert TopK(pattern=pattern).count(16) == 16 * n // m


def test_straight_through():
    logits = torch.tensor([0.37, -1.9, math.inf, -math.inf, 1.9], requires_grad=True)
    weights = torch.tensor([0.7, -1.3, 0.37, 1.1, -0.19])
    for law in (TopK(kept=2), TopK(kept=0.4, score=magnitude)):
        for function in (law.sample, law.p_active):
            values = function(logits)
            assert values.tolist() == law.hard(logits).tolist() == [0, 0, 1, 0, 1]
            (slope,) = torch.autograd.grad(values @ weights, logits)
            assert slope.tolist() == weights.tolist()
    assert not law.hard(logits).requires_grad


def test_straight_through_in_double_precision_is_exact():
    logits = torch.tensor(np.random.default_rng(5).normal(scale=1e8, size=1000), requires_grad=True)
    assert set(TopK().sample(logits).tolist()) == {0.0, 1.0}


def test_schedule():
    law = TopK(kept=0.1, begin=0.9, ramp=(0.2, 0.7))
    counts = [law.at(t / 100).count(10_000) for t in range(101)]
    assert counts[:21] == [9000] * 21
    assert counts[70:] == [1000] * 31
    assert counts == sorted(counts, reverse=True)
    assert counts[45] == 1000 + 8000 // 8  # halfway along the ramp
    sparsity = 0.9 + (0.1 - 0.9) * (1 - (0.37 - 0.2) / 0.5) ** 3  # as Zhu & Gupta write it
    assert counts[37] == round(10_000 * (1 - sparsity))
    assert law.count(10_000) == 9000
    values = torch.arange(100.0)
    assert law.at(0.45).hard(values).sum() == law.at(0.45).sample(values).sum() == 20
    mixed = TopK(kept=37, begin=1.0)  # a count at the end, a share at the start
    assert [mixed.at(t).count(100) for t in (0, 1)] == [100, 37]


def test_without_a_schedule_progress_changes_nothing():
    for law in (HardConcrete(), TopK(), TopK(pattern=(2, 4))):
        assert law.at(0.37) is law


def test_top_k_rewinds_to_itself_and_starts_in_random_order():
    logits = TopK().initial((300, 100), generator=seeded(7))
    close(logits.double().numpy(), 0.0)
    assert logits.std().item() == pytest.approx(0.01, rel=0.02)
    again = TopK().rewind(logits)
    assert again.equal(logits)
    assert again.data_ptr() != logits.data_ptr()


def test_magnitude():
    weight = np.random.default_rng(3).normal(size=(5, 4, 3))
    np.testing.assert_allclose(magnitude(torch.tensor(weight)), np.abs(weight))
    for axis in (0, 1, -1):
        others = tuple(a for a in range(3) if a != axis % 3)
        expected = np.sqrt((weight**2).sum(axis=others))
        np.testing.assert_allclose(magnitude(torch.tensor(weight), axis), expected)
    assert magnitude(torch.tensor([-0.37, 1.9]), 0).tolist() == pytest.approx([0.37, 1.9])
    big = torch.full((2, 3), 300.0, dtype=torch.float16)  # whose squares overflow in half precision
    assert magnitude(big, 0).tolist() == pytest.approx([300 * math.sqrt(3)] * 2)


# All laws

EVERY = [
    HardConcrete(),
    HardConcrete(evaluation="paper"),
    HardConcrete(evaluation="expected"),
    ContinuousSparsification(),
    TopK(),
    TopK(pattern=(1, 3)),
]


def test_every_law_is_in_the_tuple_and_here():
    assert {type(law) for law in EVERY} == set(GATES)


@pytest.mark.parametrize("law", EVERY)
def test_common_laws(law):
    logits = law.initial((4, 6), generator=seeded(11), dtype=torch.float64).requires_grad_()
    low, high = law.limits
    assert ((logits >= low) & (logits <= high)).all()
    sample, again, other = (law.sample(logits, seeded(seed)) for seed in (37, 37, 38))
    assert sample.equal(again)
    assert sample.equal(other) == (not isinstance(law, HardConcrete))
    assert sample.shape == logits.shape
    assert ((sample >= 0) & (sample <= 1)).all()
    for function in (lambda x: law.sample(x, seeded(37)), law.p_active):
        (slope,) = torch.autograd.grad(function(logits).sum(), logits)
        assert slope.isfinite().all()
        assert slope.any()
    hard = law.hard(logits)
    assert hard.equal(law.hard(logits))
    assert not hard.requires_grad
    assert law.initial((4, 6), generator=seeded(11), dtype=torch.float64).equal(logits)
    assert law.initial((3,)).dtype == torch.float32
    assert dataclasses.replace(law) == law


@pytest.mark.parametrize("law", EVERY)
def test_no_number_stays_none(law):
    logits = torch.tensor([[0.37, math.nan, -3.7]])
    for values in (law.hard(logits), law.sample(logits), law.p_active(logits)):
        assert values.isnan()[0, 1]


def train(law, seed, rate, price):
    """Least squares on twelve columns of which three count; the columns whose gates are open in the end.

    Plain gradient steps for the logits: a gate that only the price still pulls at, the weight having made up for its
    value, should hardly move, and Adam would move it at full speed.
    """
    rng = np.random.default_rng(seed)
    X = torch.tensor(rng.normal(size=(200, 12)))
    y = X[:, 2] * 1.9 - X[:, 5] * 1.3 + X[:, 9] * 0.73 + 0.37 * torch.tensor(rng.normal(size=200))
    generator = seeded(seed)
    weight = torch.linalg.lstsq(X, y[:, None]).solution.ravel().requires_grad_()  # as of a network trained before
    logits = law.initial((12,), generator=generator, dtype=torch.float64).requires_grad_()
    weights, gates = torch.optim.Adam([weight], lr=0.01), torch.optim.SGD([logits], lr=rate)
    for step in range(400):
        now = law.at(step / 400)
        weights.zero_grad()
        gates.zero_grad()
        loss = ((y - X @ (weight * now.sample(logits, generator))) ** 2).mean() + price * now.p_active(logits).sum()
        loss.backward()
        weights.step()
        gates.step()
        with torch.no_grad():
            logits.clamp_(*law.limits)
    return law.hard(logits).nonzero().ravel().tolist()


@pytest.mark.parametrize(
    ("law", "rate", "price"),
    [(HardConcrete(), 0.5, 0.1), (ContinuousSparsification(), 0.1, 0.01), (TopK(3), 0.05, 0.0)],
)
def test_gates_find_the_columns_that_count(law, rate, price):
    assert train(law, 37, rate, price) == [2, 5, 9]


def test_gradual_magnitude_pruning_finds_the_columns_that_count():
    rng = np.random.default_rng(37)
    X = torch.tensor(rng.normal(size=(200, 12)))
    y = X[:, [2, 5, 9]] @ torch.tensor([1.9, -1.3, 0.73], dtype=torch.float64) + 0.37 * torch.tensor(
        rng.normal(size=200)
    )
    weight = torch.full((12,), 0.37, dtype=torch.float64, requires_grad=True)
    law = TopK(kept=0.25, score=magnitude, begin=1.0, ramp=(0.2, 0.8))
    optimiser = torch.optim.Adam([weight], lr=0.05)
    open_gates = []
    for step in range(300):
        now = law.at(step / 300)
        mask = now.sample(now.score(weight.detach()))
        open_gates.append(int(mask.sum()))
        optimiser.zero_grad()
        ((y - X @ (weight * mask)) ** 2).mean().backward()
        optimiser.step()
    assert open_gates[0] == 12
    assert open_gates[-1] == 3
    assert law.at(1.0).hard(magnitude(weight)).nonzero().ravel().tolist() == [2, 5, 9]


# Messages

HALF = torch.zeros(4)
MESSAGES = [
    (lambda: HardConcrete(beta=1.9), errors.ArgumentError,
     "`beta` must be a number in (0, 1], got 1.9. Hint: the smaller, the harder."),
    (lambda: HardConcrete(gamma=0.1), errors.ArgumentError,
     "`gamma` must be below 0 and `zeta` above 1, got 0.1 and 1.1. "
     "What lies beyond 0 and 1 is what makes gates exactly closed and open."),
    (lambda: HardConcrete(zeta=1.0), errors.ArgumentError,
     "`gamma` must be below 0 and `zeta` above 1, got -0.1 and 1.0. "
     "What lies beyond 0 and 1 is what makes gates exactly closed and open."),
    (lambda: HardConcrete(p_init=0.9999), errors.ArgumentError,
     "`p_init` must be a probability above 0 and below 1, in [0.0122, 0.9979] by `limits`, got 0.9999."),
    (lambda: HardConcrete(p_init=1.0, limits=(-math.inf, math.inf)), errors.ArgumentError,
     "`p_init` must be a probability above 0 and below 1, in [0, 1] by `limits`, got 1.0."),
    (lambda: HardConcrete(p_init=None), errors.ArgumentError,
     "`p_init` must be a probability above 0 and below 1, in [0.0122, 0.9979] by `limits`, got None."),
    (lambda: HardConcrete(limits=(1.9, 0.37)), errors.ArgumentError,
     "`limits` must be a pair of numbers, the lower one first, got (1.9, 0.37)."),
    (lambda: HardConcrete(evaluation="medain"), errors.ArgumentError,
     "`evaluation` must be one of median, paper, expected, got 'medain'. Did you mean \"median\"?"),
    (lambda: HardConcrete.from_droprate(1.9), errors.ArgumentError, "`rate` must be a share in (0, 1), got 1.9."),
    (lambda: HardConcrete().at(1.9), errors.ArgumentError,
     "`progress` must be a share of the training in [0, 1], got 1.9."),
    (lambda: ContinuousSparsification().at(-0.37), errors.ArgumentError,
     "`progress` must be a share of the training in [0, 1], got -0.37."),
    (lambda: TopK().at(None), errors.ArgumentError,
     "`progress` must be a share of the training in [0, 1], got None."),
    (lambda: ContinuousSparsification(beta_final=0.37), errors.ArgumentError,
     "`beta_final` must be a finite number > 1, got 0.37."),
    (lambda: ContinuousSparsification(s0=math.nan), errors.ArgumentError, "`s0` must be a finite number, got nan."),
    (lambda: TopK(kept=1.9), errors.ArgumentError, "`kept` must be a share in (0, 1] or a count >= 1, got 1.9."),
    (lambda: TopK(kept=0), errors.ArgumentError, "`kept` must be a share in (0, 1] or a count >= 1, got 0."),
    (lambda: TopK(kept=True), errors.ArgumentError, "`kept` must be a share in (0, 1] or a count >= 1, got True."),
    (lambda: TopK(begin=-0.37), errors.ArgumentError, "`begin` must be a share in (0, 1] or a count >= 1, got -0.37."),
    (lambda: TopK(kept=5).hard(HALF), errors.ArgumentError,
     "`kept` must be at most the number of gates, got 5 of 4 gates."),
    (lambda: TopK(kept=1, begin=5).hard(HALF[:1]), errors.ArgumentError,
     "`begin` must be at most the number of gates, got 5 of 1 gate."),
    (lambda: TopK(pattern=(4, 2)), errors.ArgumentError,
     "`pattern` must be (n, m), n kept of every m, with 1 <= n <= m, got (4, 2)."),
    (lambda: TopK(pattern="2:4"), errors.ArgumentError,
     "`pattern` must be (n, m), n kept of every m, with 1 <= n <= m, got '2:4'."),
    (lambda: TopK(kept=0.37, pattern=(2, 4)), errors.ArgumentError,
     "`pattern` (2, 4) settles what is kept, got `kept` 0.37 beside it. Give one."),
    (lambda: TopK(begin=1.0, pattern=(2, 4)), errors.ArgumentError,
     "`pattern` (2, 4) settles what is kept, got `begin` 1.0 beside it. Give one."),
    (lambda: TopK(pattern=(2, 4)).hard(torch.zeros(3, 7)), errors.ArgumentError,
     "the pattern 2:4 needs a last axis that is a multiple of 4, got shape (3, 7), which leaves 3 over. "
     "Hint: leave this tensor out, or move an axis that fits to the end."),
    (lambda: TopK(pattern=(2, 4)).hard(torch.tensor(0.37)), errors.ArgumentError,
     "the pattern 2:4 needs a last axis that is a multiple of 4, got shape (). "
     "Hint: leave this tensor out, or move an axis that fits to the end."),
    (lambda: TopK(score="magnitude"), errors.ArgumentError,
     "`score` must be a function of a weight, such as ellzero.nn.magnitude, got 'magnitude'."),
    (lambda: TopK(score=magnitude).initial((4,)), errors.ArgumentError,
     "TopK with a `score` has no logits of its own: hand it score(weight) where others get logits."),
    (lambda: TopK(ramp=(0.7, 0.37)), errors.ArgumentError,
     "`ramp` must be two shares of the training, 0 <= first < last <= 1, got (0.7, 0.37). "
     "Hint: (0.1, 0.8) leaves the last fifth for training at the final size."),
    (lambda: TopK(ramp=(0.1, 0.8)), errors.ArgumentError,
     "`ramp` has no meaning without `begin`, what is kept at the start, got (0.1, 0.8)."),
    (lambda: magnitude(torch.zeros(3, 4), 2), errors.ArgumentError,
     "`axis` must be None or an integer in [-2, 1], got 2."),
    (lambda: magnitude(torch.zeros(3, 4, dtype=torch.int64)), errors.DataError,
     "`weight` must be a tensor of floating-point numbers, got torch.int64."),
    (lambda: HardConcrete().sample(torch.zeros(4, device="meta"), seeded(3)), errors.ArgumentError,
     "`generator` must be on the device of the logits, meta, got one on cpu. Hint: torch.Generator('meta')."),
    (lambda: HardConcrete().initial((4,), device="meta", generator=seeded(3)), errors.ArgumentError,
     "`generator` must be on the device of the logits, meta, got one on cpu. Hint: torch.Generator('meta')."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), MESSAGES, ids=[text[:60] for _, _, text in MESSAGES])
def test_message(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize("law", EVERY)
@pytest.mark.parametrize("logits", [torch.zeros(3, dtype=torch.int64), [0.37, 1.9, 0.0]])
def test_logits_must_be_floating(law, logits):
    got = "torch.int64" if isinstance(logits, torch.Tensor) else "<class 'list'>"
    for function in (law.sample, law.hard, law.p_active, law.rewind):
        with pytest.raises(errors.DataError) as caught:
            function(logits)
        assert str(caught.value) == f"`logits` must be a tensor of floating-point numbers, got {got}."
