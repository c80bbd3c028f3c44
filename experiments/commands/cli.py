"""The `klette` command: a tuple of subcommands, each imported only when it is called."""

import os
from importlib import import_module
from typing import Any, NamedTuple

import click

from experiments.commands import helping
from experiments.errors import KletteError
from experiments.translation import N_, gettext, speaking


class Command(NamedTuple):
    """A subcommand: its name, the module whose ``command`` it is, and its summary in ``klette --help``."""

    name: str
    module: str
    summary: str


COMMANDS: tuple[Command, ...] = (
    Command("serve", "experiments.commands.serve", N_("Serve the web pages and the API, and run the analysis worker.")),
    Command("worker", "experiments.commands.worker", N_("Run due analyses, imports and demos.")),
    Command("migrate", "experiments.commands.migrate", N_("Migrate the database to the current schema.")),
    Command("demo", "experiments.commands.demo", N_("Create an example experiment with a simulated audience.")),
    Command("import", "experiments.commands.import_files", N_("Import a finished experiment from CSV files.")),
    Command("analyse", "experiments.commands.analyse", N_("Analyse an experiment now.")),
    Command("prior", "experiments.commands.prior", N_("Learn the prior of lifts from finished experiments.")),
    Command("plan", "experiments.commands.plan", N_("Plan how long a test must run.")),
    Command("export", "experiments.commands.export", N_("Export an analysis: draws, summary, members, report.")),
    Command("user", "experiments.commands.user", N_("Create and list accounts.")),
    Command("key", "experiments.commands.key", N_("Create, list and revoke API keys.")),
)


class Sentence(click.ClickException):
    """An error that the user can correct: one line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=file, err=True)


class Commands(helping.Group):
    """A group that imports a subcommand's module only when the subcommand is called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return [known.name for known in COMMANDS]

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        modules = {known.name: known.module for known in COMMANDS}
        return import_module(modules[name]).command if name in modules else None

    def summaries(self) -> list[tuple[str, str]]:
        return [(known.name, gettext(known.summary)) for known in COMMANDS]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the environment alone: `klette --help` reads no settings, so that it stays fast.
        with speaking(os.environ.get("KLETTE_LANGUAGE", "")):
            super().format_help(ctx, formatter)

    def invoke(self, context: click.Context) -> Any:
        from experiments.settings import read_settings  # late, so that --help stays fast

        try:
            with speaking(read_settings().language):
                return super().invoke(context)
        except KletteError as error:
            raise Sentence(error.detail) from None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=N_(
        "Klette: A/B testing that follows content where people pass it on.\n\n"
        "Settings come from the environment, with the prefix KLETTE_."
    ),
)
@click.version_option(package_name="klette", prog_name="klette")
def main() -> None:
    """Run a subcommand."""


if __name__ == "__main__":
    main(prog_name="klette")
