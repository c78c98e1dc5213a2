"""An alarm for latent dimensions that carry nothing."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from vae.metrics.latents import THRESHOLD
from vae.model.distributions.vector_codes import VectorCodes
from vae.training.module import VAEModule

REMEDIES = {
    "bound": "objective=free_bits, objective=beta objective.beta=1 objective/schedule=linear (or "
    "cyclical), objective=iwae, or a smaller model.latent_dim",
    # an autoencoder pays for no rate
    "point": "a smaller objective.latent_l2, or a smaller model.latent_dim",
}
OF_VECTORS = "a larger model.posterior.revive, longer training"


class Collapse(Callback):
    """Watch for posterior collapse: name the collapsed dimensions, and the switches that help.

    A dimension has collapsed if Var_x(E_q[z_d]) is at most 0.01: q(z_d|x) is the same for every
    x, and the decoder does without it. A warning comes once while training, if every dimension
    has after more than `patience` validations and `steps` steps; at the end, those that have are
    named, and so are codes of which more than half the classes are hardly used.

    Arguments:
        patience: The number of validations in which a model may still be waking up.
        steps: The number of steps for which it may; shorter runs hear nothing.

    References:
        Generating Sentences from a Continuous Space (Bowman et al., 2016), section 3.1
        Importance Weighted Autoencoders (Burda et al., 2016), section 5.2
    """

    def __init__(self, patience: int = 2, steps: int = 300):
        self.patience, self.steps = patience, steps
        self.seen = 0
        self.warned = False

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know, so that it does not warn twice."""
        return {"seen": self.seen, "warned": self.warned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on."""
        self.seen, self.warned = state_dict["seen"], state_dict["warned"]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn once if every dimension has collapsed; the module has the numbers by now."""
        if trainer.sanity_checking:
            return
        dead = self.collapsed(pl_module)
        self.seen += 1
        early = self.seen <= self.patience or trainer.global_step < self.steps
        if self.warned or early or len(dead) < self.dimensions(pl_module):
            return
        self.warned = True
        if trainer.is_global_zero:
            print(
                f"warning: posterior collapse: none of the {len(dead)} dimensions of z depends on "
                f"x (Var(E[z]) at most {THRESHOLD}); what helps: {self._remedies(pl_module)}, or a "
                "weaker decoder.",
                flush=True,
            )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the dimensions that have collapsed."""
        dead = self.collapsed(pl_module)
        if dead and trainer.is_global_zero and trainer.global_step >= self.steps:
            names = ", ".join(map(str, dead[:20])) + (", ..." if len(dead) > 20 else "")
            print(
                f"note: {len(dead)} of {self.dimensions(pl_module)} dimensions of z have collapsed "
                f"({names}); if more should be used: {self._remedies(pl_module)}.",
                flush=True,
            )

        assert isinstance(pl_module, VAEModule)
        taken = pl_module.val_codes_taken
        rare = taken and taken["rare"] > taken["classes"] / 2
        if taken and rare and trainer.is_global_zero and trainer.global_step >= self.steps:
            learned = isinstance(getattr(pl_module.model.posterior, "codebook", None), VectorCodes)
            remedy = f"{OF_VECTORS}, or fewer classes" if learned else "fewer classes"
            print(
                f"note: {taken['rare']} of {taken['classes']} classes of the codes are hardly used "
                f"(perplexity {taken['perplexity']:.1f}); what may help: {remedy}.",
                flush=True,
            )

    def collapsed(self, pl_module: LightningModule) -> list[int]:
        """The collapsed dimensions at the last validation."""
        assert isinstance(pl_module, VAEModule)
        use = pl_module.latent_use
        return [] if use is None else (~use.active).nonzero().flatten().tolist()

    def dimensions(self, pl_module: LightningModule) -> int:
        """The number of dimensions at the last validation; 1 before any."""
        assert isinstance(pl_module, VAEModule)
        return 1 if pl_module.latent_use is None else len(pl_module.latent_use.variance)

    def _remedies(self, pl_module: LightningModule) -> str:
        assert isinstance(pl_module, VAEModule)
        return REMEDIES["bound" if pl_module.bounded else "point"]
