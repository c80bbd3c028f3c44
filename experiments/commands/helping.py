"""Commands whose help is in the language in use: texts are marked where they are declared, translated when printed."""

import click

from experiments.translation import N_, gettext

CLICK_HELP = (N_("Show this message and exit."), N_("Show the version and exit."))
"""The help of the options that click adds."""


class Command(click.Command):
    """A command; its ``help`` and that of its options are texts marked with `N_`."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        prefix = gettext("Usage:")
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), f"{prefix} ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_translated(self.help))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = [_record(option, ctx) for option in self.get_params(ctx) if isinstance(option, click.Option)]
        with formatter.section(gettext("Options")):
            formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class Group(Command, click.Group):
    """A command with subcommands."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(gettext("Commands")):
            formatter.write_dl(self.summaries())

    def summaries(self) -> list[tuple[str, str]]:
        """Return the subcommands, each with one sentence."""
        return [(name, _translated(command.help)) for name, command in sorted(self.commands.items())]


def _translated(text: str | None) -> str:
    return gettext(text) if text else ""


def _record(option: click.Option, context: click.Context) -> tuple[str, str]:
    """Return an option as written and its meaning, followed by its default and its range."""
    extra = option.get_help_extra(context)
    notes = []
    if "default" in extra:
        notes.append(gettext("default: {default}").format(default=extra["default"]))
    if "range" in extra:
        notes.append(extra["range"])
    if "required" in extra:
        notes.append(gettext("required"))
    record = option.get_help_record(context)
    written, text = record[0] if record else "", _translated(option.help)
    return written, f"{text}  [{'; '.join(notes)}]" if notes else text
