"""The reason of each prior, what a learned one was fitted to, and which experiments it could not use."""

from collections.abc import Mapping

from experiments.reporting.sentences.template import Template, plural
from experiments.translation import N_

PRIORS: Mapping[str, Template] = {
    "prior.flat_beta": N_(
        "Every rate from 0 to 100 % is equally likely, so the rates shown are those of the data. The verdict's prior "
        "on the lift protects against lucky streaks, not this one."
    ),
    "prior.weak_amount": N_(
        "The mean per member comes from the data alone. Until 10 members of a variant have an amount, its spread is "
        "partly pooled over all variants, because the spread of a few purchases is usually too small."
    ),
    "prior.weak_count": N_(
        "The mean per member comes from the data alone. Until 10 members of a variant did it, its spread is partly "
        "pooled over all variants, because the spread of a few counts is usually too small."
    ),
    "prior.weak_ratio": N_(
        "The ratio comes from the data alone. Until 10 members of a variant have something to divide by, its spread is "
        "partly pooled over all variants, because the spread of a few members is usually too small."
    ),
    "prior.weak_adjusted": N_(
        "The adjusted mean comes from the data alone. Until a variant has the weight of 10 equal outcomes, its spread "
        "is partly pooled over all variants, because the spread of a few outcomes is usually too small."
    ),
    "prior.weak_value": N_(
        "The value per member comes from the data alone. Until a variant has the weight of 10 equal members, its "
        "spread is partly pooled over all variants, because the spread of a few members is usually too small."
    ),
    "prior.content": N_(
        "Fitted to {tests:count} headline tests of the Upworthy archive ({variants:count} variants, {members:count} "
        "views). In half of the tests, two thirds of the variants truly lie within {within:percent} of the "
        "test's centre; in 9 of 10 tests within {widest:percent}. A bigger lead among few members is mostly luck."
    ),
    "prior.sceptical": N_(
        "Two thirds of real changes move the result by less than 10 %. Headlines in the Upworthy tests differ three "
        "times as much, so use this for small changes to something that already works: a big lead among few members "
        "counts for little."
    ),
    "prior.learned": N_(
        "Fitted to {tests:count} finished experiments with {variants:count} variants and {members:count} members: two "
        "thirds of the variants truly lie within {within:percent} of the test's centre."
    ),
    "prior.learned_varies": N_(
        "Fitted to {tests:count} finished experiments with {variants:count} variants and {members:count} members. In "
        "half of the tests, two thirds of the variants truly lie within {within:percent} of the test's centre; in 9 of "
        "10 tests within {widest:percent}."
    ),
    "prior.widened": N_(
        "These variants differ more than the prior expects, so its spread was widened and they are pooled less. "
        "Otherwise it is the prior “{prior}”: {reason}"
    ),
    "prior.segment_weak": N_(
        "On the log-odds scale, a rate can be almost anything, segments differ by up to several times, and a variant "
        "works alike in most segments unless the data say otherwise, so small groups are drawn towards the whole."
    ),
    "prior.weak_return": N_(
        "It counts as two members: one who never returned, and one who returned on an unknown day. That is little "
        "beside any audience, and a day without a return doesn't count as impossible."
    ),
    "prior.retention_weak": N_(
        "The share who leave before the first day, and the chance that a member who stays is active on a day, can be "
        "almost anything. Members differ in how soon they leave by anything from little to a great deal."
    ),
    "prior.word_of_mouth": N_(
        "A member brings between 0.02 and 5 others on average, and few members bring most of them, as in many kinds of "
        "contagion (Lloyd-Smith et al. 2005). The delay is worth two members and is more likely short; of a day that "
        "is not over, about half has passed."
    ),
    "prior.hurdle_weak": N_(
        "Any share of buyers is equally likely, the level and spread of amounts can be almost anything, and the mean "
        "per buyer differs between variants by less than threefold, so a few purchases don't decide it."
    ),
    "prior.negative_binomial_weak": N_(
        "The mean and the unevenness among members can be almost anything. Variants differ in the first by less than "
        "threefold and in the second by little, unless the data say otherwise."
    ),
    # Which spread between variants predicts held-out tests better
    "families.normal": N_("A Normal spread predicts held-out tests as well as heavier tails do."),
    "families.student_t": N_(
        "A spread with heavier tails (Student-t) predicts held-out tests better than the Normal one, by {ahead:.1f} ± "
        "{error:.1f} in log likelihood. The prior stays Normal, which shrinks far leads more."
    ),
    "families.student_t_varying": N_(
        "A spread with heavier tails (Student-t) predicts held-out tests best, ahead of the Normal one by {ahead:.1f} "
        "± {error:.1f} in log likelihood. The prior's spread varies from test to test, which does better as well."
    ),
    "families.varying": N_(
        "A spread that varies from test to test predicts held-out tests better than the Normal one, by {ahead:.1f} ± "
        "{error:.1f} in log likelihood, so the prior varies too."
    ),
    # Finished experiments that a learned prior could not use
    "left_out.never_analysed": plural(
        "Left out: {experiments:count} experiment that was never analysed.",
        "Left out: {experiments:count} experiments that were never analysed.",
        "experiments",
    ),
    "left_out.health_check_failed": plural(
        "Left out: {experiments:count} experiment with a failed health check.",
        "Left out: {experiments:count} experiments with a failed health check.",
        "experiments",
    ),
    "left_out.primary_metric_no_share": plural(
        "Left out: {experiments:count} experiment whose primary metric is not a share of members.",
        "Left out: {experiments:count} experiments whose primary metric is not a share of members.",
        "experiments",
    ),
    "left_out.shares_moved": plural(
        "Left out: {experiments:count} experiment whose traffic split changed during the test.",
        "Left out: {experiments:count} experiments whose traffic split changed during the test.",
        "experiments",
    ),
    "left_out.too_few_variants": plural(
        "Left out: {experiments:count} experiment with members in fewer than two variants.",
        "Left out: {experiments:count} experiments with members in fewer than two variants.",
        "experiments",
    ),
}

USES: Mapping[str, str] = {
    "lift": N_("the lifts behind the verdict"),
    "segments": N_("segments"),
    "adjusted": N_("adjusted figures"),
    "retention": N_("retention"),
    "retention_tail": N_("retention after the window"),
    "cascade": N_("word of mouth"),
    "amounts": N_("amount per buyer"),
    "counts": N_("actions per member"),
}
"""What a prior is used for, by the key that it is stored with; a metric's prior is stored with the metric's key."""
