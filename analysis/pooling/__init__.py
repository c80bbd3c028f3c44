"""Partially pooled rates: one posterior for all variants of a test, by quadrature."""
