"""Small classifiers in NumPy: softmax regression, and a network with one layer of tanh units."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ... import _checks as checks
from ...losses import Multinomial

LOSS = Multinomial()
Layer = tuple[np.ndarray, np.ndarray]  # weights (inputs, outputs) and intercepts (outputs,)


class Model(ABC):
    r"""Layers of weights and intercepts with tanh between them and softmax after the last.

    Parameters are one vector: the weights of all layers, each row by row, then the intercepts. Penalties are about the
    first `n_weights` entries.
    """

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """Numbers of inputs, of hidden units, if any, and of classes."""

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shape (inputs, outputs) of the weights of each layer."""
        return list(zip(self.sizes[:-1], self.sizes[1:], strict=True))

    @property
    def n_weights(self) -> int:
        """Number of weights, without intercepts."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def n_parameters(self) -> int:
        """Number of weights and intercepts."""
        return self.n_weights + sum(self.sizes[1:])

    @property
    def reads(self) -> np.ndarray:
        """Which input each weight multiplies, shape (n_weights,); -1 behind the first layer."""
        (rows, columns), *_ = self.shapes
        return np.append(np.repeat(np.arange(rows), columns), np.full(self.n_weights - rows * columns, -1))

    def names(self) -> list[str]:
        """Names of the weights: ``"x37 to class 4"``, ``"x37 to unit 2"``, ``"unit 2 to class 4"``."""
        kinds = ["x", *["unit "] * (len(self.sizes) - 2), "class "]
        return [
            f"{kinds[i]}{row} to {kinds[i + 1]}{column}"
            for i, (rows, columns) in enumerate(self.shapes)
            for row in range(rows)
            for column in range(columns)
        ]

    def layers(self, parameters: np.ndarray) -> list[Layer]:
        """Views of the parameters as weights and intercepts, layer by layer."""
        out, at, base = [], 0, self.n_weights
        for rows, columns in self.shapes:
            weights = parameters[at : at + rows * columns].reshape(rows, columns)
            out.append((weights, parameters[base : base + columns]))
            at, base = at + rows * columns, base + columns
        return out

    def start(self, random_state: int | np.random.Generator | None = 0) -> np.ndarray:
        r"""Initial parameters: weights normal with variance 1 / (number of inputs), none of them 0; intercepts 0."""
        parameters = np.zeros(self.n_parameters)
        rng = checks.random_state(random_state)
        for weights, _ in self.layers(parameters):
            weights[:] = rng.standard_normal(weights.shape) / np.sqrt(len(weights))
        return parameters

    def activations(self, parameters, X) -> list[np.ndarray]:
        """The inputs, the values of every hidden layer and the scores of the classes before softmax."""
        out, (*hidden, (weights, intercepts)) = [X], self.layers(parameters)
        for inner, shifts in hidden:
            out.append(np.tanh(out[-1] @ inner + shifts))
        return [*out, out[-1] @ weights + intercepts]

    def loss(self, parameters, X, Y) -> float:
        r"""Mean negative log-likelihood, :math:`\frac1n \sum_i \log\sum_c e^{s_{ic}} - s_{i y_i}`.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
        X : ndarray of shape (n, inputs)
        Y : ndarray of shape (n, classes)
            Indicators of the classes.
        """
        return float(LOSS.value(Y, self.activations(parameters, X)[-1]).mean())

    def gradient(self, parameters, X, Y) -> np.ndarray:
        """Gradient of `loss` in the parameters, by back-propagation; shape (n_parameters,)."""
        out = np.empty(self.n_parameters)
        values, layers, slopes = self.activations(parameters, X), self.layers(parameters), self.layers(out)
        back = LOSS.gradient(Y, values[-1]) / len(X)
        for i in reversed(range(len(layers))):
            slopes[i][0][:] = values[i].T @ back
            slopes[i][1][:] = back.sum(axis=0)
            if i:
                back = (back @ layers[i][0].T) * (1.0 - values[i] ** 2)
        return out

    def predict(self, parameters, X) -> np.ndarray:
        """Number of the class with the highest score, shape (n,)."""
        return self.activations(parameters, np.asarray(X, float))[-1].argmax(axis=1)


@dataclass(frozen=True)
class LinearModel(Model):
    r"""Softmax regression: scores :math:`x^\top W + b`.

    Parameters
    ----------
    inputs : int, >= 1
        Columns of X.
    classes : int, >= 2

    Raises
    ------
    ArgumentError
        A number is not an integer in its range.

    Examples
    --------
    >>> model = LinearModel(64, 10)
    >>> model.n_weights, model.n_parameters
    (640, 650)
    """

    inputs: int
    classes: int

    def __post_init__(self):
        checks.integer_in("inputs", self.inputs, 1, checks.WIDEST)
        checks.integer_in("classes", self.classes, 2, checks.WIDEST)

    @property
    def sizes(self):
        return self.inputs, self.classes


@dataclass(frozen=True)
class TanhNetwork(Model):
    r"""A network with one hidden layer: scores :math:`\tanh(x^\top W_1 + b_1)\,W_2 + b_2`.

    Parameters
    ----------
    inputs : int, >= 1
        Columns of X.
    hidden : int, >= 1
        Units of the hidden layer.
    classes : int, >= 2

    Raises
    ------
    ArgumentError
        A number is not an integer in its range.

    Examples
    --------
    >>> model = TanhNetwork(64, 16, 10)
    >>> model.n_weights, model.names()[37], model.names()[-1]
    (1184, 'x2 to unit 5', 'unit 15 to class 9')
    """

    inputs: int
    hidden: int
    classes: int

    def __post_init__(self):
        checks.integer_in("inputs", self.inputs, 1, checks.WIDEST)
        checks.integer_in("hidden", self.hidden, 1, checks.WIDEST)
        checks.integer_in("classes", self.classes, 2, checks.WIDEST)

    @property
    def sizes(self):
        return self.inputs, self.hidden, self.classes
