"""What surrounds the members of a run: exposures outside it, members of earlier runs, and traffic of other units."""
