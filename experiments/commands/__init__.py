"""The subcommands of `klette`, a module each; the tuple in ``experiments/commands/cli.py`` lists them."""
