"""Run by test_ddp.py: two processes take one step, and rank 0 saves the gradient."""

import sys

import lightning
import torch
from lightning.pytorch import Callback

from vae.cli.command import compose
from vae.config import build as config_build
from vae.evaluation import trainer as trainers
from vae.training import build


class SaveGradient(Callback):
    """Saves what the optimiser is about to see."""

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        if trainer.is_global_zero:
            named = pl_module.named_parameters()
            torch.save({name: p.grad.clone() for name, p in named}, sys.argv[1])


if __name__ == "__main__":
    config = compose("trainer=ddp", "trainer.accelerator=cpu", "trainer.max_steps=1", *sys.argv[2:])
    lightning.seed_everything(config["seed"], verbose=False)
    data = config_build.build_data(config)
    module = build.build_module(config, data)
    config["trainer"]["enable_checkpointing"] = False
    trainer = trainers.build_trainer(config, [SaveGradient()], [])
    trainer.fit(module, datamodule=data)
