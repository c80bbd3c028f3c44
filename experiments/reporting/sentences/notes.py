"""What a reader has to know beside a result: notes, missing lifts, diagnostics and predictive checks."""

from collections.abc import Mapping

from experiments.reporting.sentences.template import Template, plural
from experiments.translation import N_

NOTES: Mapping[str, Template] = {
    # Why there is no lift
    "lift.control_near_zero": N_("The control is so close to 0 that a relative lift has no bounds."),
    "lift.signed": N_("This can be above or below 0, so only the difference has a meaning."),
    # Results of a part of the data
    "note.amounts_cut": plural(
        "{amounts:count} amount was cut at {cap:money}; the mean per buyer includes the cut.",
        "{amounts:count} amounts were cut at {cap:money}; the mean per buyer includes the cut.",
        "amounts",
    ),
    "note.levels_merged": plural(
        "There were too many combinations, so {levels:count} rare level is shown as “{others}”.",
        "There were too many combinations, so {levels:count} rare levels are shown together as “{others}”.",
        "levels",
    ),
    "note.complete_members_only": N_(
        "The model of sharing doesn't fit the data, so only members whose window has ended are included; newer "
        "members may differ. {check}"
    ),
    # Adaptive traffic splits
    "note.adaptive_shares": N_(
        "New members were assigned to the better variants, which biases the figures a little: the mean of a variant "
        "that started badly is up to 1.5 % too low with a floor of 5 % (2 to 5 % without one), and 95 % intervals hold "
        "the truth in 92 to 95 of 100 cases. Scorecard and segments are compared within each step of the split."
    ),
    "stratified.blocks": N_(
        "Variants are compared within each of {blocks:count} blocks ({column}), and the blocks weighted by their "
        "members; blocks with too few members of a variant are joined."
    ),
    "stratified.blocks_joined": N_(
        "The blocks ({column}) have too few members of each variant to compare within them, so the figures are not "
        "adjusted for blocks: the intervals are wider than those of a paired analysis."
    ),
    "stratified.steps": N_(
        "The traffic split changed during the test, so variants are compared within each of {steps:count} steps, and "
        "the steps weighted by their members."
    ),
    "stratified.steps_joined": N_(
        "The traffic split changed during the test, so variants are compared within each of {steps:count} steps, and "
        "the steps weighted by their members. {joined:sentences}"
    ),
    "stratified.joined": N_("Steps {steps:list} count as one, because a variant had too few members in one of them."),
    "stratified.all_merged": N_(
        "The traffic split changed during the test, but a variant had too few members in some steps, so all steps "
        "count as one. If members behaved differently in between, the comparison is biased."
    ),
    # Diagnostics of a sampled fit
    "diagnostics.not_finite": N_("Some draws are not finite numbers."),
    "diagnostics.did_not_move": N_("The sampler did not move."),
    "diagnostics.rhat": N_("The chains disagree: R-hat is {rhat:.3f}, at most {limit:number} passes."),
    "diagnostics.ess": N_("Too few independent draws: ESS is {ess:.0f}, at least {limit:.0f} are needed."),
    "diagnostics.divergences": plural(
        "{divergences:count} divergent transition in {draws:count} draws.",
        "{divergences:count} divergent transitions in {draws:count} draws.",
        "divergences",
    ),
    # Predictive checks: what was observed beside what the model expects
    "check.range": N_("{name}: {observed:figure} observed, {low:figure} to {high:figure} expected."),
    "check.at_most": N_("{name}: {observed:figure} observed, at most {high:figure} expected."),
    "check.share_without": N_("Share of members of {variant:letter} who never did it"),
    "check.variance": N_("Variance over the members of {variant:letter}"),
    "check.brought_most": N_("Brought by one member of {variant:letter} at most"),
    "check.brought_complete": N_("Brought by members of {variant:letter} whose window has ended"),
    "check.brought_younger": N_("Brought by younger members of {variant:letter}"),
    "check.log_normal_mean": N_("Mean amount of buyers in {variant:letter}, relative to the log-normal curve"),
    "check.log_normal_square": N_(
        "Mean squared amount of buyers in {variant:letter}, relative to the log-normal curve"
    ),
    "check.gamma_spread": N_("Spread of log amounts of buyers in {variant:letter}, relative to the gamma curve"),
    "check.gamma_square": N_("Mean squared amount of buyers in {variant:letter}, relative to the gamma curve"),
}
