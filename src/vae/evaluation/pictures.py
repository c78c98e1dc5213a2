"""Pictures of a tested model in its run directory."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from vae.data.module import DataModule
from vae.evaluation.module import EvaluationModule
from vae.reporting.figures import curves
from vae.reporting.gallery import draw


class Pictures(Callback):
    """After the test, draw what the model makes, how it uses z, and the curves of training.

    Arguments:
        count: The number of images in a row and in a column.

    Raises:
        ValueError: If `count` is not positive.
    """

    def __init__(self, count: int = 12):
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count}.")
        self.count = count

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw into the folder pictures of the run directory."""
        if not trainer.is_global_zero:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, EvaluationModule)
        assert isinstance(data, DataModule)
        root = Path(trainer.default_root_dir)
        module = pl_module
        use, shares = module.test_use, module.code_shares
        folder = root / "pictures"
        draw(module.model, data, folder, self.count, use, module.generates, shares)
        if (metrics := root / "metrics.csv").exists():
            curves(metrics).savefig(folder / "curves.png", dpi=100)
