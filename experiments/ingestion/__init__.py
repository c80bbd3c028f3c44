"""The write path of exposures and events: validated, de-duplicated, committed in groups."""
