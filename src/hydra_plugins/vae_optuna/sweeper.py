"""A search by Optuna: trials in batches, pruned by what they report, in a study that resumes.

Hydra finds sweepers in the namespace package hydra_plugins alone, and the published one pins
optuna<3 and prunes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from vae import files
from vae.cli.multirun import quoted
from vae.config.secret import recorded
from vae.training.trial import trial_of

if TYPE_CHECKING:
    from optuna import Study, Trial

PRUNER = "vae.training.callbacks.pruner.Pruner"


class OptunaSweeper(Sweeper):
    """Maximise what jobs return, by the tree-structured Parzen estimator.

    Arguments:
        trials: The number of trials of the study, those of earlier launches included.
        batch: The number of trials that are launched together.
        storage: An Optuna storage URL; null is SQLite in the sweep's directory.
        study: The study's name in the storage.
        seed: The sampler's seed.
        startup: The number of random trials before the sampler learns from them.
        prune: Whether trials that fall behind the median are ended early.
        warmup: The number of validations before which no trial is.
        params: The search space, as overrides: interval(), range(), choice() or a list.

    References:
        Algorithms for Hyper-Parameter Optimization (Bergstra et al., 2011)
        Optuna: A Next-generation Hyperparameter Optimization Framework (Akiba et al., 2019)
    """

    def __init__(
        self,
        trials: int,
        batch: int,
        storage: str | None,
        study: str,
        seed: int,
        startup: int,
        prune: bool,
        warmup: int,
        params: DictConfig | None,
    ):
        self.trials = trials
        self.batch = batch
        self.storage = storage
        self.name = study
        self.seed = seed
        self.startup = startup
        self.prune = prune
        self.warmup = warmup
        self.params = dict(params or {})

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what launching needs."""
        self.config = config
        self.hydra_context = hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run trials until the study has as many as it should.

        Arguments:
            arguments: The command line's overrides; those that vary join the search space.

        Raises:
            Exception: What the first job to fail raised, after all have run.
        """
        fixed, space = self._parse(arguments)
        directory = Path(self.config.hydra.sweep.dir)
        directory.mkdir(parents=True, exist_ok=True)
        # the storage's address may hold a password
        shown = OmegaConf.create(recorded(OmegaConf.to_container(self.config, resolve=False)))
        files.write(directory / "multirun.yaml", OmegaConf.to_yaml(shown))
        storage = self.storage or f"sqlite:///{(directory / 'study.db').absolute()}"
        study = self._study(storage)
        failure: BaseException | None = None
        while (left := self.trials - _done(study)) > 0:
            asked = [study.ask(space) for _ in range(min(self.batch, left))]
            jobs = [[*fixed, *self._words(trial, storage)] for trial in asked]
            returns = self.launcher.launch(jobs, initial_job_idx=asked[0].number)
            for trial, job in zip(asked, returns, strict=True):
                failure = _tell(study, trial, job) or failure
        if _finished(study):
            print(f"best trial: {study.best_trial.number}, {study.best_value:.3f}", flush=True)
        if failure is not None:
            raise failure

    def _parse(self, arguments: list[str]) -> tuple[list[str], dict[str, Any]]:
        """The overrides that are the same for every trial, and the distributions of the others."""
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        words = [*(f"{k}={v}" for k, v in self.params.items()), *arguments]
        fixed: dict[str, str] = {}
        space: dict[str, Any] = {}
        for override in parser.parse_overrides(words):
            key = override.get_key_element()
            fixed.pop(key, None)
            space.pop(key, None)
            if override.is_sweep_override():
                space[key] = distribution(override)
            else:
                fixed[key] = override.input_line or f"{key}={override.get_value_element_as_str()}"
        return list(fixed.values()), space

    def _study(self, storage: str) -> Study:
        import optuna
        from optuna.trial import TrialState

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            storage=storage,
            study_name=self.name,
            direction="maximize",
            load_if_exists=True,
            pruner=self._pruner(),
        )
        # a search that goes on must not draw again what it has drawn, nor machines that share one
        # what the others draw
        seed = self.seed + len(study.trials) if self.storage is None else None
        study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=self.startup)
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            # an earlier launch was killed in the middle of it; other machines' trials run on
            if self.storage is None:
                trial_of(study, trial.number).set_user_attr("killed", True)
                study.tell(trial.number, state=TrialState.FAIL)
                study.enqueue_trial(trial.params)
        return study

    def _pruner(self) -> Any:
        import optuna

        if not self.prune:
            return optuna.pruners.NopPruner()
        return optuna.pruners.MedianPruner(
            n_startup_trials=self.startup, n_warmup_steps=self.warmup
        )

    def _words(self, trial: Trial, storage: str) -> list[str]:
        words = [f"{name}={value}" for name, value in trial.params.items()]
        # the directory's name, also where other machines take part
        words.append(f"hydra.sweep.subdir={trial.number}")
        if self.prune:
            node = {
                "_target_": PRUNER,
                "storage": storage,
                "study": self.name,
                "trial": trial.number,
                "startup": self.startup,
                "warmup": self.warmup,
            }
            inside = ",".join(
                f"{k}:{v if isinstance(v, int) else quoted(v)}" for k, v in node.items()
            )
            words.append(f"callbacks.pruner={{{inside}}}")
        return words


def distribution(override: Any) -> Any:
    """The Optuna distribution of a sweep override.

    Arguments:
        override: An override parsed by Hydra: interval(a,b), tag(log,interval(a,b)),
            int(interval(a,b)), range(a,b,step), choice(a,b) or a,b.
    """
    from hydra.core.override_parser.types import (
        IntervalSweep,
        RangeSweep,
        Transformer,
    )
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    value = override.value()
    if isinstance(value, IntervalSweep):
        log = "log" in value.tags
        if isinstance(value.start, int) and isinstance(value.end, int):
            return IntDistribution(value.start, value.end, log=log)
        return FloatDistribution(float(value.start), float(value.end), log=log)
    if isinstance(value, RangeSweep) and not value.shuffle:
        start, stop, step = value.start, value.stop, value.step
        if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
            # Hydra's range ends before stop, Optuna's at its end
            return IntDistribution(start, stop - 1, step=step)
        return FloatDistribution(float(start), float(stop), step=float(step))
    return CategoricalDistribution(list(override.sweep_iterator(transformer=Transformer.encode)))


def _done(study: Study) -> int:
    """The number of trials that have ended, but for those that were killed and run again."""
    ended = [t for t in study.trials if t.state.is_finished()]
    return sum(not t.user_attrs.get("killed") for t in ended)


def _finished(study: Study) -> Sequence[Any]:
    from optuna.trial import TrialState

    return study.get_trials(states=(TrialState.COMPLETE,))


def _tell(study: Study, trial: Trial, job: Any) -> BaseException | None:
    """Tell the study how a job ended; returns what it raised."""
    from optuna.trial import TrialState

    if job.status is JobStatus.FAILED:
        study.tell(trial, state=TrialState.FAIL)
        try:
            _ = job.return_value
        except Exception as e:  # noqa: BLE001
            return e
        return None
    if study.trials[trial.number].user_attrs.get("pruned"):
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, float(job.return_value))
    return None
