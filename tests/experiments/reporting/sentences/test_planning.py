"""The words of a plan."""

from dataclasses import replace

import pytest

from analysis import Audience, NamedPrior, Rules, plan
from analysis.planning.plan import Help
from analysis.planning.summary import smallest_lift
from experiments.reporting.plan import CopiedPlan, copied_in_words, plan_in_words
from experiments.reporting.sentences.wording import Wording
from tests.snapshots import matches

SHOP = Audience(0.05, 2000)
RULES = Rules(lift_prior=NamedPrior("sceptical", (("sd", 0.1),), "Small lifts."))


@pytest.fixture(scope="module")
def plans():
    """One plan for each sentence."""
    found = plan(SHOP, 0.1, rules=RULES)
    helps = (Help("lift", 0.23), Help("traffic", 1234.0), Help("variants", 2.0))
    unreachable = replace(found, outcome="unreachable", helps=helps)
    undecided, prior = replace(found.with_lift, median_days=None), found.by_prior
    return {
        "whole weeks": found,
        "to the day": replace(found, enough_days=35, window_days=7),
        "undecided at the end": replace(found, with_lift=undecided),
        "for the window": replace(found, enough_days=3, planned_days=14, window_days=10),
        "too short": plan(SHOP, 0.1, rules=RULES, planned_days=10, window_days=7),
        "shorter than the window": replace(found, window_days=60),
        "unreachable": replace(unreachable, planned_days=364),
        "unreachable, given days": replace(unreachable, planned_days=14, helps=()),
        "exaggerated": replace(found, by_prior=replace(prior, announced_lift=0.30, true_lift=0.20)),
        "nothing shipped": replace(found, by_prior=replace(prior, announced_lift=None, true_lift=None)),
    }


def test_the_words_of_every_plan(plans):
    blocks = []
    for name, made in plans.items():
        words = plan_in_words(made)
        lines = [words.headline, words.reason, words.window, *(f"- {sentence}" for sentence in words.helps)]
        lines += [f"{figure.label}: {figure.value}. {figure.explanation}" for figure in words.figures]
        lines += [f"{words.prior}: {words.announced}"]
        lines += [Wording().text(smallest_lift(made, lift)) for lift in (0.092, None)]
        # What several plans say stands in the snapshot once.
        blocks += [name, *(f"    {line}" for line in lines if line and f"    {line}" not in blocks)]
    copied = CopiedPlan(0.05, True, True, 21, 3, 4000, 0.2, 0.81)
    blocks.append(copied_in_words(copied))
    blocks.append(copied_in_words(copied._replace(base=12.5, rate=False, metric_known=False)))
    matches("experiments/reporting/sentences/planning", "\n".join(blocks))
