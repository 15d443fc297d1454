"""Messages of `ellzero.nn`; what comes in here are names and numbers, never tensors."""

from ..errors import UnsupportedError


def not_exportable(model: str, error: Exception) -> UnsupportedError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return UnsupportedError(
        f"{model} cannot be exported by torch.export, so nothing is known of its couplings: {type(error).__name__}: "
        f"{lines[0] if lines else 'no message'} Hint: a forward may not branch on data; "
        "torch.export.export(model, inputs, strict=False) shows the place in full."
    )
