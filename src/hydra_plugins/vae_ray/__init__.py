"""hydra/launcher=ray."""
