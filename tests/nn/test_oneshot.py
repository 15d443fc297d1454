"""One-shot pruning: layers against closed forms and each other, models against layers pruned by hand."""

import copy
import signal
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

import ellzero.nn as ezn
from ellzero import errors
from ellzero.nn import layerwise
from ellzero.nn.layerwise import METHODS, Kept
from ellzero.result import Status

NAMES = [kind.name for kind in METHODS]


@pytest.fixture(autouse=True)
def one_thread_one_seed():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(37)
    yield
    torch.set_num_threads(before)


def layer(seed, inputs=48, outputs=37, tokens=190, sequences=5):
    """Correlated inputs of several scales, and a weight."""
    draw = torch.Generator().manual_seed(seed)
    mix = torch.randn(inputs, inputs, generator=draw) / inputs**0.5
    scale = torch.logspace(-0.5, 0.5, inputs)[torch.randperm(inputs, generator=draw)]
    X = (torch.randn(sequences, tokens // sequences, inputs, generator=draw) @ mix) * scale
    gram = ezn.InputGram(inputs)
    gram.add(X)
    return X.reshape(-1, inputs), gram, torch.randn(outputs, inputs, generator=draw) / scale.sqrt()


def llama(seed=0, **changes):
    torch.manual_seed(seed)
    shape = {"vocab_size": 37, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**shape | changes))
    with torch.no_grad():
        for parameter in model.parameters():  # the usual start is so small that blocks do next to nothing
            parameter.mul_(5 if parameter.ndim > 1 else 1)
    return model.eval()


def tokens(seed, *shape):
    return torch.randint(37, shape, generator=torch.Generator().manual_seed(seed))


BATCHES = [tokens(seed, 3, 19) for seed in range(4)]


def pruned_by_hand(model, batches, kept, method):
    """Block by block, whole forwards of the model as it is by then, every layer with its own Gram matrix."""
    for number in range(len(model.model.layers)):
        block = model.model.layers[number]
        layers = {name: module for name, module in block.named_modules() if isinstance(module, nn.Linear)}
        grams = {name: ezn.InputGram(module.in_features) for name, module in layers.items()}
        hooks = [m.register_forward_pre_hook(lambda _, a, g=grams[n]: g.add(a[0])) for n, m in layers.items()]
        with torch.no_grad():
            for batch in batches:
                model(batch)
            for hook in hooks:
                hook.remove()
            for name, module in layers.items():
                module.weight.copy_(ezn.prune_layer(module.weight, grams[name], kept, method))
    return model


def same(one, other, tolerance=0.0):
    theirs = dict(other.named_parameters())
    return all(
        torch.allclose(mine, theirs[name], rtol=tolerance, atol=tolerance) for name, mine in one.named_parameters()
    )


def test_the_gram_matrix_is_that_of_the_tokens_that_count():
    X, mask = torch.randn(3, 7, 5), torch.rand(3, 7) < 0.6
    gram = ezn.InputGram(5)
    gram.add(X, mask)
    rows = X[mask]
    torch.testing.assert_close(gram.matrix, rows.T @ rows)
    assert (gram.n_tokens, gram.n_sequences) == (len(rows), 3)


def test_the_shrinkage_is_the_ratio_of_variance_to_square():
    X = torch.randn(6, 11, 5, dtype=torch.float64) + 1.9 * torch.randn(5, dtype=torch.float64)
    gram = ezn.InputGram(5, torch.float64)
    for part in X.split(2):
        gram.add(part)
    scale = np.sqrt(np.diag(gram.matrix))
    each = np.array([x.T @ x for x in X.numpy()]) / np.outer(scale, scale)
    off = ~np.eye(5, dtype=bool)
    expected = len(X) * each.var(axis=0, ddof=1)[off].sum() / (each.sum(axis=0)[off] ** 2).sum()
    assert gram.shrinkage() == pytest.approx(min(1, expected))
    assert 0 < expected < 1
    damped = gram.damped(None)
    torch.testing.assert_close(damped.diagonal(), gram.matrix.diagonal())
    torch.testing.assert_close(damped[0, 1], gram.matrix[0, 1] * (1 - gram.shrinkage()))


def test_little_text_is_shrunk_more_than_much_and_one_sequence_gets_the_ridge():
    few, many, one = (layer(1, tokens=38 * n, sequences=n)[1] for n in (3, 60, 1))
    assert many.shrinkage() < 0.37 * few.shrinkage()
    assert one.shrinkage() is None
    torch.testing.assert_close(one.damped(None), one.damped(0.01))


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("kept", [0.37, 0.5, "2:4", "1:3"])
def test_exactly_what_is_asked_for_is_kept(method, kept):
    _, gram, weight = layer(3)
    found = ezn.prune_layer(weight, gram, kept, method)
    assert found.shape == weight.shape
    wanted = Kept.of(kept)
    if wanted.pattern is not None:
        n, m = wanted.pattern
        assert (torch.count_nonzero(found.reshape(37, -1, m), dim=-1) == n).all()
    elif method == "wanda":
        assert (torch.count_nonzero(found, dim=1) == round(kept * 48)).all()
    else:
        assert torch.count_nonzero(found) == round(kept * weight.numel())


@pytest.mark.parametrize("method", [layerwise.Magnitude, layerwise.Wanda, layerwise.IHT, layerwise.ADMM])
def test_a_row_can_have_its_own_share(method):
    _, gram, weight = layer(4)
    found = ezn.prune_layer(weight, gram, 0.37, method(scope="row"))
    assert (torch.count_nonzero(found, dim=1) == round(0.37 * 48)).all()
    whole = ezn.prune_layer(weight, gram, 0.37, method(scope="layer"))
    assert torch.count_nonzero(whole) == round(0.37 * weight.numel())
    assert torch.count_nonzero(whole, dim=1).unique().numel() > 1


@pytest.mark.parametrize("method", NAMES)
def test_everything_kept_is_the_weight(method):
    _, gram, weight = layer(5)
    torch.testing.assert_close(ezn.prune_layer(weight, gram, 1.0, method), weight, rtol=1e-4, atol=1e-4)


def test_wanda_is_its_formula():
    X, gram, weight = layer(6)
    scores = weight.abs() * X.norm(dim=0)
    cut = scores.sort(dim=1, descending=True).values[:, 23:24]  # 24 of 48 a row
    torch.testing.assert_close(ezn.prune_layer(weight, gram, 0.5, "wanda"), weight * (scores >= cut))


def obs(weight, gram, kept):
    """The optimal brain surgeon in the order of the inputs: the inverse of what is left, formed afresh each time."""
    left, H = weight.double().clone(), gram.double()
    inverse = torch.linalg.inv(H)
    pivots = torch.stack([torch.linalg.inv(H[j:, j:])[0, 0] for j in range(len(H))])
    scores = left.square() / pivots
    mask = torch.zeros_like(scores, dtype=torch.bool)
    mask.view(-1)[scores.flatten().argsort(descending=True)[: round(kept * scores.numel())]] = True
    for j in range(len(H)):
        inverse = torch.linalg.inv(H[j:, j:])
        gone = torch.where(mask[:, j], 0.0, left[:, j] / inverse[0, 0])
        left[:, j:] -= gone[:, None] * inverse[0]
    return left * mask


def test_sparsegpt_is_the_surgeon_in_order():
    _, gram, weight = layer(7, inputs=20)
    found = ezn.prune_layer(weight, gram.matrix, 0.37, layerwise.SparseGPT(block=128, damping=0.0))
    torch.testing.assert_close(found.double(), obs(weight, gram.matrix, 0.37), rtol=1e-3, atol=1e-4)


def test_blocks_of_sparsegpt_never_cut_a_run():
    _, gram, weight = layer(7)
    found = ezn.prune_layer(weight, gram, "2:4", layerwise.SparseGPT(block=10))
    assert (torch.count_nonzero(found.reshape(37, -1, 4), dim=-1) == 2).all()
    torch.testing.assert_close(found, ezn.prune_layer(weight, gram, "2:4", layerwise.SparseGPT(block=12)))


def test_the_refit_is_the_closed_form_on_the_support():
    X, gram, weight = layer(8)
    found = ezn.prune_layer(weight, gram.matrix, 0.37, layerwise.ADMM(damping=0.0))
    X, target = X.double(), weight.double()
    for row, whole in zip(found.double(), target, strict=True):
        S = row != 0
        best = torch.linalg.lstsq(X[:, S], (X @ whole)[:, None]).solution[:, 0]
        assert (X @ (row - whole)).norm() <= (X[:, S] @ best - X @ whole).norm() * 1.001


@pytest.mark.parametrize("kept", [0.5, 0.3, "2:4"])
def test_the_order_of_the_methods(kept):
    errors_of = {name: [] for name in NAMES}
    for seed in range(6):
        _, gram, weight = layer(seed)
        for name in NAMES:
            method = {"admm": layerwise.ADMM(damping=0.01), "iht": layerwise.IHT(damping=0.01)}.get(name, name)
            errors_of[name].append(gram.error(weight, ezn.prune_layer(weight, gram, kept, method)))
    mean = {name: np.mean(values) for name, values in errors_of.items()}
    assert mean["admm"] < mean["iht"] < mean["wanda"]
    assert mean["admm"] < mean["sparsegpt"] < mean["wanda"] < mean["magnitude"]


def text(seed, sequences=25, length=38, inputs=48):
    """Inputs with a structure of the language and one of each sequence alone, and a weight."""
    draw = torch.Generator().manual_seed(seed)
    language = torch.randn(inputs, inputs, generator=draw) / inputs**0.5
    rows = []
    for _ in range(sequences):
        topics = 0.37 * torch.randn(4, inputs, generator=draw)
        mixed = torch.randn(length, 4, generator=draw) @ topics + torch.randn(length, inputs, generator=draw) @ language
        rows.append(mixed + 0.5 * torch.randn(length, inputs, generator=draw))
    return torch.stack(rows), torch.randn(37, inputs, generator=draw)


@pytest.mark.parametrize(("seen", "factor"), [(5, 0.95), (20, 0.99)])
def test_shrinking_by_what_the_text_says_is_better_on_other_text(seen, factor):
    ours, paper = [], []
    for seed in range(6):
        X, weight = text(seed)
        gram, other = ezn.InputGram(48), X[20:].flatten(0, 1)
        gram.add(X[:seen])
        for errors_of, method in ((ours, layerwise.ADMM()), (paper, layerwise.ADMM(damping=0.01))):
            found = ezn.prune_layer(weight, gram, 0.5, method)
            errors_of.append(float((other @ (found - weight).T).norm() / (other @ weight.T).norm()))
    assert np.mean(ours) < factor * np.mean(paper)


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_dtype_of_the_weight_stays(method, dtype):
    X, _, weight = layer(9)
    gram = ezn.InputGram(48, torch.float64 if dtype is torch.float64 else torch.float32)
    gram.add(X[None].repeat(2, 1, 1))
    single = ezn.prune_layer(weight.to(dtype).float(), gram.matrix.float(), 0.5, method)
    found = ezn.prune_layer(weight.to(dtype), gram.matrix, 0.5, method)
    assert found.dtype is dtype
    assert abs(gram.error(weight, found.float()) - gram.error(weight, single)) < 0.003


def test_inputs_that_are_always_zero_are_no_trouble():
    X, _, weight = layer(10)
    X[:, [0, 37]] = 0
    gram = ezn.InputGram(48)
    gram.add(X.reshape(5, 38, 48))
    for name in NAMES:
        for kept in (0.5, "2:4"):
            found = ezn.prune_layer(weight, gram, kept, name)
            assert torch.isfinite(found).all()
            assert gram.error(weight, found) < gram.error(weight, 0 * weight) * 0.75


@pytest.mark.parametrize("method", NAMES)
def test_a_model_is_its_layers_pruned_one_by_one(method):
    model, hand = llama(), pruned_by_hand(llama(), BATCHES, 0.5, method)
    report = ezn.prune_llm(model, BATCHES, 0.5, method)
    assert same(model, hand, 1e-5)
    assert (report.blocks, report.blocks_in_all, report.n_tokens) == (2, 2, 4 * 3 * 19)
    assert report.status is Status.HEURISTIC
    assert len(report.layers) == 14
    for one in report.layers:
        weight = model.get_submodule(one.name).weight
        assert one.kept == float(torch.count_nonzero(weight)) / weight.numel()
        assert 0 < one.error < 1
    torch.testing.assert_close(model.lm_head.weight, llama().lm_head.weight)
    torch.testing.assert_close(model.model.embed_tokens.weight, llama().model.embed_tokens.weight)


class Experts(nn.Module):
    """A block with more experts than there are blocks."""

    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(5))

    def forward(self, hidden):
        return hidden + sum(expert(hidden) for expert in self.experts).tanh()


class Mixture(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.blocks = nn.Embedding(37, 8), nn.ModuleList(Experts() for _ in range(3))

    def forward(self, input_ids, use_cache=False):
        hidden = self.embed(input_ids)
        for block in self.blocks:
            hidden = block(hidden)
        return hidden


def test_experts_of_a_block_are_not_blocks():
    report = ezn.prune_llm(Mixture(), BATCHES, "2:4")
    assert (report.blocks, len(report.layers)) == (3, 15)
    assert report.layers[7].name == "blocks.1.experts.2"


def test_layers_with_one_input_share_its_work():
    seen = []

    @dataclass(frozen=True)
    class Counted(layerwise.Magnitude):
        name: ClassVar[str] = "counted"

        def prepare(self, gram):
            seen.append(gram.matrix.shape[0])

    ezn.prune_llm(llama(), BATCHES, 0.5, Counted())
    assert seen == [16, 16, 16, 24] * 2  # q k v, o, gate up, down


def test_propagation_feeds_blocks_what_the_pruned_ones_give():
    first, second = llama(), llama()
    ezn.prune_llm(first, BATCHES, 0.3, propagate=True)
    ezn.prune_llm(second, BATCHES, 0.3, propagate=False)
    one, two = first.model.layers, second.model.layers
    assert same(one[0], two[0])
    assert not same(one[1], two[1], 1e-4)
    lone = llama()  # the second block for the dense first one: exclude the first
    ezn.prune_llm(lone, BATCHES, 0.3, exclude=["*.layers.0.*"])
    assert same(lone.model.layers[1], two[1], 1e-5)


def test_patterns_say_which_layers():
    model, before = llama(), llama()
    report = ezn.prune_llm(model, BATCHES, "2:4", "wanda", include=["*.mlp.*"], exclude=["*.1.*", "*.up_proj"])
    assert [one.name for one in report.layers] == ["model.layers.0.mlp.gate_proj", "model.layers.0.mlp.down_proj"]
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, dict(before.named_parameters())[n])}
    assert changed == {f"{one.name}.weight" for one in report.layers}


def test_padding_does_not_count():
    long, short = tokens(37, 1, 19), tokens(38, 1, 7)
    filler = torch.full((1, 12), 5)
    padded = {
        "input_ids": torch.cat([long, torch.cat([short, filler], 1)]),
        "attention_mask": torch.cat([torch.ones(1, 19), torch.cat([torch.ones(1, 7), torch.zeros(1, 12)], 1)]).long(),
    }
    one, two = llama(), llama()
    report = ezn.prune_llm(one, [padded], 0.5)
    ezn.prune_llm(two, [long, short], 0.5)
    assert report.n_tokens == 26
    assert same(one, two, 1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "mistral", "bfloat16", "training"])
def test_other_models(kind):
    torch.manual_seed(0)
    if kind == "gpt2":  # Conv1D, which holds its weight the other way round
        model = GPT2LMHeadModel(GPT2Config(vocab_size=37, n_embd=16, n_layer=2, n_head=2, n_positions=32))
        blocks, names = model.transformer.h, 4
    elif kind == "mistral":
        shape = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2}
        model = MistralForCausalLM(MistralConfig(vocab_size=37, num_hidden_layers=3, sliding_window=5, **shape))
        blocks, names = model.model.layers, 7
    else:
        model = llama().to(torch.bfloat16) if kind == "bfloat16" else llama().train()
        blocks, names = model.model.layers, 7
    mode, keys = model.training, set(model.state_dict())
    report = ezn.prune_llm(model, BATCHES, "2:4")
    assert len(report.layers) == names * len(blocks)
    assert all(0.49 < one.kept <= 0.5 and one.error < 0.7 for one in report.layers)
    assert model.training is mode
    assert set(model.state_dict()) == keys
    assert torch.isfinite(model(BATCHES[0]).logits).all()
    for one in report.layers:  # two of four consecutive inputs, whichever way round the weight is held
        weight = model.get_submodule(one.name).weight
        weight = weight if isinstance(model.get_submodule(one.name), nn.Linear) else weight.T
        assert (torch.count_nonzero(weight.reshape(len(weight), -1, 4), dim=-1) <= 2).all()


@dataclass(frozen=True)
class Halting(layerwise.Wanda):
    """Presses Ctrl-C at one of its layers."""

    name: ClassVar[str] = "halting"
    at: int = 9
    calls: ClassVar[list[int]] = []

    def prune(self, weight, prepared, kept):
        self.calls.append(0)
        if len(self.calls) == self.at:
            signal.raise_signal(signal.SIGINT)
        return super().prune(weight, prepared, kept)


@pytest.mark.parametrize(("at", "blocks"), [(1, 0), (9, 1), (14, 1), (99, 2)])
def test_an_interrupt_keeps_whole_blocks(at, blocks):
    Halting.calls.clear()
    model, whole = llama(), llama()
    report = ezn.prune_llm(model, BATCHES, 0.5, Halting(at=at))
    ezn.prune_llm(whole, BATCHES, 0.5, "wanda")
    assert report.blocks == blocks
    assert len(report.layers) == 7 * blocks
    for number, block in enumerate(model.model.layers):
        expected = whole if number < blocks else llama()
        assert same(block, expected.model.layers[number])
    assert report.status is (Status.HEURISTIC if blocks == 2 else Status.INTERRUPTED)
    assert ("Interrupted" in str(report)) is (blocks < 2)
    assert torch.isfinite(model(BATCHES[0]).logits).all()
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_progress_is_told_by_layer():
    events = []
    ezn.prune_llm(llama(), BATCHES, 0.5, on_progress=events.append)
    assert events
    assert events[0].stage == "one-shot"
    assert events[0].message == "model.layers.0.self_attn.q_proj"
    assert (events[0].done, events[0].total) == (1, 14)


def test_the_report_is_a_table():
    report = ezn.prune_llm(llama(), BATCHES, 0.5, "wanda")
    text = str(report)
    assert text.startswith("wanda, kept 0.5: 14 layers in 2 of 2 blocks, 228 tokens, ")
    assert "model.layers.1.mlp.down_proj" in text
    assert report.peak_memory is None or report.peak_memory > 10**6
    assert [row["layer"] for row in report.table().to_dicts()] == [one.name for one in report.layers]


class Backwards(nn.Module):
    """Calls its blocks from the last to the first."""

    def __init__(self):
        super().__init__()
        self.embed, self.stack = nn.Embedding(37, 8), nn.ModuleList(nn.Linear(8, 8) for _ in range(3))

    def forward(self, input_ids, use_cache=False):
        hidden = self.embed(input_ids)
        for block in reversed(self.stack):
            hidden = block(hidden)
        return hidden


def not_a_number(model):
    with torch.no_grad():
        model.model.embed_tokens.weight[5] = torch.inf
    return model


def shared(model):
    model.model.layers[1].mlp.up_proj.weight = model.model.layers[0].mlp.up_proj.weight
    return model


EYE = torch.eye(4)
MESSAGES = [
    (lambda: ezn.prune_llm(llama(), BATCHES, 1.9), errors.ArgumentError,
     '`kept` must be a share in (0, 1], or a pattern n:m with 1 <= n < m such as "2:4", got 1.9.'),
    (lambda: ezn.prune_llm(llama(), BATCHES, "4:2"), errors.ArgumentError,
     '`kept` must be a share in (0, 1], or a pattern n:m with 1 <= n < m such as "2:4", got \'4:2\'.'),
    (lambda: ezn.prune_llm(llama(), BATCHES, "2:5"), errors.ArgumentError,
     '`kept` "2:5" needs layers whose inputs come in runs of 5; model.layers.0.self_attn.q_proj has 16 inputs. '
     "Hint: leave the layer out by `exclude`, or keep a share."),
    (lambda: ezn.prune_llm(llama(), BATCHES, 0.5, "wnada"), errors.ArgumentError,
     "`method` must be one of admm, sparsegpt, wanda, iht, magnitude, got 'wnada'. Did you mean \"wanda\"?"),
    (lambda: layerwise.ADMM(scope="column"), errors.ArgumentError, "`scope` must be one of layer, row, got 'column'."),
    (lambda: layerwise.ADMM(damping=-0.37), errors.ArgumentError,
     "`damping` must be None (estimated) or a finite number >= 0, got -0.37."),
    (lambda: ezn.prune_llm(llama(), []), errors.DataError,
     "`batches` is empty: pruning needs token sequences to see what the layers are fed. "
     "Hint: an iterator that was read to its end gives nothing more."),
    (lambda: ezn.prune_llm(llama(), [BATCHES[0], torch.ones(3, 19)]), errors.DataError,
     "a batch must be an integer tensor of tokens, shape (sequences, length), or a mapping with one as "
     '"input_ids"; batch 1 is torch.float32 of shape (3, 19).'),
    (lambda: ezn.prune_llm(llama(), [BATCHES[0][0]]), errors.DataError,
     "a batch must be an integer tensor of tokens, shape (sequences, length), or a mapping with one as "
     '"input_ids"; batch 0 is torch.int64 of shape (19,).'),
    (lambda: ezn.prune_llm(llama(), ["once upon a time"]), errors.DataError,
     "a batch must be an integer tensor of tokens, shape (sequences, length), or a mapping with one as "
     '"input_ids"; batch 0 is str.'),
    (lambda: ezn.prune_llm(nn.Linear(3, 2), BATCHES), errors.UnsupportedError,
     "no stack of decoder blocks in Linear: a ModuleList whose members are all of one class is needed. "
     "Hint: prune_layer prunes a single weight."),
    (lambda: ezn.prune_llm(Backwards(), BATCHES), errors.UnsupportedError,
     "the forward of Backwards did not call the blocks of 'stack' one after the other, each with the hidden states as "
     "its first argument."),
    (lambda: ezn.prune_llm(llama(), BATCHES, include=["*.fc1"]), errors.ArgumentError,
     "no linear layer is chosen by include=['*.fc1'], exclude=[]. The blocks have model.layers.0.self_attn.q_proj, "
     "model.layers.0.self_attn.k_proj, model.layers.0.self_attn.v_proj, model.layers.0.self_attn.o_proj, "
     "model.layers.0.mlp.gate_proj and 9 more."),
    (lambda: ezn.prune_llm(shared(llama()), BATCHES), errors.UnsupportedError,
     "model.layers.0.mlp.up_proj and model.layers.1.mlp.up_proj share one weight, and each would prune it for its own "
     "inputs. Hint: leave both out by `exclude`."),
    (lambda: ezn.prune_llm(not_a_number(llama()), BATCHES), errors.DataError,
     "the inputs of model.layers.0.self_attn.q_proj are not finite, or their squares overflow. This block and those "
     "after it are as they were. Hint: look at the batches, or hold the model in float32."),
    (lambda: ezn.prune_layer(EYE * torch.nan, EYE), errors.DataError,
     "the weight of the layer holds values that are not finite."),
    (lambda: ezn.prune_layer(EYE, EYE * torch.inf), errors.DataError,
     "`gram` holds values that are not finite."),
    (lambda: ezn.prune_layer(EYE, torch.eye(3)), errors.DataError,
     "`gram` must be of shape (4, 4), X'X of the layer's 4 inputs, got shape (3, 3)."),
    (lambda: ezn.prune_layer(EYE[0], EYE), errors.DataError,
     "`weight` must have two axes, (outputs, inputs), got shape (4,)."),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "kind", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_messages(ask, kind, message):
    with pytest.raises(kind) as caught:
        ask()
    assert str(caught.value) == message


def test_an_error_on_the_way_leaves_whole_blocks_and_no_hooks():
    model = llama()
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = torch.nan
    untouched = copy.deepcopy(model.model.layers[1])
    with pytest.raises(errors.DataError, match=r"the weight of model.layers.1.mlp.up_proj holds"):
        ezn.prune_llm(model, BATCHES, 0.5, "wanda")
    whole = llama()
    ezn.prune_llm(whole, BATCHES, 0.5, "wanda")
    assert same(model.model.layers[0], whole.model.layers[0])
    assert torch.equal(untouched.self_attn.q_proj.weight, model.model.layers[1].self_attn.q_proj.weight)
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert "forward" not in vars(model.model.layers[0])
