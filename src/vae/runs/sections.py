"""The sections of results.json: estimates, latents, samples, reconstructions, training, data."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from vae.metrics.estimate import Estimate

# JSON has no nan; a number that there is none of is null there
Number = Annotated[float, BeforeValidator(lambda v: math.nan if v is None else v)]


class Section(BaseModel):
    """A part of results.json that nobody changes."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, protected_namespaces=())


class Result(Section):
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


class Layer(Section):
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


class Codes(Section):
    """How much of a discrete code is used.

    Arguments:
        choices: How many choices make a code.
        classes: How many classes the lists have together.
        perplexity: exp of the entropy of what is taken, the mean over the lists.
        rare: Classes taken less than a hundredth as often as an even share.
        lists: How many lists of classes the choices are among; those of one are counted together.
    """

    choices: int
    classes: int
    perplexity: Number
    rare: int
    lists: int | None = None


class Latents(Section):
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


class Samples(Section):
    """How far generated images are from the test images, in the named features."""

    fid: Result
    kid: Result
    fid_of_training_images: Result
    num_images: int
    features: str


class Reconstructions(Section):
    """How close reconstructions are to their test images.

    Arguments:
        psnr: The peak signal-to-noise ratio, in decibels.
        ssim: The structural similarity, at most 1; None of images smaller than its window.
        lpips: Their distance in the features of VGG-16; None without its weights.
        rfid: The FID between images and reconstructions, in the named features; None of few.
        num_images: How many.
        features: Those of rfid.
    """

    psnr: Result
    ssim: Result | None
    rfid: Result | None
    num_images: int
    features: str | None
    lpips: Result | None = None


class Training(Section):
    """How the training went."""

    seconds: float
    images_per_second: Number
    epochs: int
    steps: int
    best_val_score: Number | None


class DataFacts(Section):
    """The data that was tested on."""

    name: str
    fingerprint: str
    event_shape: list[int]
    binarize: str
    dequantize: bool
    sizes: dict[str, int]
