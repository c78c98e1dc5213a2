"""Which checkpoint a path means."""

import json
from pathlib import Path

from vae.errors import RunError
from vae.runs import checkpoint as checkpoints


def find_checkpoint(path: Path) -> Path:
    """The checkpoint that `path` means: itself, or the one that the run there kept as its best.

    What a run kept stands in its results.json; of a run without one, in its last.ckpt.

    Raises:
        RunError: If there is none.
    """
    if path.is_file():
        return path
    if not path.exists():
        raise _no_run(path, "does not exist")
    for folder in (path / "checkpoints", path):
        named = _kept(path, folder)
        for name in (named, "best.ckpt", "last.ckpt"):
            if name and (folder / name).is_file():
                return folder / name
            if name and name == named:
                raise _no_run(path, f"kept {folder / name}, which is gone")
    raise _no_run(path, "has no checkpoints/best.ckpt or last.ckpt")


def _no_run(path: Path, what: str) -> RunError:
    return RunError(
        f"run= takes a run directory or a checkpoint, but {path} {what}; give the directory that "
        "python -m vae.train printed, or one of its checkpoints."
    )


def _kept(directory: Path, folder: Path) -> str | None:
    """The name of the checkpoint that a run says it kept; None if it does not say."""
    try:
        known = json.loads((directory / "results.json").read_text())["checkpoint"]
    except (OSError, ValueError, LookupError, TypeError):
        known = None
    if known is None and (folder / "last.ckpt").is_file():
        try:
            content = checkpoints.read(folder / "last.ckpt")
        except RunError as e:
            print(f"warning: {e}", flush=True)
            return None
        states = content.get("callbacks") if isinstance(content, dict) else None
        if isinstance(states, dict):
            monitors = [s for s in states.values() if isinstance(s, dict) and s.get("monitor")]
            known = next((s["best_model_path"] for s in monitors if s.get("best_model_path")), None)
    if not isinstance(known, str):
        return None
    # below the run's own folder, whatever path a stranger's file gives; a name may have / in it
    parts = Path(known).parts
    if folder.name in parts:
        parts = parts[len(parts) - parts[::-1].index(folder.name) :]
    else:
        parts = parts[-1:]
    return None if ".." in parts or not parts else str(Path(*parts))
