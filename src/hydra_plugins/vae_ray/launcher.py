"""Jobs as tasks of a Ray cluster: this machine's cores, or many machines by an address.

The published launcher pins a cloudpickle that other launchers no longer take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


class RayLauncher(Launcher):
    """Launch each job as a Ray task.

    Ray lets a task compute with as many threads as it is given cores.

    Arguments:
        address: A cluster's address ("auto" finds one on this machine); null starts one here.
        cpus: The number of cores for each job.
        gpus: The number of GPUs for each job; a fraction shares one.
    """

    def __init__(self, address: str | None, cpus: float, gpus: float):
        self.address = address
        self.cpus = cpus
        self.gpus = gpus

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what launching needs."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs, as many at once as there is room for, and wait for all.

        Arguments:
            job_overrides: The overrides of each job.
            initial_job_idx: The number of the first.
        """
        import ray

        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        ray.init(
            address=self.address,
            include_dashboard=False,
            logging_level="warning",
            ignore_reinit_error=True,
        )
        work = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus)(_run)
        try:
            return ray.get(
                [
                    work.remote(self._job(overrides, number), *self._context())
                    for number, overrides in enumerate(job_overrides, initial_job_idx)
                ]
            )
        finally:
            ray.shutdown()

    def _job(self, overrides: Sequence[str], number: int) -> DictConfig:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = f"ray_{number}"
            config.hydra.job.num = number
        return config

    def _context(self) -> tuple[Any, ...]:
        return self.hydra_context, self.task_function, Singleton.get_state()


def _run(
    config: DictConfig, context: HydraContext, task: TaskFunction, singletons: Any
) -> JobReturn:
    setup_globals()
    Singleton.set_state(singletons)
    HydraConfig.instance().set_config(config)
    return run_job(
        hydra_context=context,
        task_function=task,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
