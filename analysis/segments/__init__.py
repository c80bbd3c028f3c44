"""Rates by segment: several attributes in one partially pooled model, sampled with PyMC."""
