"""A stored result becomes words in one place, whatever part of it holds messages."""

import json

from analysis.messages import message
from experiments.analyses.serialise import finite
from experiments.reporting.sentences.wording import Wording
from experiments.reporting.worded import worded, wording

NAMES = [["a", "A"], ["b", "B “Pack light”"]]
TEMPLATES = {
    "test.leads": "{variant:variant} leads by {metric:metric}.",
    "test.both": "{parts:list}: {variant:letter}.",
}


def test_messages_survive_storage_and_become_sentences():
    said = message("test.both", parts=(message("test.leads", variant="b", metric="click_rate"), "x"), variant="b")
    stored = json.loads(json.dumps(finite({"verdict": {"reason": said, "more": [said]}, "metrics": []})))
    how = wording(stored, NAMES)
    document = Wording(how.variants, how.metrics, sentences=TEMPLATES).worded(stored)
    sentence = "B “Pack light” leads by click rate. and x: B."
    assert document["verdict"] == {"reason": sentence, "more": [sentence]}


def test_what_holds_no_message_stays_as_it_is():
    stored = {
        "verdict": {"reason": "Ship B.", "more_days": None},
        "metrics": [{"metric": "click_rate", "name": "Clicks"}],
    }
    assert worded(stored, NAMES) == stored
    assert wording(stored, NAMES).metrics["click_rate"] == "clicks"
