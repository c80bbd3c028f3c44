"""Background work: the queue, the worker and the jobs it runs."""
