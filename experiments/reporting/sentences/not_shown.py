"""Why a result is missing: the sentences of `analysis.errors.not_shown`, by the code of the message."""

from collections.abc import Mapping

from experiments.reporting.sentences.template import Template, plural
from experiments.translation import N_

NOT_SHOWN: Mapping[str, Template] = {
    # Data that the analysis refuses, by the code of the error
    "not_shown.refused.bad_statistics": N_("The totals of this metric contradict each other, so it can't be analysed."),
    "not_shown.refused.cannot_add": N_("The data of this metric can't be added up, so it can't be analysed."),
    "not_shown.refused.unknown_variant": N_("A variant has no data to compare with."),
    "not_shown.refused.too_few_variants": N_("Fewer than 2 variants have data, so there is nothing to compare."),
    "not_shown.refused.mixed_kinds": N_("The variants were measured in different ways, so they can't be compared."),
    "not_shown.refused.unknown_model": N_("No model is available for this metric."),
    "not_shown.refused.unknown_prior": N_("The prior of this analysis does not exist."),
    "not_shown.refused.bad_prior": N_("The prior of this analysis is not valid."),
    "not_shown.refused.bad_rules": N_("The rules of this analysis are not valid."),
    "not_shown.refused.bad_request": N_("The data is outside the limits of the model, so it can't be analysed."),
    "not_shown.of_variant": N_("{variant:letter}: {reason}"),
    # Members and outcomes
    "not_shown.no_members": N_("No member has seen it yet."),
    "not_shown.no_members.variants": N_("No members yet in {variants:letters}."),
    "not_shown.no_members.spread": N_("A spread needs at least 2 members; {variant:letter} has {members:count}."),
    "not_shown.nobody_yet": N_("No member has done it yet."),
    "not_shown.all_zero": N_("No member has a value above 0 yet, so there is nothing to compare."),
    "not_shown.no_spread": N_("Every member has the same value, so there is no spread to judge chance by."),
    "not_shown.no_spread.variant": N_("Every member of {variant:letter} has the same value, so there is no spread."),
    "not_shown.no_spread.amounts": N_("All amounts in {variant:letter} are the same, so there is no spread."),
    "not_shown.few_carriers": plural(
        "{carriers:count} of the {members:count} members of {variant:letter} has a value; an interval is shown from "
        "{fewest:count} on.",
        "{carriers:count} of the {members:count} members of {variant:letter} have a value; an interval is shown from "
        "{fewest:count} on.",
        "carriers",
    ),
    "not_shown.no_denominator": N_(
        "In {variants:letters} no member has anything to divide by yet, so there is no ratio."
    ),
    "not_shown.denominator_near_zero": N_(
        "Too few members of {variant:letter} have something to divide by, so the ratio has no bounds yet."
    ),
    "not_shown.no_cost": N_("No cost is declared for {variants:letters}, so there is no return on cost."),
    # Covariates and adaptive traffic splits
    "not_shown.covariate_without_spread": N_(
        "The covariate is the same for every member, so it explains nothing. The figures are not adjusted."
    ),
    "not_shown.shares_moved.adjusted": N_(
        "The traffic split changed during the test, so figures are compared within each step and not adjusted."
    ),
    "not_shown.shares_moved.segments": N_(
        "The traffic split changed during the test, and the segments couldn't be compared within each step."
    ),
    "not_shown.no_posterior": N_("The traffic split stays as it is: there is no chance to be best yet."),
    "not_shown.no_posterior.because": N_("The traffic split stays as it is. {reason}"),
    "not_shown.not_running": N_("The test is not running, so no new members are assigned."),
    "not_shown.health": N_("The traffic split stays as it is until the data can be trusted. {check}"),
    "not_shown.too_few_members": plural(
        "{variant:letter} has {members:count} member; the traffic split changes from {fewest:count} members of each "
        "variant on.",
        "{variant:letter} has {members:count} members; the traffic split changes from {fewest:count} members of each "
        "variant on.",
        "members",
    ),
    # Sampled models
    "not_shown.later": N_("This takes a slower model. The next full analysis includes it."),
    "not_shown.fit_failed": N_("The model couldn't be fitted this time ({error})."),
    "not_shown.fit_not_trusted": N_("The fit didn't pass its diagnostics, so it is not shown. {reasons:sentences}"),
    "not_shown.not_asked.sampler": N_("It needs a sampler, which was switched off."),
    "not_shown.no_draws": N_("There is nothing to draw from."),
    "not_shown.no_fit": N_("Its fit didn't pass its diagnostics."),
    "not_shown.curves_only": N_("Its model gives curves, not draws of a mean."),
    # Segments
    "not_shown.no_cells": N_("Segments are shown for metrics that are a share of members, once there are members."),
    "not_shown.one_level": N_("All members are in one segment, so there is nothing to compare."),
    "not_shown.all_equal": N_("So far either no member or every member did it, so segments can't be compared."),
    # Purchases and counts
    "not_shown.too_few_amounts": plural(
        "{buyers:count} member of {variant:letter} has an amount; the split is shown from {fewest:count} in each "
        "variant on.",
        "{buyers:count} members of {variant:letter} have an amount; the split is shown from {fewest:count} in each "
        "variant on.",
        "buyers",
    ),
    "not_shown.cut_amounts": N_(
        "{share:percent.1} of the amounts in {variant:letter} were cut at {cap:money}, more than {most:percent}, so "
        "their distribution is not known."
    ),
    "not_shown.fits_no_family.amounts": N_(
        "The amounts follow neither a log-normal nor a gamma distribution, so the split is not shown. {check}"
    ),
    "not_shown.fits_no_family.counts": N_("The counts do not follow a negative binomial distribution. {check}"),
    "not_shown.beyond_the_first": plural(
        "How unevenly members act is computed for the first count of an experiment. List this metric earlier to see "
        "it.",
        "How unevenly members act is computed for the first {most:count} counts of an experiment. List this metric "
        "earlier to see it.",
        "most",
    ),
    "not_shown.too_few_counts": N_(
        "{active:count} of {members:count} members of {variant:letter} did it; how unevenly is shown from "
        "{fewest:count} on."
    ),
    "not_shown.too_many_times": N_(
        "A member of {variant:letter} did it {times:count} times, more than {most:count}. Exclude bots first."
    ),
    # Retention
    "not_shown.no_later_day": N_("A window of one day has no later day to return on. Choose 2 days or more."),
    "not_shown.nobody_mature": N_("No member's {days:count} days are over yet."),
    "not_shown.nobody_seen": N_("No member has been observed for a whole later day yet."),
    "not_shown.nobody_returned": plural(
        "The one member whose window has ended didn't return.",
        "None of the {members:count} members whose window has ended returned.",
        "members",
    ),
    "not_shown.too_few_returns": plural(
        "Only {returned:count} member returned; a half-life is shown from {fewest:count} on.",
        "Only {returned:count} members returned; a half-life is shown from {fewest:count} on.",
        "returned",
    ),
    "not_shown.not_asked.tail": N_("The days after the window were not computed."),
    "not_shown.window_too_short": plural(
        "A window of {days:count} day is too short to forecast the days after it; {fewest:count} or more are needed.",
        "A window of {days:count} days is too short to forecast the days after it; {fewest:count} or more are needed.",
        "days",
    ),
    "not_shown.too_few_returns.tail": plural(
        "{returned:count} member whose window has ended returned; the days after it are shown from {fewest:count} on.",
        "{returned:count} members whose window has ended returned; the days after it are shown from {fewest:count} on.",
        "returned",
    ),
    "not_shown.contradicted.stopped_sooner": N_(
        "Members stopped returning sooner than the model allows: it expects {expected:percent.1} of them on day "
        "{day:count} or later, and {observed:percent.1} returned."
    ),
    "not_shown.contradicted.kept_coming": N_(
        "Members kept returning longer than the model allows: it expects {expected:percent.1} of them on day "
        "{day:count} or later, and {observed:percent.1} returned."
    ),
    # Word of mouth
    "not_shown.near_one": N_(
        "The chance that a member brings more than {limit:number} others is {chance:chance}; so close to 1, the reach "
        "has no upper bound."
    ),
    "not_shown.too_young": plural(
        "No member has had the whole {days:count} day to bring others yet.",
        "No member has had the whole {days:count} days to bring others yet.",
        "days",
    ),
    "not_shown.nobody_brought": plural(
        "The one member hasn't brought another yet.",
        "None of the {members:count} members has brought another yet.",
        "members",
    ),
    "not_shown.contradicted.word_of_mouth": N_(
        "The model of sharing doesn't fit the data, and too few members have had their whole window to do without it. "
        "{check}"
    ),
    # Priors learned from finished experiments
    "not_shown.too_little_history": plural(
        "There is {tests:count} finished experiment to learn from; at least {fewest:count} are needed.",
        "There are {tests:count} finished experiments to learn from; at least {fewest:count} are needed.",
        "tests",
    ),
}
