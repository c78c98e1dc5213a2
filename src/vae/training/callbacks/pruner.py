"""The end of a trial that falls behind."""

from lightning.pytorch import Callback, LightningModule, Trainer

from vae.errors import needs_extra
from vae.training.trial import trial_of


class Pruner(Callback):
    """Report each validation's score to an Optuna study, and stop when it says so.

    Arguments:
        storage: The study's storage URL.
        study: Its name.
        trial: The trial's number.
        startup: The number of finished trials before any is pruned.
        warmup: The number of validations before which no trial is.

    Raises:
        ConfigError: If Optuna is not installed.
    """

    def __init__(self, storage: str, study: str, trial: int, startup: int, warmup: int):
        self.storage, self.study, self.number = storage, study, trial
        self.startup, self.warmup = startup, warmup
        self.pruned = False
        try:
            import optuna  # noqa: F401
        except ImportError as e:
            raise needs_extra("callbacks.pruner", "Optuna", "optuna") from e

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report, on the first process, and stop all if the trial is behind the median."""
        if trainer.sanity_checking:
            return
        stop = trainer.is_global_zero and self._is_behind(trainer)
        if trainer.strategy.broadcast(stop):
            self.pruned = trainer.should_stop = True
            if trainer.is_global_zero:
                print(
                    f"pruned: trial {self.number} is behind the median after epoch "
                    f"{trainer.current_epoch + 1}",
                    flush=True,
                )

    def _is_behind(self, trainer: Trainer) -> bool:
        import optuna

        metrics = trainer.callback_metrics
        name, sign = ("val/elbo", 1) if "val/elbo" in metrics else ("val/distortion", -1)
        study = optuna.load_study(
            study_name=self.study,
            storage=self.storage,
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=self.startup, n_warmup_steps=self.warmup
            ),
        )
        trial = trial_of(study, self.number)
        trial.report(sign * float(metrics[name]), trainer.current_epoch + 1)
        if trial.should_prune():
            trial.set_user_attr("pruned", True)
            return True
        return False
