"""The network of the lesson with a gate on each weight: exact zeros by L0 gates, beside those by proximal L1.

A hard concrete gate is 0, 1 or between, drawn anew in each step of the training, and the probability that it is open
has a gradient: so the expected number of nonzeros can be trained. `Target` finds the price at which the share asked
for is left, here the share of weights that the proximal run kept. Both start at the same weights and see the same
rows; the gated run takes steps of Adam on few rows, because gates need some noise and some hundred steps, so that the
two rows of the table differ in more than the penalty.

    python examples/digits_with_gates.py
"""

import torch
import torch.nn.functional as F
from torch import nn

import ellzero.nn as ez
from ellzero.geometry.descent import TanhNetwork, split_digits, train
from ellzero.result import Table

HIDDEN, STRENGTH, EPOCHS, BATCH = 16, 0.001, 60, 64


def module(model, parameters):
    """The network in PyTorch, with given parameters."""
    layers = []
    for weights, intercepts in model.layers(parameters):
        linear = nn.Linear(*weights.shape)
        linear.weight.data = torch.tensor(weights.T, dtype=torch.float32)
        linear.bias.data = torch.tensor(intercepts, dtype=torch.float32)
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def gated(network, rows, share, random_state=0):
    """Train with a gate on each weight until `share` of them is expected to be open; the gates."""
    X, y = torch.tensor(rows[0], dtype=torch.float32), torch.tensor(rows[1])
    gates = ez.attach(network, X[:2], ez.weights(), gate=ez.HardConcrete(), random_state=random_state)
    steps = -(-len(y) // BATCH)
    goal = ez.Target(gates, kept={"weight": share}, warmup=EPOCHS * steps // 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    draws = torch.Generator().manual_seed(random_state)
    network.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(y), generator=draws).split(BATCH):
            F.cross_entropy(network(X[batch]), y[batch]).backward()
            optimizer.step()
            optimizer.zero_grad()
            goal.step()
    network.eval()  # from here on gates are decided, not drawn
    return gates


def main():
    data, model = split_digits(0), TanhNetwork(64, HIDDEN, 10)
    run = train(model, *data.train, "l1 proximal", strength=STRENGTH, epochs=1000, test=data.test)
    network = module(model, model.start(0))
    gates = gated(network, data.train, run.n_nonzero / model.n_weights)
    plain = ez.compress(network, gates)  # the gates multiplied into the weights: a module like the first one
    X, y = torch.tensor(data.test[0], dtype=torch.float32), torch.tensor(data.test[1])
    with torch.no_grad():
        error = float((plain(X).argmax(1) != y).float().mean())
    zeros = sum(int((weights == 0).sum()) for weights in plain.parameters() if weights.ndim > 1)
    rows = [
        ["L1, proximal", model.n_weights - run.n_nonzero, f"{100 * run.test_error:.1f} %"],
        ["L0 gates", zeros, f"{100 * error:.1f} %"],
    ]
    print(Table([f"training of {model.n_weights} weights", "exact zeros", "test error"], rows))
    return {"proximal": model.n_weights - run.n_nonzero, "gates": zeros, "errors": (run.test_error, error)}


if __name__ == "__main__":
    main()
