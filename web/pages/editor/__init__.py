"""The editor of a draft: definition, audience and analysis."""
