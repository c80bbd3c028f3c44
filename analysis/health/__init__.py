"""Health checks: whether a result can be trusted, the split test (SRM) among them."""
