"""A trial of an Optuna study, in another process than the one that asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study, Trial


def trial_of(study: Study, number: int) -> Trial:
    """The trial with a number, to report to.

    Optuna gives such an object to the process that asked for the trial alone; others make it from
    the trial's id in the storage, which only a private attribute tells.

    Arguments:
        study: The study.
        number: The trial's number.
    """
    import optuna

    return optuna.Trial(study, study.trials[number]._trial_id)
