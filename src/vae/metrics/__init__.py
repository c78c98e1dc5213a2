"""Numbers that tell how good a model is, each with its standard error."""
