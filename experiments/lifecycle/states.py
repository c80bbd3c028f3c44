"""The states of an experiment and the actions that are possible in each."""

POSSIBLE: dict[str, tuple[str, ...]] = {
    "draft": ("launch", "archive"),
    "scheduled": ("launch", "pause", "stop"),
    "running": ("pause", "stop", "ship"),
    "paused": ("resume", "stop", "ship"),
    "stopped": ("ship", "archive"),
    "archived": (),
}
"""What can be done in each state."""
