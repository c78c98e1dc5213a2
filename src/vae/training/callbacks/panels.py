"""Pictures on a dashboard while training."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image

from vae.data.module import DataModule
from vae.evaluation.module import EvaluationModule
from vae.reporting import views
from vae.reporting.figures import grid, heat_map
from vae.training.loggers.log import Log
from vae.training.module import VAEModule


class Panels(Callback):
    """Show reconstructions, samples, traversals and rates of dimensions or layers over time.

    They go to the loggers that show pictures; without one, nothing is drawn. After the test, the
    latent means of test images go to the embedding projector, and the pictures of the run with
    them.

    Arguments:
        every: The number of validations from one set of pictures to the next.
        count: The number of images in a row and in a column.
        embedding: The number of test images in the latent table.

    Raises:
        ValueError: If `every` or `count` is not positive.
    """

    def __init__(self, every: int = 5, count: int = 8, embedding: int = 500):
        if min(every, count) < 1:
            raise ValueError(f"every and count must be at least 1, got {every} and {count}.")
        self.every = every
        self.count = count
        self.embedding = embedding
        self.rates: list[list[float]] = []
        self.seen, self.due = 0, False

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run's heat map goes on with."""
        return {"rates": self.rates, "seen": self.seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the heat map."""
        self.rates, self.seen = state_dict["rates"], state_dict["seen"]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, on the first process, while an average of the weights is in their place."""
        self.seen += 1
        last = trainer.current_epoch + 1 == trainer.max_epochs
        self.due = (self.seen - 1) % self.every == 0 or last
        divided = "FSDP" in type(trainer.strategy).__name__
        if self.due and _logs(trainer) and not divided:
            assert isinstance(pl_module, EvaluationModule)
            for name, image in self._draw(trainer, pl_module).items():
                self._show(trainer, f"pictures/{name}", image)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the rates of all validations; the module has this one's by now."""
        assert isinstance(pl_module, VAEModule)
        if pl_module.rates:
            self.rates.append(list(pl_module.rates.values()))
        if self.rates and self.due and _logs(trainer):
            part = "layer" if pl_module.layer_names else "dimension"
            figure = heat_map(self.rates, "validation", "rate (nats)", part)
            self._show(trainer, f"pictures/rate_per_{part}", _image(figure))

    # samples must not move the noise that training goes on with
    @torch.random.fork_rng()
    @torch.no_grad()
    def _draw(self, trainer: Trainer, module: EvaluationModule) -> dict[str, Image.Image]:
        model, data, n = module.model, trainer.datamodule, self.count  # type: ignore[attr-defined]
        assert isinstance(data, DataModule)
        split = "val" if len(data.indices["val"]) else "train"
        training = model.training
        model.eval()
        batch = data.some(n * max(1, n // 2), split)  # type: ignore[arg-type]
        x, given = batch.x.to(module.device), model.given(batch.context)
        drawn = {
            "reconstructions": grid(views.reconstructions(given, x, n), n),
            "traversals": grid(views.traversal(given, x, n, n), n),
        }
        if module.generates:
            by_row = model.given(views.contexts(model, batch.context, n, n))
            drawn["samples"] = grid(views.samples(by_row, n * n), n)
        model.train(training)
        return drawn

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the run's own pictures and the latent table."""
        if not (logs := _logs(trainer)):
            return
        assert isinstance(pl_module, EvaluationModule)
        for path in sorted(Path(trainer.default_root_dir, "pictures").glob("*.png")):
            with Image.open(path) as image:
                self._show(trainer, f"test/{path.stem}", image)
        if self.embedding:
            data = trainer.datamodule  # type: ignore[attr-defined]
            batch = next(data.batches("test", self.embedding))
            given = pl_module.model.given(batch.context)
            z = given.embed(batch.x.to(pl_module.device)).float().cpu()
            for log in logs:
                log.embedding(z, batch.label, batch.x)

    def _show(self, trainer: Trainer, name: str, image: Image.Image) -> None:
        for log in _logs(trainer):
            log.picture(name, image, trainer.global_step)


def _logs(trainer: Trainer) -> list[Log]:
    """The loggers that show pictures; none on processes but the first."""
    if not trainer.is_global_zero:
        return []
    return [log for log in trainer.loggers if isinstance(log, Log) and log.pictures]


def _image(figure: Any) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    size = canvas.get_width_height()
    return Image.frombuffer("RGBA", size, bytes(canvas.buffer_rgba())).convert("RGB")
