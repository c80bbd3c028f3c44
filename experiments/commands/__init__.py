"""The subcommands of `klette`, a module each; the tuple in ``experiments/cli.py`` lists them."""
