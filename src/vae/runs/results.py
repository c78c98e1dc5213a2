"""results.json: what a run's training and tests found, as one typed object."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vae import files
from vae.errors import RunError
from vae.metrics.estimate import Estimate

SCHEMA = 5
# JSON has no nan; a number that there is none of is null there
Number = Annotated[float, BeforeValidator(lambda v: math.nan if v is None else v)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, protected_namespaces=())


class Result(_Part):
    """An estimate: its value, its standard error over the examples, and how it was made.

    Arguments:
        value: The estimate, in nats per example where its name does not say otherwise.
        standard_error: Over the examples.
        num_examples: The number of examples.
        num_samples: The number of samples for each example; 0 if it is exact.
        monte_carlo_standard_error: Of the samples, over the same examples.
        effective_samples: The mean effective sample size of the importance weights.
        heavy_tails: The share of examples whose weights have Pareto k-hat above 0.7.
        steps: Of the fit of a proposal to each example.
        gain: Of the fitted proposals over the encoder's, on the same examples.
        dequantized: Whether bits/dim are of dequantised values.
        aggregate_size: The number of examples of the aggregate posterior.
        upper_limit: What a mutual information cannot exceed, in nats.
        neighbours: Of a nearest-neighbour classifier.
        repeats: How many draws of examples the standard error is over, where not over examples.
    """

    value: Number
    standard_error: Number
    num_examples: int
    num_samples: int
    monte_carlo_standard_error: Number | None = None
    effective_samples: Number | None = None
    heavy_tails: Number | None = None
    steps: int | None = None
    gain: "Result | None" = None
    dequantized: bool | None = None
    aggregate_size: int | None = None
    upper_limit: Number | None = None
    neighbours: int | None = None
    repeats: int | None = None

    @classmethod
    def of(cls, estimate: Estimate, num_samples: int, **more: Any) -> "Result":
        """An estimate with the number of samples it took, and whatever else is known of it."""
        return cls(**estimate._asdict(), num_samples=num_samples, **more)


class Layer(_Part):
    """A layer of a hierarchy of latents; z_1 is next to the data.

    Arguments:
        name: z_1, z_2, ...
        latent_dim: Its length.
        active_units: Those of its units whose mean varies over the images.
        rate: log q(z_l|.) - log p(z_l|.) in nats.
        mutual_information: What it tells of the image beyond the layers drawn before it, in nats.
    """

    name: str
    latent_dim: int
    active_units: int
    rate: Result
    mutual_information: Result | None = None


class Codes(_Part):
    """How much of a discrete code is used.

    Arguments:
        choices: How many choices make a code.
        classes: How many classes they have together.
        perplexity: exp of the entropy of what is taken, the mean over the choices.
        rare: Classes taken less than a hundredth as often as an even share.
    """

    choices: int
    classes: int
    perplexity: Number
    rare: int


class Latents(_Part):
    """What the latent dimensions carry; per-dimension lists are in their order, in nats."""

    latent_dim: int
    active_units: int
    threshold: float
    variance: list[Number]
    rate_per_dimension: list[Number] | None = None
    mutual_information: Result | None = None
    aggregate_kl: Result | None = None
    knn_accuracy: Result | None = None
    linear_accuracy: Result | None = None
    layers: list[Layer] | None = None
    codes: Codes | None = None


class Samples(_Part):
    """How far generated images are from the test images, in the named features."""

    fid: Result
    kid: Result
    fid_of_training_images: Result
    num_images: int
    features: str


class Reconstructions(_Part):
    """How close reconstructions are to their test images.

    Arguments:
        psnr: The peak signal-to-noise ratio, in decibels.
        ssim: The structural similarity, at most 1; None of images smaller than its window.
        rfid: The FID between images and reconstructions, in the named features.
        num_images: How many.
        features: Those of rfid.
    """

    psnr: Result
    ssim: Result | None
    rfid: Result
    num_images: int
    features: str


class Training(_Part):
    """How the training went."""

    seconds: float
    images_per_second: Number
    epochs: int
    steps: int
    best_val_score: Number | None


class DataFacts(_Part):
    """The data that was tested on."""

    name: str
    fingerprint: str
    event_shape: list[int]
    binarize: str
    dequantize: bool
    sizes: dict[str, int]


def _or_none(value: Any) -> Any:
    # schemas up to 4 had an empty section where there is none
    return None if value == {} else value


class Results(_Part):
    """What results.json holds.

    Arguments:
        schema_version: Of this layout.
        complete: Whether the test and the analysis after it are done.
        pruned: Whether a search ended the run early.
        name: The run's name.
        command: The command that made it; empty outside a command.
        seed: The seed.
        condition: What the model is given of each example, so that log_px is log p(x|c).
        checkpoint: What was tested.
        score: What the run is ranked by; the higher, the better.
        test: The test's estimates, by name: elbo, rate, distortion, log_px, bits_per_dim.
        latents: What the latent dimensions carry.
        samples: How good generated images are.
        reconstructions: How close reconstructions are.
        disentanglement: How codes keep the data's factors apart, by protocol; from 0 to 1.
        train: How the training went.
        test_seconds: How long the test took.
        parameters: The number of parameters.
        data: The data.
        versions: Of packages, by name.
        device: The device, for instance cuda:0.
        threads: The number of CPU threads.
    """

    schema_version: int = Field(alias="schema")
    complete: bool
    pruned: bool = False
    name: str
    command: str
    seed: int
    condition: str | None = None
    checkpoint: str | None
    score: Number
    test: dict[str, Result]
    latents: Annotated[Latents | None, BeforeValidator(_or_none)] = None
    samples: Annotated[Samples | None, BeforeValidator(_or_none)] = None
    reconstructions: Reconstructions | None = None
    disentanglement: dict[str, Result] | None = None
    train: Training | None = None
    test_seconds: Number
    parameters: int
    data: DataFacts
    versions: dict[str, str]
    device: str
    threads: int

    def numbers(self) -> Mapping[str, float | int | str]:
        """Every estimate and fact by a flat name, for instance test/elbo, as dashboards take them.

        A standard error stands under the estimate's name with _standard_error behind it.
        """
        flat: dict[str, float | int | str] = {"score": self.score}
        sections = ("test", "latents", "samples", "reconstructions", "disentanglement", "train")
        for section in sections:
            part = getattr(self, section)
            for name, found in dict(part or {}).items():
                place = "training" if section == "train" else section
                if isinstance(found, Result):
                    flat[f"{place}/{name}"] = found.value
                    flat[f"{place}/{name}_standard_error"] = found.standard_error
                elif isinstance(found, int | float | str):
                    flat[f"{place}/{name}"] = found
        return flat


def read_results(directory: Path) -> Results | None:
    """A run's results; None if it has none yet.

    Raises:
        RunError: If its results.json is damaged, or of a later version of this package.
    """
    path = directory / "results.json"
    if not path.is_file():
        return None
    try:
        return Results.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as e:
        what = e.errors()[0] if isinstance(e, ValidationError) else {"msg": str(e), "loc": ()}
        where = ".".join(map(str, what["loc"]))
        raise RunError(
            f"a run's results.json holds what train wrote, but {path} cannot be read "
            f"({where + ': ' if where else ''}{what['msg']}); move it away."
        ) from e


def write_results(results: Results, directory: Path) -> None:
    """Write results.json, whole or not at all.

    Raises:
        RunError: If it cannot be written.
    """
    text = results.model_dump_json(indent=2, exclude_unset=True, by_alias=True)
    try:
        files.write(directory / "results.json", text + "\n")
    except OSError as e:
        raise RunError(
            f"results need room on their disk, but {directory / 'results.json'} cannot be written "
            f"({e}); free some space, and run it again with resume={directory}."
        ) from e
