"""The part of the LightningModule that tests: log p(x), its parts, and what each latent carries."""

import warnings
from typing import Literal, Protocol

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from vae.metrics.codes import CodeUse
from vae.metrics.estimate import Estimate, Means
from vae.metrics.latents import Latents, LatentUse
from vae.model import VAE, Record
from vae.model.capabilities import has_trait, offers
from vae.model.distributions.sampling import centre
from vae.objectives.elbo import ELBO

# the shape of the weights' tail up to which an estimate is to be trusted (Vehtari et al., 2024)
TRUSTED = 0.7


class Batch(Protocol):
    """Examples x with shape (B, *event_shape), as the data module serves them."""

    @property
    def x(self) -> Tensor: ...
    @property
    def label(self) -> Tensor: ...
    @property
    def context(self) -> Tensor | None: ...


def code_use(model: VAE) -> CodeUse | None:
    """What counts the use of a model's codes; None if z is any vector."""
    codebook = getattr(model.posterior, "codebook", None)
    return None if codebook is None else CodeUse(codebook)


class EvaluationModule(LightningModule):
    """A VAE and its test, exact over batches and processes of any number and size.

    Arguments:
        model: The VAE.
        num_samples: The number of importance samples of log p(x) for each test example, of which
            a posterior that is certain of one code needs 1; 0 for none.
        memory: How much memory those may take at once, in MB.
        generates: Whether samples of p(z) mean anything.
    """

    def __init__(self, model: VAE, num_samples: int, memory: float, generates: bool = True):
        super().__init__()
        self.model = model
        certain = has_trait(model.posterior, "certain")
        self.num_samples = min(num_samples, 1) if certain else num_samples
        self.memory = memory
        self.generates = generates
        # a point mass has no rate, and so no ELBO
        self.bounded = offers(model.posterior, "density")
        self.parts = ["elbo", "rate", "distortion"] if self.bounded else ["distortion"]
        self.test_means = Means(*self.parts)
        self.test_latents = Latents(model.latent_dim)
        self.px_means = Means("log_px", "variance", "effective_samples", "heavy_tails")
        # of discrete codes
        self.test_codes = code_use(model)
        self.val_codes = code_use(model)
        # of the last validation
        self.val_codes_taken: dict[str, float | int | bool] | None = None
        self.code_shares: Tensor | None = None
        self.codes_taken: dict[str, float | int | bool] | None = None
        # of a hierarchy; a flat model's is the rate itself
        self.layer_names = model.layer_names if len(model.layers) > 1 else []
        self.layer_means = Means(*self.layer_names)
        self.val_layers = Means(*self.layer_names)
        # of a semi-supervised model, over the examples whose class is known
        self.accuracy = Means("accuracy")
        # whether the rate is in closed form
        self.exact_rate = False
        # nothing until something was tested
        self.test_use: LatentUse | None = None
        self.results: dict[str, Estimate] = {}
        self.layer_rates: dict[str, Estimate] = {}

    @property
    def ranked_by(self) -> Literal["elbo", "distortion"]:
        """What runs and checkpoints are ranked by: the distortion, where codes may be anywhere."""
        return "elbo" if self.bounded and self.generates else "distortion"

    def setup(self, stage: str) -> None:
        """Lay convolutions' weights out as the CPU is fastest with."""
        if self.trainer.strategy.root_device.type == "cpu":
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to the test means; a process's share of it may be empty."""
        if not len(batch.x):
            return
        model = self.model.given(batch.context)
        record = model(batch.x)
        self.add_use(self.test_latents, self.test_codes, record)
        self.exact_rate = record.kl is not None
        self.count_right(batch)
        if self.layer_names:
            self.layer_means.update(*record.rate_of_each_layer)
        if not self.bounded:
            self.test_means.update(-record.log_px.mean(0))
        elif self.num_samples:
            result = model.log_prob(batch.x, self.num_samples, self.memory)
            heavy = torch.where(
                result.pareto_k.isnan(),
                result.pareto_k,
                (result.pareto_k > TRUSTED).to(result.pareto_k.dtype),
            )
            self.px_means.update(result.log_px, result.variance, result.effective, heavy)
            # the means over k samples are the same quantities with less noise than over S
            rate = result.rate if record.kl is None else record.kl
            self.test_means.update(-(result.distortion + rate), rate, result.distortion)
        else:
            terms = ELBO()(record)
            assert terms.rate is not None
            self.test_means.update(-(terms.distortion + terms.rate), terms.rate, terms.distortion)

    def add_use(self, latents: Latents, codes: CodeUse | None, record: Record) -> None:
        """Add a batch to what the latent dimensions and codes carry."""
        mean, error = centre(record.posterior)
        latents.update(mean, error, record.kl_per_dimension)
        if codes is not None:
            codes.update(mean)

    def code_values(self) -> dict[str, float]:
        """The perplexity of the codes over a validation, of a model that has codes."""
        if self.val_codes is None:
            return {}
        self.val_codes_taken = self.val_codes.summary(self.val_codes.compute())
        self.val_codes.reset()
        return {"val/code_perplexity": self.val_codes_taken["perplexity"]}

    def count_right(self, batch: Batch) -> None:
        """Add a batch to the accuracy of a model that classifies."""
        if not self.model.enumerates:
            return
        known = batch.label >= 0
        if known.any():
            found = self.model.classify(batch.x[known]).argmax(1)  # type: ignore[operator]
            self.accuracy.update((found == batch.label[known]).double())

    def share_right(self) -> dict[str, float]:
        """The accuracy over a validation, of a model that classifies."""
        if not self.model.enumerates:
            return {}
        found = {name: estimate.value for name, estimate in self.accuracy.compute().items()}
        self.accuracy.reset()
        return found

    def on_test_epoch_end(self) -> None:
        """Compute the estimates on every process, since each waits for the others, and log them."""
        with warnings.catch_warnings():
            # a process may have had no example
            warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
            self.test_use = self.test_latents.use()
            if self.test_codes is not None:
                self.code_shares = self.test_codes.compute()
                self.codes_taken = self.test_codes.summary(self.code_shares)
            self.results = self.test_means.compute()
            if self.layer_names:
                self.layer_rates = self.layer_means.compute()
            if self.num_samples and self.bounded:
                self.results |= self.px_means.compute()
            if self.model.enumerates:
                self.results |= self.accuracy.compute()
        for name, estimate in self.results.items():
            if name not in ("variance", "heavy_tails"):
                synced = self.trainer.world_size > 1
                self.log(f"test/{name}", estimate.value, sync_dist=synced)
