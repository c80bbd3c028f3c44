"""What every sampled model uses: the sampler, its diagnostics and predictive checks."""
