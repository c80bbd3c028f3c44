"""The `klette` command: a tuple of subcommands, each imported only when it is called."""

from importlib import import_module
from typing import Any, NamedTuple

import click

from experiments.errors import KletteError
from experiments.translation import speaking


class Command(NamedTuple):
    """A subcommand: its name, the module whose ``command`` it is, and its summary in ``klette --help``."""

    name: str
    module: str
    summary: str


COMMANDS: tuple[Command, ...] = (
    Command("serve", "experiments.commands.serve", "Serve the web pages and the API, and run the analysis worker."),
    Command("worker", "experiments.commands.worker", "Run due analyses, imports and demos."),
    Command("migrate", "experiments.commands.migrate", "Migrate the database to the current schema."),
    Command("demo", "experiments.commands.demo", "Create an example experiment with a simulated audience."),
    Command("import", "experiments.commands.import_files", "Import a finished experiment from CSV files."),
    Command("analyse", "experiments.commands.analyse", "Analyse an experiment now."),
    Command("prior", "experiments.commands.prior", "Learn the prior of lifts from finished experiments."),
    Command("plan", "experiments.commands.plan", "Plan how long a test must run."),
    Command("export", "experiments.commands.export", "Export an analysis: draws, summary, members, report."),
    Command("user", "experiments.commands.user", "Create and list accounts."),
    Command("key", "experiments.commands.key", "Create, list and revoke API keys."),
)


class Sentence(click.ClickException):
    """An error that the user can correct: one line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=file, err=True)


class Commands(click.Group):
    """A group that imports a subcommand's module only when the subcommand is called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return [known.name for known in COMMANDS]

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        modules = {known.name: known.module for known in COMMANDS}
        return import_module(modules[name]).command if name in modules else None

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(known.name, known.summary) for known in COMMANDS])

    def invoke(self, context: click.Context) -> Any:
        from experiments.settings import read_settings  # late, so that --help stays fast

        try:
            with speaking(read_settings().language):
                return super().invoke(context)
        except KletteError as error:
            raise Sentence(error.detail) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="klette", prog_name="klette")
def main() -> None:
    """Klette: A/B testing that follows content where people pass it on.

    Settings come from the environment, with the prefix KLETTE_.
    """


if __name__ == "__main__":
    main(prog_name="klette")
