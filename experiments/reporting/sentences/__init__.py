"""The sentences of every message that the statistics return: one file a subject, one visible tuple."""

from collections.abc import Mapping

from experiments.reporting.sentences.health import HEALTH
from experiments.reporting.sentences.not_shown import NOT_SHOWN
from experiments.reporting.sentences.notes import NOTES
from experiments.reporting.sentences.planning import PLANNING
from experiments.reporting.sentences.priors import PRIORS
from experiments.reporting.sentences.template import Template
from experiments.reporting.sentences.text import TEXT
from experiments.reporting.sentences.verdict import VERDICT

SUBJECTS: tuple[Mapping[str, Template], ...] = (TEXT, VERDICT, HEALTH, NOT_SHOWN, NOTES, PLANNING, PRIORS)
"""A mapping of code to template for each subject; see `template` for what a template may hold."""

SENTENCES: Mapping[str, Template] = {code: template for subject in SUBJECTS for code, template in subject.items()}
