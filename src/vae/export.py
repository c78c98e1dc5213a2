"""Export a trained run: its encoder, decoder and sampler, compared with the model.

Try:
  python -m vae.export run=outputs/mnist_bernoulli/TIME format=onnx
  python -m vae.export run=outputs/mnist_bernoulli/TIME format=safetensors push=USER/NAME

Settings (NAME=VALUE): run (a run directory or a checkpoint), format (safetensors, which vae.load
reads; torch_export, which torch.export.load reads; onnx), out (a folder; RUN/export/FORMAT without
one), push (USER/NAME on the Hugging Face Hub).
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.runs.exports.export import export

    export(plain(config))


if __name__ == "__main__":
    run("export", task, help=__doc__, groups=[])
