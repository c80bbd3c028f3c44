"""The domain and its storage: experiments, assignment, events, analyses. Knows nothing of HTTP."""
