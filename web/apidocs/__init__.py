"""The API described: OpenAPI 3.1, the reference page and every error code."""
