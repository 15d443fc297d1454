"""Names and help of all commands, and what becomes of an error."""

import re
import sys
import traceback

from cyclopts import App, CycloptsError

from ..errors import (
    ArgumentError,
    CertificateError,
    EllzeroError,
    InfeasibleError,
    MissingExtraError,
    OutputError,
)
from .exits import Exit, Stop
from .messages import in_flags
from .options import STDIN

HELP = """The fewest columns that explain another, and how sure it is that no other few do better."""

EPILOGUE = """Exit codes: 0 done (also at the time limit: the table says so), 1 certificate refused, 2 usage, 3 data,
4 nothing feasible, 6 an optional package is missing, 7 cannot write, 70 bug, 130 interrupted (the best so far is
written)."""

COMMANDS = {
    "select": """Choose the few columns of DATA that explain the target best, with proof.

Prints the best model of each size, whether it is proven to be the best, the size that the criterion chooses, and how
many other models of that size do nearly as well.""",
    "compare": """Answer one question about DATA by every method that takes it, in one table.

Objective, excess over the proven optimum (or the best bound), columns shared with the best answer, gap, time, and what
is known of each answer.""",
    "predict": """Apply a model written by `select --model` to new rows.

One line out for each row in: the expected value, the relative hazard for --time, or for logistic and multinomial models
probabilities and the label.""",
    "verify": """Check a certificate written by `select --certificate` against your table.

The design is built again from the table, and every bound of the proof is computed again with plain arithmetic. Exit
code 1: the file does not prove its claim about these data.""",
    "prune": """Make a neural network smaller and faster, to the size that you ask for.

FACTORY makes a PyTorch network. It is trained with gates until so few operations or parameters stay, the closed units
are cut out, and parameters, FLOPs, bytes and measured time before and after are printed.""",
    "geometry": """Draw balls of norms, and where a loss touches them: why some penalties give zeros and others do not.

Balls of every order from 0 to infinity in the plane or in space, contours and surfaces of losses, slices of more
variables, as SVG, PNG or HTML; the arrays as JSON. Without flags but -o: the balls of p = 2, 1, 0.5 and 0.""",
    "demo": """Run `select` on the shipped Hitters data: salaries of baseball players, 19 candidate columns.""",
    "doctor": """Print versions, threads, optional packages and the state of the compiled kernels.""",
    "explain": """Say in a few lines what a word means that the command uses. Without a word: list them.""",
}

ERROR_EXITS = {
    ArgumentError: Exit.USAGE,
    InfeasibleError: Exit.INFEASIBLE,
    CertificateError: Exit.REFUSED,
    MissingExtraError: Exit.EXTRA,
    OutputError: Exit.OUTPUT,
}


def version() -> str:
    """Version of the installed package."""
    from importlib.metadata import version

    return version("ellzero")


def build() -> App:
    """Assemble the command line; the commands' own modules are loaded when called."""
    app = App(
        name="ellzero",
        help=HELP,
        help_epilogue=EPILOGUE,
        help_format="markdown",
        version=version,
        suppress_keyboard_interrupt=False,
    )
    for order, (name, text) in enumerate(COMMANDS.items()):
        app.command(f"ellzero.cli.{name}:{name}", name=name, help=text, help_epilogue="", sort_key=order)
    return app


def run(argv: list[str]) -> int:
    """Run one command line and turn every error into a sentence on stderr and an exit code."""
    argv = [STDIN if word == "-" else word for word in argv]
    try:
        if "--no-color" in argv:
            forbid_colour()
        return build()(argv, exit_on_error=False, print_error=False, result_action="return_value") or Exit.DONE
    except CycloptsError as error:
        return fail(Exit.USAGE, f"{str(error).strip()} See: ellzero {command_of(argv)}--help", argv)
    except Stop as stop:
        return fail(stop.exit, str(stop), argv)
    except EllzeroError as error:
        return fail(exit_of(error), in_flags(str(error)), argv)
    except KeyboardInterrupt:
        return fail(Exit.INTERRUPTED, "interrupted before there was an answer. Nothing was written.", argv)
    except BrokenPipeError:
        silence_stdout()
        return Exit.DONE
    except Exception as error:
        return fail(Exit.BUG, bug(error), argv)


def fail(exit: Exit, sentence: str, argv: list[str]) -> Exit:
    """Print the sentence, with the traceback for those who asked for it."""
    if (
        any(re.fullmatch(r"-[a-z]*v[a-z]*v[a-z]*", word) for word in argv)
        or argv.count("-v") + argv.count("--verbose") > 1
    ):
        traceback.print_exc()
    sys.stderr.write(f"error: {sentence}\n")
    return exit


def exit_of(error: EllzeroError) -> Exit:
    """Exit code of a library error: by its class, data trouble unless told otherwise."""
    return next((code for kind, code in ERROR_EXITS.items() if isinstance(error, kind)), Exit.DATA)


def bug(error: Exception) -> str:
    """What to say when the mistake is ours."""
    return (
        f"a bug in ellzero ({type(error).__name__}: {error}). Nothing partial was written. "
        "Please report it with the output of `ellzero doctor` and of the same command with -vv."
    )


def command_of(argv: list[str]) -> str:
    """Name of the command in the line, with a blank, for the hint to its help."""
    return next((f"{word} " for word in argv if word in COMMANDS), "")


def forbid_colour() -> None:
    """Make rich, in the help too, as plain as NO_COLOR would."""
    import os

    os.environ["NO_COLOR"] = "1"


def silence_stdout() -> None:
    """Keep the interpreter from complaining at exit when the reader (`| head`) has gone."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
