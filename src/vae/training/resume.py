"""Going on with a run that was interrupted: where from, and whether it is the same run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vae.config.moved import upgraded
from vae.config.nested import flat, moved
from vae.config.secret import recorded
from vae.errors import ConfigError, RunError
from vae.runs import checkpoint as checkpoints
from vae.runs.adopt import read_config, wish
from vae.runs.results import Results, read_results

Config = Mapping[str, Any]

# settings that may differ when a run goes on: they change how, how long or where, not what
FREE = (
    "allow",
    "resume",
    "run_dir",
    "logger",
    "evaluate",
    "data.root",
    "data.source.root",
    "data.source.path",
    "data.source.mirrors",
    "callbacks.monitor",
    "callbacks.progress",
    "callbacks.pruner",
    "callbacks.pictures",
    "callbacks.panels",
    "compile",
    "threads",
    "trainer.accelerator",
    "trainer.default_root_dir",
    "trainer.devices",
    "trainer.enable_checkpointing",
    "trainer.log_every_n_steps",
    "trainer.max_epochs",
    "trainer.max_steps",
    "trainer.max_time",
    "trainer.num_nodes",
    "trainer.strategy",
)


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Arguments:
        checkpoint: What it resumes from; None to begin anew.
        step: The number of steps that it has behind it.
        data: What the checkpoint says of the data it was trained on; None if nothing.
        results: What the test found, if the run is finished already.
        threads: How many threads it was trained with, which the last bits of a sum depend on.
    """

    checkpoint: Path | None = None
    step: int = 0
    data: Config | None = None
    results: Results | None = None
    threads: int | None = None


def start(config: Config, directory: Path) -> Start:
    """Where a run with `resume` set begins.

    Arguments:
        config: The whole config.
        directory: The run directory.

    Raises:
        ConfigError: If the directory holds a run with other settings.
        RunError: If what it holds is damaged, or it has nothing to go on from.
    """
    wanted = wish(config)
    if wanted is None or not (directory / "config.yaml").is_file():
        return Start()
    results = finished(config, directory)
    named = Path(wanted).expanduser()
    if named.is_file():
        return _from(named.absolute(), _read(named), config)
    if results is not None:
        return Start(results=results)
    found = _newest(directory, config)
    if found is not None:
        return _from(*found, config)
    others = sorted((directory / "checkpoints").glob("*.ckpt"))
    if wanted == "auto" and not others:
        # killed before it kept anything
        return Start()
    last = _last_path(directory, config)
    remedy = f"give resume={others[0]}" if others else "begin it again in another run_dir"
    raise RunError(f"a run resumes from its last checkpoint, but {last} is gone; {remedy}.")


def finished(config: Config, directory: Path) -> Results | None:
    """The results, if the run that `resume` asks for is there and finished.

    Raises:
        ConfigError: If the directory holds a run with other settings.
        RunError: If its results are damaged.
    """
    wanted = wish(config)
    if wanted is None or not (directory / "config.yaml").is_file():
        return None
    before = read_config(directory)
    _refuse_differences(before, config, str(directory))
    longer = any(
        before["trainer"].get(name) != config["trainer"][name]
        for name in ("max_epochs", "max_steps", "max_time")
    )
    if longer or Path(wanted).expanduser().is_file():
        return None
    results = read_results(directory)
    return results if results and results.complete else None


def _refuse_differences(before: Config, now: Config, where: str) -> None:
    if differing := differences(before, now):
        key, old, new = differing[0]
        more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
        raise ConfigError(
            f"a run resumes with the settings it began with, but {where} has {key}={old} and "
            f"this has {key}={new}{more}; leave that setting as it was, or choose another run_dir."
        )


def _last_path(directory: Path, config: Config) -> Path:
    last = (config["callbacks"] or {}).get("last") or {}
    return directory / "checkpoints" / f"{last.get('filename', 'last')}.ckpt"


def _newest(directory: Path, config: Config) -> tuple[Path, dict[str, Any]] | None:
    """The newest whole checkpoint that training can go on from; None if the last one is gone.

    Raises:
        RunError: If the last one is damaged, and no other is whole.
    """
    # SLURM's requeueing has Lightning leave one of its own
    newest = [_last_path(directory, config), *directory.glob("hpc_ckpt_*.ckpt")]
    newest = [path for path in newest if path.exists()]
    newest.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    if not newest:
        return None
    others = [p for p in (directory / "checkpoints").glob("*.ckpt") if p not in newest]
    others.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    failure: RunError | None = None
    for path in [*newest, *others]:
        try:
            content = _read(path)
        except RunError as e:
            failure = failure or e
            continue
        if failure is not None:
            print(
                f"warning: {failure} Going on from the one before, {path}, of step "
                f"{content['global_step']}.",
                flush=True,
            )
        return path, content
    assert failure is not None
    raise failure


def _read(path: Path) -> dict[str, Any]:
    """A checkpoint that training can go on from.

    Raises:
        RunError: If it is damaged, or is none.
    """
    content = checkpoints.read(path)
    if not isinstance(content, dict) or not {"global_step", "optimizer_states", "vae"} <= set(
        content
    ):
        raise RunError(
            f"training resumes from a checkpoint that training wrote, but {path} has no "
            "optimiser; give checkpoints/last.ckpt of a run."
        )
    return content


def _from(path: Path, content: dict[str, Any], config: Config) -> Start:
    """Go on from a checkpoint, if it is one of this run.

    Raises:
        ConfigError: If it was trained with other settings.
    """
    try:
        card = content["vae"]
        _refuse_differences(upgraded(card["config"]), config, str(path))
        threads = (content.get("resume") or {}).get("threads")
        return Start(path, int(content["global_step"]), card.get("data"), threads=threads)
    except (KeyError, TypeError, AttributeError) as e:
        raise RunError(
            f"a checkpoint of this package carries the config it was trained with, but {path} has "
            "none; give one that python -m vae.train wrote."
        ) from e


def differences(before: Config, now: Config) -> list[tuple[str, Any, Any]]:
    """The settings that two configs of one run may not differ in, but do."""
    one, two = (flat(recorded(moved(c, str(c["run_dir"]), "."))) for c in (before, now))
    keys = [*one, *(k for k in two if k not in one)]
    return [
        (key, one.get(key), two.get(key))
        for key in keys
        if one.get(key) != two.get(key)
        and not _is_free(key)
        # a checkpoint says what auto came to
        and not (key == "model.context_size" and "auto" in (one.get(key), two.get(key)))
    ]


def _is_free(key: str) -> bool:
    return any(key == free or key.startswith(free + ".") for free in FREE)
