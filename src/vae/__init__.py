"""Variational autoencoders as five choices: posterior, prior, likelihood, network, objective.

Symbols used throughout: x is an example with event shape (C, H, W), z a latent vector of length
D, q(z|x) the posterior, p(z) the prior, p(x|z) the likelihood; S counts Monte Carlo samples and
B examples in a batch, so z is (S, B, D).

    log p(x) >= ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) || p(z)) = -(distortion + rate)
"""

import importlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae.api.fit import fit as fit
    from vae.api.run import Run as Run
    from vae.cli.command import compose as compose
    from vae.model.families.vae import VAE as VAE
    from vae.runs.opened import load as load

# the public API, and where each name comes from when it is asked for: commands answer at once, and
# vae.load imports torch and the model alone
_FROM = {
    "Run": "vae.api.run",
    "VAE": "vae.model.families.vae",
    "compose": "vae.cli.command",
    "fit": "vae.api.fit",
    "load": "vae.runs.opened",
}
__all__ = ["VAE", "Run", "compose", "fit", "load"]
__version__ = "0.1.0"


def _interrupted(number: int, frame: Any) -> None:
    """Ctrl-C while a command is still being imported needs no traceback."""
    os.write(2, b"error: interrupted\n")
    os._exit(128 + number)


# python -m imports this package before the command's own module, which takes over
if sys.argv[:1] == ["-m"] and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, _interrupted)


def __getattr__(name: str) -> Any:
    """A public name, imported when it is asked for."""
    if name not in _FROM:
        raise AttributeError(f"module 'vae' has no attribute {name!r}")
    return getattr(importlib.import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
