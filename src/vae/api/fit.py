"""Training from a notebook or a script."""

from __future__ import annotations

from vae.api.run import Run
from vae.cli.fresh import fresh
from vae.runs.opened import Run as Opened


def fit(*overrides: str) -> Run:
    """Train, test and report a model, as `python -m vae.train` does.

    Arguments:
        overrides: The command's own words, for instance "experiment=mnist_bernoulli".

    Raises:
        VAEError: Whatever the command would say in a sentence.
    """
    from vae.training.loop import train

    with fresh(*overrides) as config:
        outcome = train(config)
    run = Run(outcome.directory)
    if outcome.data is not None:
        run.__dict__["data"] = outcome.data
    kept = outcome.directory / "checkpoints"
    if outcome.model is not None and outcome.data is not None and not any(kept.glob("*.ckpt")):
        # a run that keeps no checkpoint still has the model that it trained
        shape, card = outcome.data.event_shape, outcome.data.card()
        run.__dict__["_opened"] = Opened(
            outcome.model.cpu(), config, shape, kept / "best.ckpt", outcome.directory, (), card
        )
    return run
