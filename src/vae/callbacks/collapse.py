"""An alarm for latent dimensions that carry nothing."""

from lightning.pytorch import Callback, LightningModule, Trainer

from vae.metrics.latents import THRESHOLD
from vae.module import VAEModule

REMEDIES = (
    "objective=free_bits, objective=beta objective.beta=1 objective/schedule=linear (or cyclical), "
    "objective=iwae, or a smaller model.latent_dim"
)


class Collapse(Callback):
    """Watch for posterior collapse: name the collapsed dimensions, and the switches that help.

    A dimension has collapsed if Var_x(E_q[z_d]) is at most 0.01: q(z_d|x) is the same for every
    x, and the decoder does without it. It warns when every dimension has, after any validation
    but the first `patience`, and at the end of training names those that have.

    Arguments:
        patience: The number of validations in which a model may still be waking up.

    References:
        Generating Sentences from a Continuous Space (Bowman et al., 2016), section 3.1
        Importance Weighted Autoencoders (Burda et al., 2016), section 5.2
    """

    def __init__(self, patience: int = 2):
        self.patience = patience
        self.seen = 0
        self.warned = False

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn once if every dimension has collapsed."""
        dead = self.collapsed(pl_module)
        self.seen += 1
        if len(dead) == self.dimensions(pl_module) and self.seen > self.patience:
            self._say(
                trainer,
                f"warning: posterior collapse: none of the {len(dead)} dimensions of z depends on "
                f"x (Var(E[z]) at most {THRESHOLD}); what helps: {REMEDIES}, or a weaker decoder.",
            )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the dimensions that have collapsed."""
        dead = self.collapsed(pl_module)
        if dead:
            names = ", ".join(map(str, dead[:20])) + (", ..." if len(dead) > 20 else "")
            self._say(
                trainer,
                f"note: {len(dead)} of {self.dimensions(pl_module)} dimensions of z have collapsed "
                f"({names}); if more should be used: {REMEDIES}.",
            )

    def collapsed(self, pl_module: LightningModule) -> list[int]:
        """The collapsed dimensions at the last validation."""
        assert isinstance(pl_module, VAEModule)
        use = pl_module.latent_use
        return [] if use is None else (~use.active).nonzero().flatten().tolist()

    def dimensions(self, pl_module: LightningModule) -> int:
        """The number of dimensions at the last validation; -1 before any."""
        assert isinstance(pl_module, VAEModule)
        return -1 if pl_module.latent_use is None else len(pl_module.latent_use.variance)

    def _say(self, trainer: Trainer, text: str) -> None:
        if trainer.is_global_zero and not self.warned:
            self.warned = True
            print(text, flush=True)
