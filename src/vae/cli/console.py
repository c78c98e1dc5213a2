"""The console script: `vae train experiment=...` is `python -m vae.train experiment=...`."""

import runpy
import sys

from vae import __version__
from vae.cli.completion import SCRIPTS, candidates

COMMANDS = {
    "train": "train a model, test it and report",
    "evaluate": "evaluate a trained run",
    "generate": "draw pictures from a trained run",
    "fit_prior": "fit a prior to a trained run's codes",
    "search.index": "index images by their latent vectors",
    "search.query": "find the images nearest to a picture",
    "app": "a trained run in the browser",
    "export": "a trained run as safetensors, torch.export or ONNX",
    "dashboard": "save a W&B workspace",
}


def main() -> None:
    """Run a command, or say which there are."""
    words = sys.argv[1:]
    if words[:1] == ["--complete"]:
        print("\n".join(candidates(words[1:], list(COMMANDS))))
        return
    if words[:1] == ["completion"] and words[1:2] and words[1] in SCRIPTS:
        print(SCRIPTS[words[1]])
        return
    if not words or words[0] in ("-h", "--help"):
        print("usage: vae COMMAND [NAME=VALUE ...]\n")
        for name, what in COMMANDS.items():
            print(f"  {name:14}{what}")
        print("\n  vae COMMAND --help lists a command's settings and options")
        print('  eval "$(vae completion bash)" (or zsh) completes them')
        return
    if words[0] == "--version":
        print(__version__)
        return
    if words[0] not in COMMANDS:
        print(f"error: vae has the commands {', '.join(COMMANDS)}, got {words[0]}", file=sys.stderr)
        sys.exit(1)
    module = f"vae.{words[0]}" if words[0] != "app" else "vae.app.__main__"
    sys.argv = [sys.argv[0], *words[1:]]
    # as python -m would: processes that Lightning starts repeat the module's name
    runpy.run_module(module, run_name="__main__", alter_sys=True)
