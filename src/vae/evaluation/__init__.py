"""The test of a model, and what it looks at besides."""
