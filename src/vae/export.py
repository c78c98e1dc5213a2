"""Export a trained run: its encoder, decoder and sampler, compared with the model.

Try:
  python -m vae.export run=outputs/mnist_bernoulli/TIME format=onnx
  python -m vae.export run=outputs/mnist_bernoulli/TIME format=safetensors push=USER/NAME

vae.load reads safetensors, torch.export.load reads torch_export, ONNX Runtime reads onnx.
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.runs.exports.export import export

    export(plain(config))


if __name__ == "__main__":
    run("export", task, help=__doc__, groups=[])
