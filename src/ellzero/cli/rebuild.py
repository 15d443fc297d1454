"""A design built again from a table by the recipe in a certificate, and everything in which the two could differ."""

from dataclasses import replace

import numpy as np

from ..certificate import Certificate
from . import messages, together
from .coding import Design, encode
from .exits import Stop
from .recipe import Recipe
from .table import Table


def rebuild(certificate: Certificate, table: Table, path: str) -> Design:
    """Code the table anew by the rules that the certificate names; its own records of the outcome must be the same.

    Nothing is taken from the certificate but the question: levels, values filled in and rows dropped follow from the
    table again, so that a record that was tampered with is found. Columns the certificate does not know are ignored.
    """
    if not certificate.recipe:
        raise messages.no_recipe(path)
    try:
        recipe = Recipe.from_json(certificate.recipe)
    except (KeyError, TypeError, ValueError) as error:
        raise messages.broken_recipe(path, f"{type(error).__name__}: {error}") from None
    for name in recipe.columns:
        if name not in table.names:
            raise messages.other_data(table.source, f'It has no column "{name}".')
    asked = replace(recipe.question, forbidden=(), hierarchy=None, at_most_one=())
    try:
        design = encode(table.select(recipe.columns), asked)
    except Stop as stop:
        raise messages.other_data(table.source, f"Coding it fails: {stop}") from None
    named = {name: getattr(recipe.question, name) for name in ("forbidden", "hierarchy", "at_most_one")}
    rebuilt = replace(design.recipe, question=replace(design.recipe.question, **named))
    difference = differs(recipe, rebuilt)
    if difference:
        raise messages.other_data(table.source, difference)
    design = replace(design, recipe=rebuilt)
    difference = differs_from_proof(certificate, design)
    if difference:
        raise messages.contradicts_itself(path, difference)
    return design


def differs(recorded: Recipe, found: Recipe) -> str:
    """First difference between the record and what follows from the table, in words; empty if there is none."""
    if recorded.n_rows != found.n_rows:
        return f"It has {messages.count(found.n_rows, 'row')}, not {messages.count(recorded.n_rows)}."
    if recorded.dropped != found.dropped:
        return f"{len(found.dropped)} of its rows are left out, not {len(recorded.dropped)}, or they are others."
    if recorded.target_levels != found.target_levels:
        return f'The values of "{found.question.target}" are others.'
    for old, new in zip(recorded.parts, found.parts, strict=False):
        if old != new:
            return f'"{old.column}" is coded in another way: its levels or its missing values are others.'
    if recorded != found:
        return "Its columns vary in other places."
    return ""


def differs_from_proof(certificate: Certificate, design: Design) -> str:
    """First difference between the question that the proof answers and the one that the recipe states."""
    proved, recipe = certificate.question, design.recipe
    rules = together.rules(recipe)
    if proved.names != recipe.terms:
        return "it is about other columns"
    if proved.loss != design.target.loss.name or not proved.fit_intercept:
        return f"it is about another kind of model ({proved.loss})"
    if not np.array_equal(proved.unit, rules.unit_of_column):
        return "it groups the columns in another way"
    if not (np.array_equal(proved.forced, rules.forced) and np.array_equal(proved.forbidden, rules.forbidden)):
        return "it forces or forbids other columns"
    if proved.l0 or proved.l1 or not proved.standardize:
        return "it has penalties that the command does not know"
    if np.isfinite(proved.lower).any() or np.isfinite(proved.upper).any():
        return "it limits the coefficients"
    weight = np.ones(len(design.y)) if design.weight is None else design.weight
    if (proved.requires, proved.at_most) != (rules.requires, rules.at_most):
        return "it ties columns to each other"
    if proved.n_samples != weight.size or not np.array_equal(proved.weight * np.ones(weight.size), weight):
        return "its weights are not those of the table"
    offset = 0.0 if design.offset is None else design.offset
    if not np.array_equal(proved.offset * np.ones(weight.size), offset * np.ones(weight.size)):
        return "its offsets are not those of the table"
    return ""
