"""The sentences of the verdict, of its figures and of its guardrails."""

from collections.abc import Mapping

from experiments.reporting.sentences.template import Template, plural
from experiments.translation import N_

VERDICT: Mapping[str, Template] = {
    # Headlines
    "verdict.ship": N_("Ship {variant:variant}."),
    "verdict.keep_running": N_("Keep running."),
    "verdict.keep_running_days": plural(
        "Keep running, about {days:count} more day.", "Keep running, about {days:count} more days.", "days"
    ),
    "verdict.no_difference": N_("No difference worth having."),
    "verdict.stop_harm": plural("Stop: {variants:variants} does harm.", "Stop: {variants:variants} do harm.", "count"),
    "verdict.not_enough": N_("Not enough data."),
    "verdict.not_enough_yet": N_("Not enough data yet."),
    "verdict.not_enough_days": plural(
        "Not enough data yet, about {days:count} more day.",
        "Not enough data yet, about {days:count} more days.",
        "days",
    ),
    "verdict.ended_undecided": N_("It ended without a clear winner."),
    "verdict.untrusted": N_("Do not trust this test."),
    # Too little data
    "verdict.few_members": plural(
        "{variant:variant} has {members:count} member; a verdict needs at least {needed:count} per variant.",
        "{variant:variant} has {members:count} members; a verdict needs at least {needed:count} per variant.",
        "members",
    ),
    "verdict.none_yet": plural(
        "No {metric:metric} among {members:count} member.",
        "No {metric:metric} among {members:count} members.",
        "members",
    ),
    "verdict.control_near_zero": N_("Too few outcomes in the control group to compare the variants."),
    "verdict.too_short": N_(
        "The test ran for {elapsed_days:length}; a verdict needs at least {needed_days:length}, because days differ."
    ),
    "verdict.when_unknown": N_("It is too early to estimate the remaining days."),
    # Harm
    "verdict.breaks_guardrail": N_(
        "{variant:variant} worsens {metric:metric} compared with {control:variant}, by more than chance explains."
    ),
    "verdict.all_worse": plural(
        "{variants:variants} does clearly worse than {control:variant}, so there is nothing to gain from showing it.",
        "{variants:variants} do clearly worse than {control:variant}, so there is nothing to gain from showing them.",
        "count",
    ),
    # Ship
    "verdict.better": N_("{variant:variant} does better than {control:variant}."),
    "verdict.better_by": N_(
        "{variant:variant} does better than {control:variant} by {lift:lift} ({interval:lift_interval})."
    ),
    "verdict.proven_once": N_("The lead is larger than chance explains."),
    "verdict.proven_daily": N_("The lead is proven, even with daily looks."),
    "verdict.small_loss": N_(
        "Expected loss if you ship {variant:variant}: under {accepted:threshold} of the control’s {metric:metric}."
    ),
    "verdict.small_loss_signed": N_(
        "Expected loss if you ship {variant:variant}: under {accepted:threshold} of the largest plausible "
        "{metric:metric}."
    ),
    "verdict.also_breaks": N_("{variant:variant} worsens {metric:metric}: another reason to end the test."),
    "verdict.guardrail_unknown": N_("The guardrail {metric:metric} could not be judged: {reason}"),
    # No difference
    "verdict.all_alike": N_("Each variant is almost certainly within {rope:threshold} of {control:variant}."),
    "verdict.gain_unlikely": N_(
        "It is unlikely that any variant gains more than {caring:threshold} over {control:variant}."
    ),
    "verdict.gain_left": N_(
        "The chance that any variant gains more than {caring:threshold} over {control:variant} is {chance:chance}, "
        "which daily looks do not exclude yet."
    ),
    "verdict.gain_left_once": N_(
        "The chance that any variant gains more than {caring:threshold} over {control:variant} is {chance:chance}, "
        "which the data do not exclude."
    ),
    # Undecided
    "verdict.leads": N_("{variant:variant} leads; its chance of being best is {chance:chance}."),
    "verdict.leads_more_per_100": N_(
        "{variant:variant} leads with about {size:small} more per 100 members than {control:variant}; its chance of "
        "being best is {chance:chance}."
    ),
    "verdict.leads_fewer_per_100": N_(
        "{variant:variant} leads with about {size:small} fewer per 100 members than {control:variant}; its chance of "
        "being best is {chance:chance}."
    ),
    "verdict.leads_more_per_member": N_(
        "{variant:variant} leads with about {size:small} more per member than {control:variant}; its chance of being "
        "best is {chance:chance}."
    ),
    "verdict.leads_less_per_member": N_(
        "{variant:variant} leads with about {size:small} less per member than {control:variant}; its chance of being "
        "best is {chance:chance}."
    ),
    "verdict.control_leads": N_(
        "{variant:variant} leads; its chance of being best is {chance:chance}. No new variant beats it."
    ),
    "verdict.another_may_be_better": N_(
        "{variant:variant} does better than {control:variant}, but another variant may be better still."
    ),
    "verdict.leads_but_doubted": N_(
        "{variant:variant} leads but probably worsens {metric:metric}, so it is not safe to ship."
    ),
    "verdict.plan_over": N_("The planned time is over."),
    "verdict.good_sign": N_("A good sign, but not proven: chance alone could explain it."),
    "verdict.good_sign_daily": N_("A good sign, but not proven: with daily looks, chance alone could explain it."),
    "verdict.hint": N_("A hint, but not proven: chance alone could explain it."),
    "verdict.hint_daily": N_("A hint, but not proven: with daily looks, chance alone could explain it."),
    "verdict.retest": N_("To be sure, test it again with more members."),
    # The remaining days
    "verdict.result_by_day": N_("At this pace, a clear result is more likely than not by day {day:count}."),
    "verdict.result_by_day_planned": N_(
        "At this pace, a clear result is more likely than not by day {day:count} of the {planned:count} planned."
    ),
    "verdict.result_at_end": N_("At this pace, the result comes at the end of the plan, day {day:count}."),
    "verdict.pace_unknown": N_("No data has arrived, so the remaining days can’t be estimated."),
    "verdict.no_lead": N_("No variant leads the control, so the remaining days can’t be estimated."),
    "verdict.leaders_too_alike": N_(
        "The leading variants are too alike to choose between, so the remaining days can’t be estimated."
    ),
    "verdict.beyond_horizon": N_("At this pace, proving the lead would take more than {days:count} days."),
    # Figures
    "verdict.chance_best": N_("Chance {variant:variant} is best"),
    "verdict.chance": N_("{chance:chance}"),
    "verdict.chance_best_explained": N_("The probability, given all data, that no other variant is truly better."),
    "verdict.loss_if_wrong": N_("Loss if wrong"),
    "verdict.no_loss": N_("almost nothing"),
    "verdict.loss_in_100_members": N_("{loss:in_100_members}"),
    "verdict.loss_per_member": N_("{loss:per_member}"),
    "verdict.loss_if_wrong_explained": N_("The average loss in the cases in which another variant is truly better."),
    # Guardrails
    "guardrail.too_early": N_("Too little data for a judgement."),
    "guardrail.untrusted": N_("A health check failed, so nothing is judged."),
    "guardrail.no_spread": N_("The figures have no spread yet, so they can’t be compared."),
}
"""Every sentence about a decision, by the code that `analysis.decision` gives it."""
