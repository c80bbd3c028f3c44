"""The sentences of a plan: how long a test must run, what it finds by then, and what would help."""

from collections.abc import Mapping

from experiments.reporting.sentences.template import Template
from experiments.translation import N_

PLANNING: Mapping[str, Template] = {
    # the headline
    "plan.headline.about": N_("Run it for about {days:duration}."),
    "plan.headline.exactly": N_("Run it for {days:duration}."),
    "plan.headline.too_short": N_("Too short: {days:duration}."),
    "plan.headline.within_window": N_("Shorter than the window: {days:duration}."),
    "plan.headline.unreachable": N_("Not within a year."),
    # the reasons
    "plan.reason.found": N_(
        "With {members:count} members a day on {variants:count} variants, a variant that is {lift:threshold} better "
        "is found and shipped in {shipped:of_100} such tests."
    ),
    "plan.reason.found_by": N_(
        "With {members:count} members a day on {variants:count} variants, a variant that is {lift:threshold} better "
        "is found and shipped in {shipped:of_100} such tests; half of the tests end by day {half:number}."
    ),
    "plan.reason.too_short": N_(
        "With {members:count} members a day on {variants:count} variants, a variant that is {lift:threshold} better "
        "would be found and shipped in {shipped:of_100} such tests."
    ),
    "plan.reason.unreachable": N_(
        "With {members:count} members a day on {variants:count} variants, a variant that is {lift:threshold} better "
        "is found and shipped in {shipped:of_100} tests of {days:duration}. "
        "The goal of {wanted:of_100} is not reached within a year."
    ),
    "plan.reason.unreachable_in_a_year": N_(
        "With {members:count} members a day on {variants:count} variants, a variant that is {lift:threshold} better "
        "is found and shipped in {shipped:of_100} tests of a year; the goal is {wanted:of_100}."
    ),
    "plan.reason.takes": N_(
        "Reaching {wanted:of_100} takes {days:duration}; enough members have come after day {enough:count}."
    ),
    "plan.reason.whole_weeks": N_(
        "Enough members have come after {enough:days}; whole weeks cover weekdays and weekends alike."
    ),
    "plan.reason.window": N_(
        "Enough members have come after {enough:days}, but a member's actions count for {window:days}: "
        "a shorter test would end before any member's window."
    ),
    # the window
    "plan.window.unknown": N_("Allow for the window of the members who come last."),
    "plan.window.on_top": N_("Allow {window:days} more for the window of the members who come last."),
    "plan.window.longer": N_(
        "Actions count for a window of {window:days}, so much of what members do would come after the end. "
        "Plan {window:days} or more, or choose a shorter window."
    ),
    # what would help
    "plan.help.lift": N_("Look for a larger lift: {lift:lift} is found within a year."),
    "plan.help.traffic": N_("Bring in more members: about {members:count} a day are enough."),
    "plan.help.variants": N_("Compare fewer variants: with {variants:count}, a year is enough."),
    "plan.help.nothing": N_(
        "No single change is enough: too few members act. "
        "Decide by something that more members do, or show it to many more."
    ),
    # the figures
    "plan.value.count": N_("{number:count}"),
    "plan.value.chance": N_("{chance:chance}"),
    "plan.value.day": N_("day {day:number}"),
    "plan.value.none": N_("–"),
    "plan.members.label": N_("Members in all"),
    "plan.members.explanation": N_(
        "Within {days:duration}, at {a_day:count} a day; {smallest:count} in the smallest variant."
    ),
    "plan.found.label": N_("Finds {lift:threshold} lift"),
    "plan.found.explanation": N_(
        "How often such tests ship the right variant if one is truly {lift:threshold} better and the others are like "
        "the control. Of {tests:count} simulated tests, give or take {error:percent.1}."
    ),
    "plan.false.label": N_("Ships a false winner"),
    "plan.false.explanation": N_(
        "How often a variant is shipped although all are truly alike, looked at every day. "
        "Of {tests:count} simulated tests, give or take {error:percent.1}."
    ),
    "plan.half.label": N_("Half end by"),
    "plan.half.explanation": N_(
        "Half of the tests with a variant that is {lift:threshold} better have ended by then; "
        "a clear result comes early."
    ),
    "plan.decisive.label": N_("Ends with a verdict"),
    "plan.decisive.explanation": N_(
        "The assurance: how often such a test reaches a verdict in time, whatever is true. "
        "The true lifts are drawn from the prior “{prior}”."
    ),
    "plan.detectable.lift": N_(
        "The smallest lift found in {wanted:of_100} tests of {days:duration}: {lift:percent.1}."
    ),
    "plan.detectable.none": N_("No lift at all is found in {wanted:of_100} tests of {days:duration}."),
    # what is announced
    "plan.announced.title": N_("If lifts follow the prior “{prior}”"),
    "plan.announced.nothing": N_("No simulated test ships a variant."),
    "plan.announced.fair": N_(
        "A shipped variant is announced with {announced:lift} on average and truly has {true:lift}, "
        "so the announced lift is fair."
    ),
    "plan.announced.exaggerated": N_(
        "A shipped variant is announced with {announced:lift} on average but truly has {true:lift}, "
        "so the announced lift is exaggerated."
    ),
    # a plan in the editor
    "plan.copied.rate": N_(
        "Copied from your plan: {days:days}, {variants:count} variants with their split, the window, the members "
        "before a verdict and the loss that would not matter. The plan assumes {base:plain_percent} in the control and "
        "{members:count} members a day; it finds a lift of {lift:plain_percent} in {shipped:of_100} such tests."
    ),
    "plan.copied.amount": N_(
        "Copied from your plan: {days:days}, {variants:count} variants with their split, the window, the members "
        "before a verdict and the loss that would not matter. The plan assumes {base:number} per member in the control "
        "and {members:count} members a day; it finds a lift of {lift:plain_percent} in {shipped:of_100} such tests."
    ),
    "plan.copied.choose_metric": N_("Choose the metric of this base below."),
}
