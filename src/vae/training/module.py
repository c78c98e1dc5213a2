"""The LightningModule: steps, optimiser and logging; no maths."""

import math
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from vae.config import pairings
from vae.config.nested import moved
from vae.evaluation.module import Batch, EvaluationModule
from vae.evaluation.trainer import log_interval
from vae.metrics.estimate import Means
from vae.metrics.latents import Latents, LatentUse
from vae.model import VAE, Record
from vae.objectives.objective import Objective, Terms
from vae.training import adversaries, finite, internals, replay, rng


class VAEModule(EvaluationModule):
    """A VAE, the objective it is trained on, and how.

    Training and validation log the same unweighted elbo, rate and distortion as the test, in nats
    per example; an objective other than the ELBO is logged beside them under its own name.

    Arguments:
        model: The VAE.
        objective: What is maximised.
        optimizer: Parameters to an optimiser.
        schedule: The fraction of training that has passed to a factor on the learning rate.
        num_samples: The number of importance samples of log p(x) for each test example; 0 for
            none.
        memory: How much memory those may take at once, in MB.
        card: Plain values that checkpoints carry to rebuild the model.
    """

    def __init__(
        self,
        model: VAE,
        objective: Objective,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        schedule: Callable[[float], float],
        num_samples: int = 0,
        memory: float = 256,
        card: dict[str, Any] | None = None,
    ):
        super().__init__(model, num_samples, memory, pairings.generates(model, objective))
        self.objective, self.optimizer, self.schedule = objective, optimizer, schedule
        # its weights are the checkpoint's and the optimiser's, but not the model's
        self.adversary, self.features = objective.adversary, objective.features
        self.card = card or {}
        self.names = [*self.parts, *({objective.name} - {"elbo"})]
        self.names += ["adversary"] if self.adversary else []
        self.val_means = Means(*self.names)
        self.val_latents = Latents(model.latent_dim)
        # the means of each batch since the last log
        self.rows: list[Tensor] = []
        # what a checkpoint keeps beside weights and optimiser, until training goes on from it
        self.kept: dict[str, Any] | None = None
        # how long training took before that checkpoint, and when it went on
        self.seconds_before, self.began = 0.0, time.perf_counter()
        self.total_steps: float = math.inf
        # examples and batches of all devices that were trained on, and the best validation score
        self.examples = self.batches = 0
        self.best_score: float | None = None
        self.latent_use: LatentUse | None = None
        # the rate of each layer of a hierarchy, or of each dimension where those are known
        self.rates: dict[str, float] = {}
        # whether the checkpoint was made at an epoch's last step, before its validation
        self.validate_first = False

    @property
    def looks_at_every_step(self) -> bool:
        """Whether a look at a step's terms costs nothing; other devices would be waited for."""
        return self.device.type == "cpu"

    def _record(self, batch: Batch) -> Record:
        record: Record = self.model.given(batch.context)(batch.x, self.objective.num_samples)
        return record

    def _quantities(self, terms: Terms) -> list[Tensor]:
        named = {"elbo": terms.elbo, "rate": terms.rate, "distortion": terms.distortion}
        named |= {self.objective.name: terms.objective, "adversary": terms.adversary}
        return [q for name in self.names if (q := named[name]) is not None]

    def _passed(self) -> float:
        """The fraction of training that has passed."""
        return min(1.0, self.trainer.global_step / max(1, self.total_steps))

    def on_train_start(self) -> None:
        """Give every rank noise of its own, or that which it had when the checkpoint was kept."""
        self.total_steps = self.trainer.estimated_stepping_batches
        if self.trainer.world_size > 1:
            torch.manual_seed(torch.initial_seed() + 1_000_003 * self.global_rank)
        if self.validate_first:
            internals.validate_first(self.trainer)
        kept, self.kept = self.kept, None
        if kept is None:
            return
        if len(kept["rows"]) == self.trainer.world_size and isinstance(kept["rows"][0], list):
            self.rows = [row.to(self.device) for row in kept["rows"][self.global_rank]]
        # Lightning has set the loader up before it reads the checkpoint, and forgets its place
        if kept["loader"] is not None:
            self._loader().load_state_dict(kept["loader"])
        # another number of processes has no noise to go on with
        if len(kept["rng"]) == self.trainer.world_size:
            rng.restore(kept["rng"][self.global_rank])

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch; means over the interval are logged at each interval's end."""
        self.examples += len(batch.x) * self.trainer.world_size
        self.batches += 1
        record = self._record(batch)
        if batch_idx == 0:
            self.model.check(batch.x)
        terms = self.objective(record, self._passed())
        with torch.no_grad():
            self.rows.append(torch.stack(self._quantities(terms)).mean(1))
        trainer = self.trainer
        interval = log_interval(trainer)
        steps = trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        log_now = steps and (self.global_step + 1) % interval == 0
        if log_now or (self.looks_at_every_step and not math.isfinite(self.rows[-1].sum())):
            self._check_finite()
        if log_now:
            means = torch.stack(self.rows).mean(0)
            values = {f"train/{name}": m for name, m in zip(self.names, means, strict=True)}
            self.log_dict(values, sync_dist=trainer.world_size > 1)
            self.log("train/lr", self.optimizers().param_groups[0]["lr"])  # type: ignore[union-attr]
            self.rows.clear()
        return terms.loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to the validation means; a process's share of it may be empty."""
        if not len(batch.x):
            return
        record = self._record(batch)
        self.val_means.update(*self._quantities(self.objective(record, self._passed())))
        self.add_use(self.val_latents, self.val_codes, record)
        if self.layer_names:
            self.val_layers.update(*record.rate_of_each_layer)
        self.count_right(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the validation means, and what each latent dimension carries."""
        with warnings.catch_warnings():
            # a process may have had no example
            warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
            means, use = self.val_means.compute(), self.val_latents.use()
        values = {f"val/{name}": e.value for name, e in means.items()}
        values |= {f"val/{name}": right for name, right in self.share_right().items()}
        values |= {"val/active_units": float(use.active.sum())} | self.code_values()
        if self.layer_names:
            self.rates = {name: e.value for name, e in self.val_layers.compute().items()}
            self.val_layers.reset()
        elif use.rate is not None:
            self.rates = {f"{d:03}": rate for d, rate in enumerate(use.rate.tolist())}
        values |= {f"val/rate_of/{name}": rate for name, rate in self.rates.items()}
        self.latent_use = use
        if not self.trainer.sanity_checking:
            ranked = means[self.ranked_by].value
            score = ranked if self.ranked_by == "elbo" else -ranked
            if math.isfinite(score):
                self.best_score = max(score, score if self.best_score is None else self.best_score)
        self.val_means.reset()
        self.val_latents.reset()
        # the same on every rank already; saying so spares a warning
        self.log_dict(values, sync_dist=self.trainer.world_size > 1)

    def configure_optimizers(self) -> Any:
        """The optimiser, and the schedule stepped after each of its steps."""
        optimizer = self.optimizer(p for p in self.model.parameters() if p.requires_grad)
        if self.adversary:
            optimizer.add_param_group(adversaries.group(self.adversary, optimizer))
        total = max(1, self.trainer.estimated_stepping_batches)
        scheduler = LambdaLR(optimizer, lambda step: self.schedule(step / total))
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    def configure_gradient_clipping(self, optimizer: Optimizer, **limit: Any) -> None:  # type: ignore[override]
        """Clip the model's gradient, and an adversary's by itself."""
        adversaries.clip_each(self, optimizer, **limit)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the card into the checkpoint, and refuse to keep weights that are not finite."""
        self._check_finite()
        checkpoint["vae"] = self.card
        checkpoint["resume"] = {
            "rng": rng.gather(rng.state()),
            "rows": rng.gather([row.cpu() for row in self.rows]),
            # a tuner's checkpoints are made before there is a loader
            "loader": None if self._loader() is None else self._loader().state_dict(),
            "seconds": self.seconds(),
            "threads": torch.get_num_threads(),
            "pending": self._pending(),
            "examples": self.examples,
            "batches": self.batches,
            "best_score": self.best_score,
        }
        for logger in self.loggers:
            # a run that goes on from here has logged all that came before
            logger.save()
        finite.check_weights(checkpoint["state_dict"], self.global_step, self.current_epoch)

    def _pending(self) -> dict[str, Any] | None:
        """What this step has logged, where the checkpoint is made before loggers are told of it."""
        if (logged := internals.unlogged(self.trainer)) is None:
            return None
        values = {name: float(value) for name, value in logged.items()}
        values["epoch"] = self.current_epoch
        return {"step": internals.step_being_logged(self.trainer), "values": values}

    def _loader(self) -> Any:
        return self.trainer.train_dataloader

    def seconds(self) -> float:
        """How long training has taken, in seconds, with what came before an interruption."""
        return self.seconds_before + time.perf_counter() - self.began

    def on_fit_start(self) -> None:
        """Start the clock, and log what the checkpoint was made too early for."""
        self.began = time.perf_counter()
        if self.kept and (pending := self.kept.get("pending")):
            for logger in self.loggers:
                logger.log_metrics(pending["values"], pending["step"])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what `on_train_start` goes on with; the run may have moved since."""
        old, new = (card["config"]["run_dir"] for card in (checkpoint["vae"], self.card))
        checkpoint["callbacks"] = moved(checkpoint["callbacks"], old, new)
        self.validate_first = replay.owes_validation(checkpoint["loops"], self.trainer)
        self.kept = checkpoint.get("resume")
        if self.kept:
            self.seconds_before = self.kept["seconds"]
            self.examples = self.kept.get("examples", 0)
            self.batches = self.kept.get("batches", 0)
            self.best_score = self.kept.get("best_score")

    def _check_finite(self) -> None:
        """Stop at the first step since the last log whose terms are not all finite."""
        if not self.rows or bool(torch.stack(self.rows).isfinite().all()):
            return
        accumulated = self.trainer.accumulate_grad_batches
        finite.check_terms(self.rows, self.names, self.global_step, accumulated, self.current_epoch)
