"""Response models of the API, which OpenAPI is generated from."""
