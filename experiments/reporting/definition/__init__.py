"""The definition of an experiment in words: on its page, before its launch, beside its results and in its report."""
