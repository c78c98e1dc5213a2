"""The settings of each command: their types, limits, defaults and what they mean.

Errors, --help and the Python API are drawn from these models; conf/ has the same defaults, which a
test compares.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Split = Literal["train", "val", "test"]
Format = Literal["safetensors", "torch_export", "onnx", "diffusers"]
Distance = Literal["euclidean", "cosine", "wasserstein"]
Picture = Literal[
    "samples", "reconstructions", "interpolation", "traversal", "manifold", "analogies"
]
# the settings of a class, which that class checks
Node = dict[str, Any]


def setting(default: Any, description: str) -> Any:
    """A setting with its default and what it means, as --help prints it."""
    return Field(default, description=description)


class Settings(BaseModel):
    """What every command has."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    allow: list[str] = setting([], "packages of yours that classes may come from")


class Place(BaseModel):
    """Where a run's data lies."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    root: str | None = setting(None, "where the run's data lies now; null for where it lay")


class OfRun(Settings):
    """What commands have that look at a trained run."""

    run: str = setting(..., "a run directory, a checkpoint, an export, or hf://USER/NAME")
    out: str | None = setting(None, "where the result goes; null for a place in the run directory")
    seed: Seed = setting(0, "the seed of everything random")
    data: Place = Place()


class Evaluation(BaseModel):
    """What a test looks at."""

    model_config = ConfigDict(extra="forbid")

    num_samples: Count = setting(100, "importance samples of log p(x) for each image; 0 for none")
    memory: Annotated[float, Field(ge=1)] = setting(32, "how much they may take at once, in MB")
    surgery: Count = setting(2000, "test images over which the rate is taken apart")
    probe: Count = setting(10000, "training images that classifiers of E[z] learn from")
    fid: Count = setting(0, "generated images that FID and KID compare with the test images")
    finetune: Count = setting(0, "test images for which a proposal of their own is fitted")
    finetune_steps: Positive = setting(200, "steps of that")
    reconstructions: Count = setting(0, "test images whose PSNR, SSIM and rFID are taken")
    vgg: str | None = setting(None, "VGG-16's weights, for LPIPS: a file, or hf://USER/NAME")
    lpips: str | None = setting(None, "LPIPS's linear weights: a file")
    disentanglement: bool = setting(False, "score codes by the images' factors")
    dci: Literal["boosted", "forest"] = setting("boosted", "the trees of those by importance")


class Model(BaseModel):
    """The model: its parts are config groups, and its family may have other settings."""

    model_config = ConfigDict(extra="allow")

    latent_dim: Positive = setting(32, "the length D of z, or of its top layer")
    output_bias: Literal["data", "zero"] = setting("data", "where the decoder's last bias starts")
    condition: Literal["label", "attributes"] | None = setting(None, "what p(x|c) is given")
    context_size: Positive | Literal["auto"] = setting("auto", "classes or attributes; auto counts")
    embedding: Positive | None = setting(None, "length of a learned c; null for one-hot classes")
    encoder: Node = {}
    decoder: Node = {}
    posterior: Node = {}
    prior: Node = {}
    likelihood: Node = {}


class Train(Settings):
    """python -m vae.train"""

    name: str = setting("vae", "the run's name, and its folder's below outputs")
    seed: Seed = setting(0, "the seed of everything random; 0 is one")
    run_dir: str = setting("outputs/NAME/TIME", "where everything the run leaves goes")
    resume: str | bool | None = setting(None, "auto, or a run directory or checkpoint to resume")
    threads: Positive | None = setting(None, "CPU threads; null for the cores that are free")
    compile: bool = setting(False, "compile the networks with torch.compile")
    data: Node = {}
    model: Model = Model()
    objective: Node = {}
    optimizer: Node = {}
    trainer: Node = {}
    callbacks: Node | None = None
    logger: Node | None = None
    evaluate: Evaluation = Evaluation()


class Evaluate(OfRun, Evaluation):
    """python -m vae.evaluate"""

    num_samples: Count = setting(5000, "importance samples of log p(x) for each image; 0 for none")
    fid: Count = setting(10000, "generated images that FID and KID compare with the test images")
    pictures: Count = setting(12, "images in a row and in a column of each picture; 0 for none")
    other_data: bool = setting(False, "take data that has changed since the run was trained")
    trainer: Node = {}


class Generate(OfRun):
    """python -m vae.generate"""

    what: Picture = setting(
        "samples", "manifold where model.latent_dim is 2; analogies of a conditional model"
    )
    condition: str | int | float | list[float] | None = setting(
        None, "of a conditional model: one class, or attributes; null for all classes"
    )
    count: Positive = setting(12, "images in a row and in a column")
    split: Split = setting("test", "whose images are taken")


class FitPrior(OfRun):
    """python -m vae.fit_prior"""

    examples: Positive = setting(50000, "training images whose codes the prior is fitted to")
    steps: Positive | None = setting(None, "of a fit by gradients; null for the prior's own")
    model: Node = {}


class Export(Settings):
    """python -m vae.export"""

    run: str = setting(..., "a run directory, a checkpoint, an export, or hf://USER/NAME")
    format: Format = setting("safetensors", "what others read")
    out: str | None = setting(None, "a folder; null for RUN/export/FORMAT")
    push: str | None = setting(None, "USER/NAME on the Hugging Face Hub that it is sent to")


class App(Settings):
    """python -m vae.app"""

    run: str = setting(..., "a run directory, a checkpoint, an export, or hf://USER/NAME")
    index: str | None = setting(None, "a folder that vae.search.index made; null for RUN/index")
    host: str = setting("127.0.0.1", "where it listens; 0.0.0.0 shows it to the network")
    port: Annotated[int, Field(ge=1, le=65535)] = setting(7860, "the port")
    max_megabytes: Positive = setting(10, "of an uploaded picture")
    max_megapixels: Positive = setting(40, "of an uploaded picture")
    max_uploads: Positive = setting(50, "pictures that may lie on the disk at once")
    url: str | None = setting(None, "of the Qdrant server that holds the index's vectors")
    data: Place = Place()


class Dashboard(BaseModel):
    """python -m vae.dashboard"""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    entity: str = setting(..., "the W&B user or team")
    project: str = setting("vae", "the project whose runs it shows")
    name: str = setting("VAE", "the workspace's name")
    out: str | None = setting(None, "a file for the workspace as JSON, instead of saving it in W&B")


class Index(Settings):
    """python -m vae.search.index"""

    run: str | None = setting(
        None, "a run directory, a checkpoint, an export, or hf://USER/NAME; null for an old index"
    )
    index: str | None = setting(None, "the index's folder; null for RUN/index")
    root: str | None = setting(None, "a folder of pictures; null for the run's own data")
    split: Split = setting("train", "of the run's own data")
    distance: Distance = setting("euclidean", "between posteriors")
    layer: Positive | None = setting(None, "of a hierarchy, 1 next to the data; null for all")
    remove: list[str | int] = setting([], "names of images to take out of the index")
    data: Place = Place()
    engine: Node = {}


class Query(Settings):
    """python -m vae.search.query"""

    index: str = setting(..., "a folder that vae.search.index made")
    image: str | list[str] = setting(..., "a picture, a list of them, or a folder")
    k: Positive = setting(10, "how many images are found for each")
    label: str | int | None = setting(None, "the class that is searched in; null for all")
    out: str | None = setting(None, "the contact sheet; null for INDEX/queries/NAME.png")
    url: str | None = setting(None, "of the Qdrant server that holds the index's vectors")


COMMANDS: dict[str, type[BaseModel]] = {
    "train": Train,
    "evaluate": Evaluate,
    "generate": Generate,
    "fit_prior": FitPrior,
    "export": Export,
    "app": App,
    "dashboard": Dashboard,
    "search/index": Index,
    "search/query": Query,
}
