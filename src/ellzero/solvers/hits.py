"""Supports near the optimum, as a search meets them."""

from dataclasses import dataclass, field

SPARE = 1000  # supports kept beyond those that are wanted, between two passes of sorting


@dataclass(slots=True, eq=False)
class Hits:
    """Supports up to a threshold; where they are too many, the best of them.

    Attributes
    ----------
    most : float
        How many are wanted.
    values : dict
        Objective of each support.
    """

    most: float = float("inf")
    values: dict[tuple[int, ...], float] = field(default_factory=dict)

    def add(self, units: tuple[int, ...], value: float, threshold: float) -> float:
        """Note a support that is within the threshold; returns the threshold for what is still looked for."""
        if value <= threshold:
            self.values[units] = value
        if len(self.values) <= 2 * self.most + SPARE:
            return threshold
        best = sorted(self.values, key=self.values.__getitem__)[: int(self.most)]
        self.values = {units: self.values[units] for units in best}
        return self.values[best[-1]]
