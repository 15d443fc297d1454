"""`ellzero prune`: its flags; the work is in `network.py` and `pruning.py`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from .options import (
    OUTPUT,
    QUESTION,
    SEARCH,
    File,
    Files,
    Flag,
    Fraction,
    NoColor,
    Quiet,
    Seconds,
    Verbose,
    Whole,
    converter,
    each,
    flag,
    parse_shape,
    parse_share_of,
)

Shape = Annotated[tuple[int, ...] | None, flag("SHAPE", converter=converter(parse_shape), n_tokens=1)]
Shares = Annotated[list[tuple[str, float]], flag("WHAT=SHARE", converter=each(parse_share_of), n_tokens=1)]


def prune(
    factory: str,
    /,
    *,
    data: Annotated[str | None, Parameter(group=QUESTION)] = None,
    example: Annotated[Shape, Parameter(group=QUESTION, show_default=False)] = None,
    flops: Annotated[Fraction | None, Parameter(group=QUESTION, show_default=False)] = None,
    params: Annotated[Fraction | None, Parameter(group=QUESTION, show_default=False)] = None,
    latency: Annotated[Fraction | None, Parameter(group=QUESTION, show_default=False)] = None,
    keep: Annotated[Shares, Parameter(group=QUESTION)] = [],  # noqa: B006 - never changed
    select: Annotated[str | None, Parameter(group=QUESTION)] = None,
    explain: Annotated[Flag, Parameter(group=QUESTION)] = False,
    method: Annotated[Literal["gates", "magnitude"], Parameter(group=SEARCH)] = "gates",
    loss: Annotated[Literal["auto", "cross-entropy", "mse"], Parameter(group=SEARCH)] = "auto",
    pretrain: Annotated[Whole, Parameter(group=SEARCH)] = 0,
    epochs: Annotated[Whole, Parameter(group=SEARCH)] = 10,
    finetune: Annotated[Fraction | None, Parameter(group=SEARCH, show_default=False)] = None,
    lr: Annotated[float, Parameter(group=SEARCH)] = 1e-3,
    batch_size: Annotated[Whole, Parameter(group=SEARCH)] = 64,
    held_out: Annotated[Fraction, Parameter(group=SEARCH)] = 0.2,
    time_limit: Annotated[Seconds | None, Parameter(group=SEARCH, show_default=False)] = None,
    random_state: Annotated[Whole, Parameter(group=SEARCH)] = 0,
    threads: Annotated[Whole, Parameter(group=SEARCH)] = 1,
    device: Annotated[str | None, Parameter(group=SEARCH)] = None,
    output: Annotated[Path | None, flag("FOLDER", name=["--output", "-o"], group=OUTPUT)] = None,
    export: Annotated[list[Literal["onnx", "pt2"]], Parameter(group=OUTPUT, negative=())] = [],  # noqa: B006
    report: Annotated[Files, Parameter(group=OUTPUT)] = [],  # noqa: B006
    weights: Annotated[File, Parameter(group=QUESTION)] = None,
    json: Annotated[Flag, Parameter(group=OUTPUT)] = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
) -> int:
    """Train a network until it is as small as asked, cut it, and measure what was won.

    Parameters
    ----------
    factory
        What makes the network: MODULE:NAME or FILE.py:NAME, a function without arguments or a class. It may return the
        network alone, or the network and an example of its inputs. Its code is run.
    data
        FILE.npz or FILE.safetensors with arrays X and y (and X_test and y_test), or MODULE:NAME as above, which gives
        batches of (inputs, target), or a pair: those to train on and those to judge on.
    example
        Shape of the inputs of one forward, 2x1x28x28 for instance. Default: two samples of the data.
    flops
        Share of the operations of one forward that may stay: 30% or 0.3.
    params
        Share of the parameters that may stay.
    latency
        Share of the time of one forward that may stay, measured before the training.
    keep
        Share of gates that may stay, by kind (channel, neuron, head, hidden, layer, weight) or by a pattern of names:
        head=50%. Can be repeated.
    select
        What may be cut: channels, neurons, heads, hidden, layers, weights or a pattern 2:4, joined by commas, each with
        a pattern of names behind a colon (channels:layer1.*), and with - before it for what stays. Default:
        channels,neurons,heads, as far as there are any.
    explain
        Print what may be cut, and why the rest may not, and do no more.
    method
        gates: which units close is trained with the weights. magnitude: train, cut the units with the smallest weights,
        train on.
    loss
        auto is cross-entropy for whole-number targets, else mean squared error.
    pretrain
        Epochs of plain training before, for a network that comes untrained; what is called before is measured after
        them.
    epochs
        Epochs with gates and after the cut together.
    finetune
        Share of these epochs after the cut. Default: 25%, with --method magnitude 50%.
    lr
        Learning rate of Adam on the weights.
    batch_size
        Samples in a batch; for data from a file.
    held_out
        Share of the samples to judge on, where a file has no X_test; drawn by the random state.
    time_limit
        For the training: 60, 60s, 2m; then the network is cut as far as the gates have come.
    random_state
        Seed of everything random.
    threads
        Processor threads, in training and while time is measured.
    device
        cpu, cuda, ... Default: where the factory puts the network.
    output
        Write plan.json, model.safetensors and report.json into FOLDER; `ellzero.nn.load` reads them.
    export
        Beside these, write model.onnx or model.pt2. Can be repeated.
    report
        Write the report as FILE.json, .csv, .md, .tex or .html. Can be repeated.
    weights
        FILE.safetensors with the weights of the dense network.
    json
        Print the report as JSON and nothing else.
    quiet
        Print the table only.
    verbose
        Say on standard error how the training goes; -vv adds a traceback to errors.
    no_color
        No colours; the variable NO_COLOR does the same.
    """
    from .. import nn  # noqa: F401 - without PyTorch it says what to install
    from .console import Console
    from .pruning import Aim, Outputs, Training, run

    aim = Aim(flops, params, latency, tuple(keep), select, method)
    training = Training(loss, pretrain, epochs, finetune, lr, batch_size, held_out, time_limit, random_state, threads,
                        device)  # fmt: skip
    outputs = Outputs(output, tuple(export), tuple(report), json)
    return run(factory, data, example, weights, explain, aim, training, outputs, Console(quiet, verbose, not no_color))
