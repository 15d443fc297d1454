"""Smaller networks on their way out: files without pickles, exported programs, and forms that run elsewhere."""

import hashlib
import inspect
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import _checks as checks
from .._files import write_whole
from .graph import Inputs, as_inputs, evaluating, without_cache
from .plan import Plan
from .surgery import TOLERANCE, _first_tensor
from .weightfile import notes_of, read_tensors, write_tensors

PLAN, WEIGHTS = "plan.json", "model.safetensors"
PATTERN = (2, 4)  # what sparse tensor cores can


# -- plan and weights --------------------------------------------------------------------------------------------------
def save(small: nn.Module, folder: str | Path, plan: Plan) -> None:
    """Write a compressed network as a plan and a safetensors file; nothing in it is executed when it is read.

    Parameters
    ----------
    small : torch.nn.Module
        From `compress`, trained further or not.
    folder : str or Path
        Made if it is not there. ``plan.json`` and ``model.safetensors`` are written, each whole or not at all.
    plan : Plan
        From `make_plan`, of the same gates.

    Raises
    ------
    ArgumentError
        If the network is not of the class that the plan is for; the exported program of ``form="graph"`` has no class
        to go back to.
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from ellzero.nn import TopK, attach, compress, make_plan, neurons
    >>> def dense():
    ...     return nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 3))
    >>> model, x = dense(), torch.randn(5, 7)
    >>> gates = attach(model, x, neurons(), gate=TopK(kept=0.37))
    >>> small = compress(model, gates)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(small, folder, make_plan(gates))
    ...     again = load(folder, dense)
    >>> bool((again(x) == small(x)).all())
    True
    """
    checks.network(small)
    if type(small).__name__ != plan.network:
        raise checks.plan_of_another(plan.network, type(small).__name__)
    folder = Path(folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        plan.save(folder / PLAN)
        notes = {"plan": _digest(folder / PLAN)}
        write_whole(folder / WEIGHTS, lambda draft: write_tensors(small, draft, notes))


def load(folder: str | Path, factory: Callable[[], nn.Module]) -> nn.Module:
    """Read a compressed network that `save` has written.

    Parameters
    ----------
    folder : str or Path
        Where plan and weights are.
    factory : callable
        Makes the dense network; its weights do not matter.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, on the device of the factory's network, in the dtype that was saved.

    Raises
    ------
    DataError
        If a file is missing or is none of `save`'s, or plan and weights are not of the same call.
    ArgumentError
        If the factory makes another network than the plan is for.
    """
    folder = Path(folder)
    for name in (PLAN, WEIGHTS):
        if not (folder / name).is_file():
            raise checks.no_saved_network(folder, name)
    plan = Plan.load(folder / PLAN)
    if notes_of(folder / WEIGHTS).get("plan") != _digest(folder / PLAN):
        raise checks.plan_and_weights_differ(folder)
    model = factory()
    checks.network(model)
    small = plan.apply(model)
    read_tensors(small, folder / WEIGHTS)
    return small.eval()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise checks.not_written(place, error.strerror or str(error)) from error


# -- programs ----------------------------------------------------------------------------------------------------------
def export_program(small: nn.Module, example, path: str | Path, *, any_batch: bool = True) -> None:
    """Write the network as a program of `torch.export`, which runs without its Python code.

    Parameters
    ----------
    small : torch.nn.Module
        The network.
    example : tensor, tuple, list or mapping
        Inputs of one forward, a batch of two at least where `any_batch`.
    path : str or Path
        ``*.pt2``; read it with ``torch.export.load(path).module()``.
    any_batch : bool, default=True
        Whether the first axis of every input may have any length; else it is that of the example.

    Raises
    ------
    UnsupportedError
        If the network cannot be exported so, or its program computes something else.
    OutputError
        If the file cannot be written.
    """
    program = _exported(small, example, any_batch)
    with _writing(Path(path)):
        write_whole(Path(path), lambda draft: torch.export.save(program, draft))


def export_onnx(small: nn.Module, example, path: str | Path, *, any_batch: bool = True) -> None:
    """Write the network as ONNX.

    Parameters
    ----------
    small : torch.nn.Module
        The network.
    example : tensor, tuple, list or mapping
        Inputs of one forward, a batch of two at least where `any_batch`.
    path : str or Path
        ``*.onnx``, one file with the weights.
    any_batch : bool, default=True
        Whether the first axis of every input may have any length; else it is that of the example.

    Raises
    ------
    MissingExtraError
        Without onnx and onnxscript.
    UnsupportedError
        If the network cannot be exported so.
    OutputError
        If the file cannot be written.
    """
    try:
        import onnx  # noqa: F401 - only whether it is there
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise checks.missing_extra("export_onnx", "onnx and onnxscript", "export") from error
    program = _exported(small, example, any_batch)
    with _quiet_exporter():
        try:
            converted: Any = torch.onnx.export(program, dynamo=True, verbose=False)
        except Exception as error:
            raise checks.no_such_form(type(small).__name__, "ONNX", error) from error
    with _writing(Path(path)):
        write_whole(Path(path), lambda draft: converted.save(draft, external_data=False))


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without what the exporter says about itself and about packages that it could know, too."""
    logger = logging.getLogger("torch.onnx")
    usual = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(usual)


def _exported(small: nn.Module, example, any_batch: bool) -> torch.export.ExportedProgram:
    """The program, run once and compared."""
    checks.network(small)
    args, kwargs = as_inputs(example)
    name = type(small).__name__
    with evaluating(small), without_cache(small), torch.no_grad():
        try:
            shapes = _any_batch(small, (args, kwargs)) if any_batch else None
            program = torch.export.export(small, args, kwargs, dynamic_shapes=shapes, strict=False)
        except Exception as error:
            raise checks.no_program(name, error, any_batch) from error
        expected = _first_tensor(small(*args, **kwargs))
        found = _first_tensor(program.module()(*args, **kwargs))
    scale = max(float(expected.abs().max()), torch.finfo(expected.dtype).tiny)
    off = float((found - expected).abs().max()) / scale
    if not off <= TOLERANCE.get(expected.dtype, 1e-5):
        raise checks.program_differs(name, off)
    return program


def _any_batch(small: nn.Module, inputs: Inputs):
    """For every input that its first axis is free, under the name that the forward gives it."""
    bound = inspect.signature(small.forward).bind(*inputs[0], **inputs[1]).arguments
    return {name: _free_first_axis(value) for name, value in bound.items()}


def _free_first_axis(value):
    if isinstance(value, Tensor):
        return {0: torch.export.Dim.DYNAMIC} if value.ndim else None
    if isinstance(value, tuple | list):
        return type(value)(_free_first_axis(item) for item in value)
    return {key: _free_first_axis(item) for key, item in value.items()} if isinstance(value, dict) else None


# -- sparse tensor cores -----------------------------------------------------------------------------------------------
def two_of_four(small: nn.Module) -> tuple[str, ...]:
    """Linear layers whose weight has at most two nonzeros in every four neighbours of a row.

    Parameters
    ----------
    small : torch.nn.Module
        The network.

    Returns
    -------
    tuple of str
        Paths of the layers.
    """
    found = []
    for path, layer in small.named_modules():
        if isinstance(layer, nn.Linear) and layer.in_features % PATTERN[1] == 0:
            fours = layer.weight.detach().reshape(layer.out_features, -1, PATTERN[1])
            if bool((fours.count_nonzero(dim=-1) <= PATTERN[0]).all()):
                found.append(path)
    return tuple(found)


def to_semi_structured(small: nn.Module) -> tuple[str, ...]:
    """Store the linear layers that are 2:4 sparse in the form that sparse tensor cores multiply, in place.

    Parameters
    ----------
    small : torch.nn.Module
        On a GPU, in half precision or bfloat16. The network then is for inference.

    Returns
    -------
    tuple of str
        Paths of the layers that were converted; those whose size torch's kernels do not take are left out.

    Raises
    ------
    UnsupportedError
        If the network is not on a GPU, or no layer can be converted; the message says why.
    """
    checks.network(small)
    device = next(small.parameters()).device
    if device.type != "cuda":
        raise checks.semi_structured_needs_gpu(str(device))
    layers = two_of_four(small)
    if not layers:
        count = sum(isinstance(layer, nn.Linear) for layer in small.modules())
        raise checks.not_two_of_four(type(small).__name__, count)
    done, refused = [], ""
    for path in layers:
        layer: Any = small.get_submodule(path)
        try:
            packed = torch.sparse.to_sparse_semi_structured(layer.weight.detach())
        except (RuntimeError, ValueError) as error:  # a dtype or a size that torch's kernels do not take
            refused = refused or f"{path}: {error}"
            continue
        layer.weight = nn.Parameter(packed, requires_grad=False)
        done.append(path)
    if not done:
        raise checks.semi_structured_refused(refused)
    return tuple(done)


# -- Hugging Face ------------------------------------------------------------------------------------------------------
def save_pretrained(small: nn.Module, folder: str | Path) -> None:
    """Write a compressed Hugging Face model so that `from_pretrained` reads it, where its configuration can say it.

    Parameters
    ----------
    small : transformers.PreTrainedModel
        From `compress`; the plan has put the new widths into its configuration where they are the same in every layer.
    folder : str or Path
        Made if it is not there; its files are replaced when all are written.

    Raises
    ------
    ArgumentError
        If it is no Hugging Face model.
    UnsupportedError
        If the configuration makes a network of other widths, because they differ from layer to layer or it has no
        field for them; the message names the layers. `save` has no such limit.
    OutputError
        If the folder cannot be written.
    """
    checks.network(small)
    model: Any = small
    if not (callable(getattr(small, "save_pretrained", None)) and getattr(small, "config", None) is not None):
        raise checks.no_pretrained(type(small).__name__)
    with torch.device("meta"):
        fresh = type(model)(model.config)
    expected = {name: tuple(p.shape) for name, p in fresh.named_parameters()}
    found = {name: tuple(p.shape) for name, p in small.named_parameters()}
    other = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    if other:
        shapes = [f"{name} {found.get(name, 'absent')} for {expected.get(name, 'none')}" for name in other]
        raise checks.widths_differ(type(small).__name__, shapes)
    folder = Path(folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
        try:
            model.save_pretrained(draft)
            for file in sorted(draft.iterdir()):
                os.replace(file, folder / file.name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
