"""Groups: units of a network that can be removed one by one, and what each removal takes with it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .walk import Axis, Walk


@dataclass(frozen=True, eq=False)
class Group:
    """Units with the same footprint: each is written, read and cut at the same number of coordinates of the same axes.

    Parameters
    ----------
    name : str
        Path of the module that writes the units first, made unique.
    kind : str
        ``"channel"`` (of convolutions), ``"head"`` (of attention; with grouped queries a head of keys and values and
        all its queries), ``"hidden"`` (of a normalised stream) or ``"neuron"``.
    roots : ndarray of shape (units,)
        The label that stands for each unit.
    members : dict
        For each parameter axis the coordinates of every unit, an integer array of shape (units, coordinates a unit).
    roles : dict
        For each parameter axis, a subset of ``{"read", "write"}``.
    """

    name: str
    kind: str
    roots: np.ndarray
    members: dict[Axis, np.ndarray]
    roles: dict[Axis, frozenset[str]]

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.roots)

    @property
    def binary(self) -> bool:
        """Whether an axis both reads and writes its units, as tied weights do: no fraction can be folded into it."""
        return any(role >= {"read", "write"} for role in self.roles.values())

    def of_role(self, role: str) -> list[Axis]:
        """The parameter axes of one role."""
        return [key for key in self.members if role in self.roles[key]]

    @property
    def modules(self) -> list[str]:
        """Paths of the modules that write or read the units."""
        return list(dict.fromkeys(name.rpartition(".")[0] for name, _ in self.members))

    def __str__(self):
        rest = [key for key in self.members if not self.roles[key]]
        return (
            f"{self.kind} {self.name} x {self.size}: written by {self._listed(self.of_role('write'))}; "
            f"read by {self._listed(self.of_role('read'))}" + f"; also cut: {self._listed(rest)}" * bool(rest)
        )

    def _listed(self, keys: list[Axis]) -> str:
        counts = {key: self.members[key].shape[1] for key in keys}
        return ", ".join(f"{name}[{axis}]" + f" x{n}" * (n > 1) for (name, axis), n in counts.items()) or "-"


def collect(walk: Walk) -> tuple[list[Group], dict[Axis, tuple[str, ...]]]:
    """The units of a walk by footprint, and why the other axes stay.

    Whole axes, frozen units and units that no parameter reads are left out.
    """
    reasons, frozen_units = _reasons(walk)
    footprints = _footprints(walk, frozen_units)
    alike: dict[tuple, list[int]] = {}
    frozen: dict[Axis, dict[str, None]] = {}
    for unit, foot in footprints.items():
        if unit not in frozen_units and any("read" in walk.roles.get(key, ()) for key in foot):
            # In the order of the walk, so that a group is named after its first writer.
            alike.setdefault(tuple((key, len(at)) for key, at in foot.items()), []).append(unit)
        else:
            why = reasons.get(unit) or {"no parameter reads it": True}
            for key in foot:
                frozen.setdefault(key, {}).update(dict.fromkeys(sorted(why, key=lambda reason: not why[reason])))
    kinds = {
        kind: set(walk.units.find(np.concatenate([a.ravel() for a in arrays])).tolist()) if arrays else set()
        for kind, arrays in (walk.kinds | {"head": [array for _, array in walk.splits]}).items()
    }
    groups: list[Group] = []
    for foot, units in alike.items():
        keys = [key for key, _ in foot]
        members = {key: np.stack([footprints[unit][key] for unit in units]) for key in keys}
        roles = {key: frozenset(walk.roles.get(key, ())) for key in keys}
        kind = next((k for k in ("hidden", "channel", "head") if not kinds[k].isdisjoint(units)), "neuron")
        groups.append(Group(_name(keys, roles, groups), kind, np.array(units), members, roles))
    return groups, {key: tuple(why) for key, why in frozen.items()}


def _reasons(walk: Walk) -> tuple[dict[int, dict[str, bool]], set[int]]:
    """For each unit its reasons, true where they freeze, and the units that stay."""
    reasons: dict[int, dict[str, bool]] = {}
    frozen: set[int] = set()
    for note in walk.notes:
        for unit in np.unique(walk.units.find(note.labels)).tolist():
            reasons.setdefault(unit, {})[note.reason] = note.frozen
            if note.frozen:
                frozen.add(unit)
    return reasons, frozen


def _footprints(walk: Walk, frozen: set[int]) -> dict[int, dict[Axis, np.ndarray]]:
    """For each unit its coordinates on every axis; an axis that is one unit as a whole makes that unit frozen."""
    footprints: dict[int, dict[Axis, np.ndarray]] = {}
    for key, labels in walk.axes.items():
        roots = walk.units.find(labels)
        order = np.argsort(roots, kind="stable")
        found, start = np.unique(roots[order], return_index=True)
        for unit, at in zip(found.tolist(), np.split(order, start[1:]), strict=True):
            footprints.setdefault(unit, {})[key] = at
        if len(found) == 1:
            frozen.add(int(found[0]))
    return footprints


def _name(keys: list[Axis], roles: Mapping[Axis, frozenset[str]], groups: list[Group]) -> str:
    writers = [name for name, axis in keys if "write" in roles[name, axis]] or [keys[0][0]]
    base = writers[0].rpartition(".")[0] or writers[0]
    taken = sum(group.name == base or group.name.startswith(f"{base}:") for group in groups)
    return base if not taken else f"{base}:{taken + 1}"
