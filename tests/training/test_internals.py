"""The internals of Lightning that are used mean what they are used for."""

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from vae.training import internals

pytestmark = pytest.mark.slow


class Tiny(pl.LightningModule):
    """A module with a validation."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, _):
        loss = self.layer(batch).mean()
        self.log("a", loss)
        return loss

    def validation_step(self, batch, _):
        return None

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Watch(pl.Callback):
    """What the internals say after each step."""

    def __init__(self):
        self.steps, self.validations = [], 0

    def on_train_batch_end(self, trainer, *_):
        unlogged = internals.unlogged(trainer)
        self.steps.append(
            (
                trainer.global_step,
                internals.step_being_logged(trainer),
                None if unlogged is None else set(unlogged),
                internals.validates_next(trainer),
                internals.ends_epoch(trainer),
                internals.stops_here(trainer),
            )
        )

    def on_validation_end(self, trainer, _):
        self.validations += 1


def run(watch=None, **options):
    watch = watch or Watch()
    loader = DataLoader(torch.ones(8, 2), batch_size=2)
    trainer = pl.Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[watch],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=2,
        **options,
    )
    trainer.fit(Tiny(), loader, loader)
    return trainer, watch


def quiet(*messages):
    import warnings

    for message in messages:
        warnings.filterwarnings("ignore", message=message)


def test_steps_are_told_as_they_are():
    quiet(".*does not have many workers.*", ".*treespec.*")
    _, watch = run(max_epochs=1, val_check_interval=2)
    assert [s[0] for s in watch.steps] == [1, 2, 3, 4]
    # loggers get the number of the step before it is counted, and what it logged, at every second
    assert [s[1] for s in watch.steps] == [0, 1, 2, 3]
    assert [s[2] for s in watch.steps] == [None, {"a"}, None, {"a"}]
    assert [s[3] for s in watch.steps] == [False, True, False, True]
    assert [s[4] for s in watch.steps] == [False, False, False, True]
    assert watch.validations == 2


def test_a_stop_that_may_be_is_told():
    quiet(".*does not have many workers.*", ".*treespec.*")

    class Stop(Watch):
        def on_train_batch_end(self, trainer, *rest):
            trainer.should_stop = trainer.global_step == 2
            super().on_train_batch_end(trainer, *rest)

    _, watch = run(Stop(), max_epochs=3)
    assert [s[5] for s in watch.steps] == [False, True]


def test_a_fused_optimiser_unscales_itself():
    weights = [torch.nn.Parameter(torch.zeros(1))]
    assert internals.unscales_itself(torch.optim.Adam(weights, fused=True))
    assert not internals.unscales_itself(torch.optim.Adam(weights, fused=False))


def test_what_was_logged_from_a_step_on_is_hidden(tmp_path, monkeypatch):
    import torch.utils.tensorboard as tb

    given = []
    writer = tb.SummaryWriter
    monkeypatch.setattr(
        tb, "SummaryWriter", lambda *a, **options: given.append(options) or writer(*a, **options)
    )
    logger = pl.loggers.TensorBoardLogger(tmp_path)
    internals.hide_from(logger, 7)
    logger.experiment.close()
    assert given[0]["purge_step"] == 7


def test_a_trial_that_another_process_asked_for_takes_reports():
    import optuna

    from vae.training.trial import trial_of

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    asked = study.ask()
    trial_of(study, asked.number).report(3.0, 2)
    assert study.trials[0].intermediate_values == {2: 3.0}
