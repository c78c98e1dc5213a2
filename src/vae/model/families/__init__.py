"""Families of models: which latents there are, and how they depend on each other."""
