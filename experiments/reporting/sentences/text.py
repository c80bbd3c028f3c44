"""Sentences one after another, for a message that is made of several."""

from collections.abc import Mapping

from experiments.reporting.sentences.template import Template

TEXT: Mapping[str, Template] = {"sentences": "{parts:sentences}"}
"""The code of a message whose parameter `parts` holds other messages, in reading order."""
