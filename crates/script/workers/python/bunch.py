"""The older name of `munch`."""

from munch import Bunch, bunchify, unbunchify

__all__ = ["Bunch", "bunchify", "unbunchify"]
