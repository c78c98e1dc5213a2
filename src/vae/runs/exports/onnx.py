"""format=onnx: graphs that ONNX Runtime and others run."""

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim

from vae import files
from vae.errors import needs_extra
from vae.model.families.vae import VAE
from vae.runs.exports.check import compare
from vae.runs.exports.parts import example, parts


def write(model: VAE, event_shape: tuple[int, ...], folder: Path) -> dict[Path, float]:
    """Write encoder.onnx, decoder.onnx and sampler.onnx, for batches of any size.

    Returns:
        The files, each with its largest difference from the model, as ONNX Runtime computes it.

    Raises:
        ConfigError: If a package is missing.
        RunError: If an export computes anything else.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as e:
        raise needs_extra("format=onnx", str(e.name), "onnx") from e
    # it tells of operators of packages that are not used here
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    written = {}
    for part in parts(model):
        path = folder / f"{part.name}.onnx"
        inputs = example(part, model, event_shape, batch=3)
        batch = Dim("batch", min=1, max=2**16)
        with warnings.catch_warnings():
            # one axis has one name
            warnings.filterwarnings("ignore", message=".*axis name: batch will not be used")
            program: Any = torch.onnx.export(
                part.module,
                inputs,
                input_names=part.inputs,
                output_names=part.outputs,
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        files.write(path, program.model_proto.SerializeToString())
        session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

        def run(*xs: Tensor, session: Any = session, names: Any = part.inputs) -> Any:
            feed = {n: x.numpy() for n, x in zip(names, xs, strict=True)}
            return tuple(map(torch.from_numpy, session.run(None, feed)))

        written[path] = compare(part, model, event_shape, run)
    return written
