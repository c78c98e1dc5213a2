"""The command line: of this process, of its job alone, and of the processes it starts."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import read_write


def config_dir() -> Path:
    """The folder of the packaged configs: beside this file in a wheel, at the top of a checkout."""
    shipped = Path(__file__).parent / "conf"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "conf"


FLAGS = {
    "--config-dir": "--config-dir",
    "-cd": "--config-dir",
    "--config-path": "--config-path",
    "-cp": "--config-path",
    "--config-name": "--config-name",
    "-cn": "--config-name",
}


def _flags(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Hydra's flags that say where configs are, by their long names, and the other words."""
    flags, rest = {}, []
    remaining = iter(words)
    for word in remaining:
        name, _, value = word.partition("=")
        if name in FLAGS:
            flags[FLAGS[name]] = value or next(remaining, "")
        else:
            rest.append(word)
    return flags, rest


def _words(flags: dict[str, str]) -> list[str]:
    return [word for pair in flags.items() for word in pair]


def put_user_configs_first() -> None:
    """Let files in --config-dir shadow packaged ones, by searching that folder first."""
    flags, rest = _flags(sys.argv[1:])
    folder = flags.get("--config-dir", "")
    if "--config-path" not in flags and Path(folder).is_dir() and folder:
        flags["--config-path"] = str(Path(folder).absolute())
        flags["--config-dir"] = str(config_dir())
        sys.argv[1:] = [*_words(flags), *rest]


def folders() -> list[Path]:
    """The folders that configs are searched in."""
    flags, _ = _flags(sys.argv[1:])
    named = [Path(flags[k]) for k in ("--config-path", "--config-dir") if k in flags]
    return named if config_dir() in named else [*named, config_dir()]


def command_line(name: str) -> list[str]:
    """The command that runs this job alone, for a person to repeat; empty outside a command."""
    if not HydraConfig.initialized():
        return []
    flags, _ = _flags(sys.argv[1:])
    if flags.get("--config-dir") == str(config_dir()):
        flags["--config-dir"] = flags.pop("--config-path")
    job = HydraConfig.get()
    # a search's own errand is not the job's
    overrides = [w for w in job.overrides.task if not w.startswith("callbacks.pruner=")]
    if job.mode is RunMode.MULTIRUN and not {"-m", "--multirun"} & set(sys.argv):
        # the config is of a sweep, of which this is one job
        overrides.append("hydra.mode=RUN")
    return ["python", "-m", f"vae.{name.replace('/', '.')}", *_words(flags), *overrides]


@contextmanager
def environment(**values: str | None) -> Iterator[None]:
    """Environment variables set, or unset where None, for a while."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def one_job(directory: Path) -> Iterator[None]:
    """While inside, processes that Lightning starts for DDP run this job and no other.

    Lightning starts them with this process's command line, which in a multirun is the whole
    sweep's; and it leaves variables behind that would keep the next job from starting its own.
    """
    if not HydraConfig.initialized():
        yield
        return
    job = HydraConfig.get()
    names = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    environment, argv, run_dir = {n: os.environ.get(n) for n in names}, sys.argv, job.run.dir
    flags, _ = _flags(argv[1:])
    sys.argv = [argv[0], *_words(flags), *job.overrides.task, "hydra.mode=RUN"]
    with read_write(job):  # type: ignore[arg-type]
        job.run.dir = str(directory)
    try:
        yield
    finally:
        sys.argv = argv
        with read_write(job):  # type: ignore[arg-type]
            job.run.dir = run_dir
        import torch.distributed

        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        _set(environment)
