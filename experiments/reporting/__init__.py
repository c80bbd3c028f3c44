"""A result in words and numbers, the same for page, API, report and terminal."""
