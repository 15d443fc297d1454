"""Pictures with matplotlib: axes in, axes out, nothing is ever shown. Needs the extra ``plot``."""

__all__: list[str] = []
