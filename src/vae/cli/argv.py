"""The command line: of this process, of its job alone, and of the processes it starts."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf, read_write

from vae.config.groups import config_dir
from vae.config.secret import redacted
from vae.errors import ConfigError

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


# flags of Hydra's that are followed by a value of their own
WITH_VALUE = {*FLAGS, "--cfg", "-c", "--package", "-p", "--experimental-rerun"}
# settings under the name that they once had
RENAMED = {"data_root": "data.root", "data.path": "data.root"}
# settings of Hydra's that are a sweep's or a folder's, not a job's
NOT_OF_A_JOB = (
    "hydra.mode",
    "hydra.run.dir",
    *(f"hydra{dot}{part}" for part in ("sweep", "launcher") for dot in "./"),
)


def tidied(words: Sequence[str]) -> list[str]:
    """The words of a command line as Hydra takes them.

    Flags come first (Hydra's parser takes -m before or after all settings alone), ~ at the start of
    a value is the home folder, and renamed settings get their names.
    """
    flags, settings = [], []
    remaining = iter(words)
    for word in remaining:
        if word.startswith("-"):
            flags.append(word)
            if word in WITH_VALUE:
                flags += [w for w in [next(remaining, None)] if w is not None]
        else:
            settings.append(_tidied(word))
    return [*flags, *settings]


def _tidied(word: str) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        return word
    value = re.sub(r"(?:(?<=^)|(?<=,)|(?<=\[))~\w*(?=/|,|\]|$)", _home, value)
    return f"{RENAMED.get(key, key)}={value}"


def _home(found: re.Match[str]) -> str:
    try:
        return str(Path(found[0]).expanduser())
    except RuntimeError as e:
        raise ConfigError(
            f"a path that begins with ~ is below somebody's home folder, but {found[0]} has none; "
            "write the whole path."
        ) from e


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
    if not (HydraConfig.initialized() and ours()):
        return []
    flags, _ = _flags(sys.argv[1:])
    if flags.get("--config-dir") == str(config_dir()):
        flags["--config-dir"] = flags.pop("--config-path")
    job = HydraConfig.get()
    # a search's own errand is not the job's
    overrides = [w for w in written(job.overrides.task) if not w.startswith("callbacks.pruner=")]
    if job.mode is RunMode.MULTIRUN and not {"-m", "--multirun"} & set(sys.argv):
        # the config is of a sweep, of which this is one job
        overrides.append("hydra.mode=RUN")
    overrides = [*_of_a_job(job), *overrides]
    words = ["python", "-m", f"vae.{name.replace('/', '.')}", *_words(flags), *overrides]
    return [redacted(word) for word in words]


def ours() -> bool:
    """Whether the Hydra application that runs is one of this package's commands."""
    sources = HydraConfig.get().runtime.config_sources
    return any(source.path == str(config_dir()) for source in sources)


def _of_a_job(job: Any) -> list[str]:
    """The settings of Hydra's own that a job was started with."""
    words = written(job.overrides.hydra)
    return [w for w in words if not w.lstrip("+~").startswith(NOT_OF_A_JOB)]


def written(overrides: Any) -> list[str]:
    """Overrides as they were written; to read one is to resolve what it refers to."""
    words = OmegaConf.to_container(overrides, resolve=False)
    return [str(word) for word in words] if isinstance(words, list) else []


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
    if not (HydraConfig.initialized() and ours()):
        yield
        return
    job = HydraConfig.get()
    names = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    environment, argv, run_dir = {n: os.environ.get(n) for n in names}, sys.argv, job.run.dir
    flags, _ = _flags(argv[1:])
    words = [*_of_a_job(job), *written(job.overrides.task), "hydra.mode=RUN"]
    sys.argv = [argv[0], *_words(flags), *words]
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
