"""The MLflow logger, with pictures, the config and the checkpoints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL.Image import Image

from vae.errors import needs_extra
from vae.runs.results import Results
from vae.training.loggers.log import Log, harmless


class MLflow(Log, MLFlowLogger):
    """Lightning's logger for MLflow.

    Arguments:
        experiment_name: The experiment, which gathers runs.
        run_name: The run's name.
        tracking_uri: Where MLflow keeps them: a database, or a server's address.
        tags: Tags by name.

    Raises:
        ConfigError: If mlflow is not installed.
    """

    pictures = True

    def __init__(
        self,
        experiment_name: str,
        run_name: str,
        tracking_uri: str,
        tags: Mapping[str, str] | None = None,
    ):
        try:
            import mlflow  # noqa: F401
        except ImportError as e:
            raise needs_extra("logger=mlflow", "MLflow", "mlflow") from e
        artifacts = None
        if tracking_uri.startswith("sqlite:///"):
            # files lie beside the database, and not where the command happens to run
            folder = Path(tracking_uri.removeprefix("sqlite:///")).absolute().parent
            folder.mkdir(parents=True, exist_ok=True)
            artifacts = str(folder / "mlflow")
        super().__init__(
            experiment_name,
            run_name,
            tracking_uri,
            tags=dict(tags or {}),
            artifact_location=artifacts,
        )

    @rank_zero_only
    @harmless
    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Keep the config, as parameters and as a file."""
        if not step:
            self.log_hyperparams(dict(config))
            text = yaml.safe_dump(dict(config), sort_keys=False)
            self.experiment.log_text(self.run_id, text, "config.yaml")

    @rank_zero_only
    @harmless
    def picture(self, name: str, image: Image, step: int) -> None:
        """Add a picture."""
        self.experiment.log_image(self.run_id, image, f"{name}/{step:08}.png")

    @rank_zero_only
    @harmless
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add numbers."""
        super().log_metrics(dict(metrics), step)

    @rank_zero_only
    @harmless
    def finalize(self, status: str = "success") -> None:
        """Nothing yet: the test comes after the fit, and `close` ends both."""

    @rank_zero_only
    @harmless
    def close(self, results: Results | None, checkpoints: Mapping[str, Path], failed: bool) -> None:
        """Add the results and the checkpoints, and end the run."""
        if results is not None:
            found = {k: v for k, v in results.numbers().items() if not isinstance(v, str)}
            super().log_metrics(found)
        for alias, path in checkpoints.items():
            self.experiment.log_artifact(self.run_id, str(path), f"checkpoints/{alias}")
        self.experiment.set_terminated(self.run_id, "FAILED" if failed else "FINISHED")
