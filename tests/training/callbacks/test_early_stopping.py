import pytest

from vae.errors import ConfigError
from vae.training.loop import train

pytestmark = pytest.mark.slow
WORDS = ("data=digits", "callbacks=early_stopping", "trainer.max_epochs=8")


def test_training_ends_when_the_validation_stops_rising(tiny):
    patience = "callbacks.early_stopping.patience=2"
    stopped = train(tiny(*WORDS, patience, "callbacks.early_stopping.min_delta=1e9"))
    # the first validation sets the best, and two more do not beat it
    assert stopped.results.train.epochs == 3
    assert stopped.results.complete


def test_without_a_validation_there_is_nothing_to_watch(tiny):
    with pytest.raises(ConfigError, match="val/elbo"):
        train(tiny(*WORDS, "data.val_size=0"))
