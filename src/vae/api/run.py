"""A trained run, and what the commands do with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from vae.cli.command import compose
from vae.config.settings import Distance, Format, Picture, Split
from vae.data.module import DataModule
from vae.model.families.vae import VAE
from vae.runs.opened import Run as Opened
from vae.runs.opened import open_run
from vae.runs.results import Results, read_results


class Run:
    """A trained run, and what can be done with it.

    Arguments:
        path: A run directory, a checkpoint, the folder of a safetensors export, or hf://USER/NAME
            for one on the Hugging Face Hub.
        allow: Names of packages of yours that its classes may come from.
        root: Where the run's data lies now; None for where it lay.

    Raises:
        RunError: If there is no such run, when it is first looked into.
        VAEError: By each method, whatever its command would say in a sentence.
    """

    def __init__(self, path: str | Path, allow: Sequence[str] = (), root: str | None = None):
        self.path, self.allow, self.root = path, list(allow), root

    def __repr__(self) -> str:
        return f"vae.Run({str(self.path)!r})"

    @cached_property
    def _opened(self) -> Opened:
        return open_run(self.path, self.allow)

    @property
    def model(self) -> VAE:
        """The model, in evaluation mode, on the CPU."""
        return self._opened.model

    @property
    def config(self) -> Mapping[str, Any]:
        """The config that it was trained with, as plain values."""
        return self._opened.config

    @property
    def directory(self) -> Path:
        """The run directory."""
        return self._opened.directory

    @cached_property
    def data(self) -> DataModule:
        """The data that it was trained on.

        Raises:
            DataError: If it is missing, or is not the same data.
        """
        return self._opened.open_data(self.root)

    @property
    def results(self) -> Results | None:
        """What training and test found, for instance test["elbo"].value; None before the test.

        Raises:
            RunError: If results.json is damaged.
        """
        return read_results(self.directory)

    def evaluate(
        self,
        *,
        num_samples: int = 5000,
        finetune: int = 0,
        finetune_steps: int = 200,
        surgery: int = 2000,
        probe: int = 10_000,
        fid: int = 10_000,
        reconstructions: int = 0,
        vgg: str | None = None,
        lpips: str | None = None,
        disentanglement: bool = False,
        dci: Literal["boosted", "forest"] = "boosted",
        memory: float = 32,
        pictures: int = 12,
        seed: int = 0,
        out: str | Path | None = None,
        other_data: bool = False,
        trainer: Iterable[str] = (),
    ) -> Results:
        """Evaluate the run, and return what was found.

        Arguments:
            num_samples: The number k of importance samples of log p(x) for each test example.
            finetune: Test examples for which a proposal of their own is fitted.
            finetune_steps: Steps of that.
            surgery: Test examples over which the rate is taken apart.
            probe: Training examples that the classifiers of E[z] learn from.
            fid: Generated images that FID and KID compare with the test images.
            reconstructions: Test images whose PSNR, SSIM and rFID are taken.
            vgg: VGG-16's weights, for LPIPS: a file, or hf://USER/NAME.
            lpips: LPIPS's linear weights: a file.
            disentanglement: Whether codes are scored by the images' factors.
            dci: The trees of those scores by importance.
            memory: How much the samples may take at once, in MB.
            pictures: Images in a row and in a column of each picture; 0 for none.
            seed: The seed of the samples.
            out: Where results.json and pictures go; None for evaluations/TIME of the run.
            other_data: Whether data that has changed since is taken too.
            trainer: Settings of the trainer, for instance "trainer=gpu".
        """
        from vae.evaluation.evaluate import evaluate

        counts = {"num_samples": num_samples, "surgery": surgery, "probe": probe, "fid": fid}
        proposals = {"finetune": finetune, "finetune_steps": finetune_steps}
        made = {"reconstructions": reconstructions, "vgg": vgg, "lpips": lpips}
        chosen = {
            **counts,
            **proposals,
            **made,
            "disentanglement": disentanglement,
            "dci": dci,
            "memory": memory,
            "pictures": pictures,
            "seed": seed,
            "other_data": other_data,
        }
        return evaluate(self._config("evaluate", chosen, out, *trainer))

    def generate(
        self,
        what: Picture = "samples",
        *,
        count: int = 12,
        split: Split = "test",
        condition: str | float | list[float] | None = None,
        seed: int = 0,
        out: str | Path | None = None,
    ) -> Image.Image:
        """Draw a picture of what the model makes, and write it.

        Arguments:
            what: What is drawn; "analogies" of a conditional model.
            count: Images in a row and in a column.
            split: Whose images are reconstructed, interpolated and traversed.
            condition: Of a conditional model, the class or attributes that is drawn; None for all.
            seed: The seed.
            out: The picture's path; None for generated/WHAT_SEED.png of the run.
        """
        from vae.reporting.generate import generate

        drawn = {"what": what, "condition": condition, "count": count}
        chosen = {**drawn, "split": split, "seed": seed}
        with Image.open(generate(self._config("generate", chosen, out))) as image:
            return image.copy()

    def export(
        self,
        format: Format = "safetensors",
        *,
        out: str | Path | None = None,
        push: str | None = None,
    ) -> Path:
        """Export the model; returns the folder.

        Arguments:
            format: "safetensors", "torch_export", "onnx" or "diffusers".
            out: A folder; None for export/FORMAT of the run.
            push: USER/NAME on the Hugging Face Hub that a safetensors export is sent to.
        """
        from vae.runs.exports.export import export

        return export(self._config("export", {"format": format, "push": push}, out))

    def fit_prior(
        self,
        prior: str = "mixture_of_gaussians",
        *words: str,
        steps: int | None = None,
        seed: int = 0,
        out: str | Path | None = None,
    ) -> Run:
        """Fit a prior to the codes of training images; returns the run that has it.

        Arguments:
            prior: For instance "mixture_of_gaussians" or "flow"; "transformer", of discrete codes.
            words: More of the command's own, for instance "model.prior.components=100".
            steps: Of a fit by gradients; None for the prior's own.
            seed: The seed.
            out: The checkpoint's path; None for checkpoints/PRIOR.ckpt of the run.
        """
        from vae.training.fit_prior import fit_prior

        chosen = {"steps": steps, "seed": seed}
        path = fit_prior(self._config("fit_prior", chosen, out, f"model/prior={prior}", *words))
        return Run(path, self.allow, self.root)

    def search_index(
        self,
        index: str | Path | None = None,
        *,
        root: str | Path | None = None,
        split: Split = "train",
        distance: Distance = "euclidean",
        layer: int | None = None,
        engine: str = "exact",
    ) -> Path:
        """Index a collection of images by their latent vectors; returns the index's folder.

        Arguments:
            index: The folder; None for the folder index of the run.
            root: A folder of pictures; None for the run's own data.
            split: Of the run's own data.
            distance: "euclidean", "cosine" or "wasserstein".
            layer: The layer of a hierarchy, from 1 next to the data; None for all of z.
            engine: "exact", "faiss" or "qdrant".
        """
        from vae.search.build import build_index

        chosen = {
            "index": None if index is None else str(index),
            "root": None if root is None else str(root),
            "split": split,
            "distance": distance,
            "layer": layer,
        }
        return build_index(self._config("search/index", chosen, None, f"engine={engine}"))

    def _config(
        self, command: str, chosen: Mapping[str, Any], out: str | Path | None, *words: str
    ) -> dict[str, Any]:
        """The config of a command that is run on this run."""
        config = compose("run=here", *words, name=command)
        config |= {**chosen, "run": str(self.path), "allow": self.allow}
        if "out" in config:
            config["out"] = None if out is None else str(out)
        if "data" in config:
            config["data"] = {**config["data"], "root": self.root}
        return config
