"""The sampler of the sampled models, its diagnostics and predictive checks."""
