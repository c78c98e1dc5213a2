"""pythae's trainer on the network of handwritten.py; run by the Python of a venv that has pythae.

    PYTHON benchmarks/pythae_mnist.py IMAGES.npy EPOCHS

IMAGES.npy holds bytes, with shape (N, 28, 28). Prints the mean seconds of an epoch of N images,
trained on their grey values, which pythae does not binarise.
"""

import logging
import sys
import tempfile
import time

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn


class Encoder(BaseEncoder):
    """784-400, and two heads of 20."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU())
        self.loc, self.log_variance = nn.Linear(400, 20), nn.Linear(400, 20)

    def forward(self, x: Tensor) -> ModelOutput:
        h = self.body(x)
        return ModelOutput(embedding=self.loc(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    """20-400-784 and a sigmoid, whose cross-entropy pythae takes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid())

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.body(z).view(-1, 1, 28, 28))


if __name__ == "__main__":
    logging.disable(logging.INFO)
    images = np.load(sys.argv[1])[:, None].astype(np.float32) / 255
    epochs = int(sys.argv[2])
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce")
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model=VAE(config, encoder=Encoder(), decoder=Decoder()),
            train_dataset=BaseDataset(torch.from_numpy(images), torch.zeros(len(images))),
            training_config=BaseTrainerConfig(
                output_dir=folder,
                num_epochs=epochs,
                learning_rate=1e-3,
                per_device_train_batch_size=128,
            ),
        )
        start = time.perf_counter()
        trainer.train()
        print((time.perf_counter() - start) / epochs)
