"""A progress bar for long commands."""

import sys

import click

_WIDTH = 30


class Bar:
    """A progress bar on standard error, drawn only where that is a terminal; a context manager that clears it."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, fraction: float, message: str) -> None:
        """Draw it: a fraction from 0 to 1 and what is being done."""
        if self._on:
            done = round(max(0.0, min(1.0, fraction)) * _WIDTH)
            bar = "█" * done + "·" * (_WIDTH - done)
            click.echo(f"\r\x1b[K[{bar}] {fraction:4.0%}  {message}", err=True, nl=False)
            self._shown = True

    def clear(self) -> None:
        """Take it away, so that the next line begins at the margin."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._shown = False
