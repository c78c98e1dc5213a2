"""Training: the loop of a run, the LightningModule, callbacks, loggers, resume."""
