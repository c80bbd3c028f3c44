"""The sentences of the verdict: every one in a snapshot, and each is complete."""

from string import Formatter

from analysis.messages import Message
from experiments.reporting.sentences.template import Plural
from experiments.reporting.sentences.verdict import VERDICT
from experiments.reporting.sentences.wording import Wording
from tests.snapshots import matches

WORDING = Wording(
    variants={"a": "A “New season”", "b": "B “Meet the makers”", "c": "C “Only today”"},
    metrics={"negative_rate": "complaints"},
)
SAMPLES = {
    "variant": "b",
    "control": "a",
    "metric": "negative_rate",
    "reason": "No member was counted.",
    "members": 1204,
    "needed": 100,
    "days": 3,
    "day": 12,
    "planned": 14,
    "elapsed_days": 0.25,
    "needed_days": 1.0,
    "chance": 0.934,
    "size": 2.14,
    "lift": 0.184,
    "interval": (0.05, 0.32),
    "loss": 0.0031,
    "accepted": 0.01,
    "caring": 0.01,
    "rope": 0.01,
}
FORMS = {
    "count": ({"count": 1, "variants": ("b",)}, {"count": 2, "variants": ("b", "c")}),
    "days": ({"days": 1}, {"days": 3}),
    "members": ({"members": 1}, {"members": 1204}),
}


def sentences():
    for code, template in VERDICT.items():
        forms = FORMS[template.by] if isinstance(template, Plural) else ({},)
        for form in forms:
            yield code, WORDING.text(Message(code, SAMPLES | form))


def test_every_sentence_reads_well():
    matches("experiments/reporting/sentences/verdict", "\n".join(f"{code}: {text}" for code, text in sentences()))


def test_both_forms_of_a_plural_take_the_same_parameters():
    for template in VERDICT.values():
        if isinstance(template, Plural):
            one, many = ({name for _, name, _, _ in Formatter().parse(text)} for text in template[:2])
            assert one == many
