"""A stored result becomes words in one place, whatever part of it holds messages."""

import json

from analysis.messages import message
from experiments.analyses.answer import Answer
from experiments.analyses.serialise import finite
from experiments.definition.variant_names import labels
from experiments.reporting.sentences.wording import Wording
from experiments.reporting.worded import Reading, wording
from tests.experiments.analyses.documents import RATES, answered

NAMES = {"a": "A", "b": "Pack light"}
TEMPLATES = {
    "test.leads": "{variant:variant} leads by {metric:metric}.",
    "test.both": "{parts:list}: {variant:letter}.",
}


def test_messages_survive_storage_and_become_sentences():
    said = message("test.both", parts=(message("test.leads", variant="b", metric="click_rate"), "x"), variant="b")
    stored = json.loads(json.dumps(finite({"verdict": {"reason": said, "more": [said]}, "metrics": []})))
    document = Wording(labels(NAMES), {"click_rate": "click rate"}, sentences=TEMPLATES).worded(stored)
    sentence = "B “Pack light” leads by click rate. and x: B."
    assert document["verdict"] == {"reason": sentence, "more": [sentence]}


def test_a_reading_has_the_document_in_words_and_its_metrics_by_their_nouns():
    stored = answered({"click_rate": RATES})
    answer = Answer.from_dict(stored)
    reading = Reading(answer, wording(answer, NAMES))
    assert reading.wording.metrics["click_rate"] == "click rate"
    document = reading.document
    assert document["verdict"]["headline"] == reading.text(answer.verdict.headline)
    assert document["metrics"][0]["variants"] == stored["metrics"][0]["variants"]
    assert document["answer"] == stored["answer"]
