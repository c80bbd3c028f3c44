"""The sentences of the health checks; what a check guards against is in its line of `analysis.health.checks.CHECKS`."""

from collections.abc import Mapping

from experiments.reporting.sentences.template import Template, plural
from experiments.translation import N_

HEALTH: Mapping[str, Template] = {
    # the split
    "health.srm.empty": N_("No members have been counted yet, so the split can't be checked."),
    "health.srm.as_planned": N_("Split as planned: {seen:list}."),
    "health.srm.wrong": N_(
        "The split is not as planned: {seen:list} instead of {planned:list}. "
        "The groups differ in more than the content."
    ),
    "health.srm.next_step": N_(
        "Find out why members of a variant are missing: redirects, slow pages, failed logging, filtered bots. "
        "Then start a new run; this one can't be repaired."
    ),
    "health.srm.possible": N_("Possible mismatch: {seen:list} instead of {planned:list}. It may still be chance."),
    "health.srm.check_source": N_(
        "Check how the members were counted: missing rows, redirects or filtered bots of one variant."
    ),
    "health.srm.look_again": N_(
        "Look again tomorrow, and check whether a variant is slower or logs less than the others."
    ),
    "health.srm.members": N_("{members:count} {variant:letter}"),
    "health.srm.share": N_("{share:threshold} {variant:letter}"),
    "health.srm.figures_once": N_(
        "chi-square p = {once:p_value} ({statistic:figure} on {freedom:count}), for a single look; "
        "warns below {warning:number}, fails below {alarm:number}"
    ),
    "health.srm.figures_daily": N_(
        "chi-square p = {once:p_value} ({statistic:figure} on {freedom:count}); corrected for daily looks, "
        "p = {p:p_value}; warns below {warning:number}, fails below {alarm:number}"
    ),
    # members
    "health.multi_exposed.none": N_("No member saw two variants."),
    "health.multi_exposed.some": N_("{share:percent.1} of members saw two variants and were excluded."),
    "health.multi_exposed.uneven": N_(
        "{share:percent.1} of members saw two variants and were excluded, which removes a larger part of the smaller "
        "variant and may bias the comparison."
    ),
    "health.multi_exposed.next_step": N_(
        "Check that your app keeps one id per member, before and after sign-in, and requests the variant once."
    ),
    "health.file_rows.all": plural(
        "{rows:count} row of the file was read and used.",
        "All {rows:count} rows of the file were read and used.",
        by="rows",
    ),
    "health.file_rows.some": plural(
        "{used:count} of {read:count} row of the file was used. Set aside: {aside:list}.",
        "{used:count} of {read:count} rows of the file were used. Set aside: {aside:list}.",
        by="read",
    ),
    "health.file_rows.condition": plural(
        "{rows:count} that does not meet the condition", "{rows:count} that do not meet the condition", by="rows"
    ),
    "health.file_rows.repeated": plural(
        "{rows:count} that repeats a member", "{rows:count} that repeat a member", by="rows"
    ),
    "health.file_rows.two_variants": plural(
        "{rows:count} of a member in two variants", "{rows:count} of members in two variants", by="rows"
    ),
    "health.bots.none": N_("No bots seen."),
    "health.bots.some": N_("{share:percent.1} were bots and were excluded."),
    "health.bots.next_step": N_(
        "Check where the traffic comes from: a link checker or scraper may follow the campaign."
    ),
    "health.outside_run.after": plural(
        "{after:count} member was exposed only after the end and is not counted: your app still reports exposures.",
        "{after:count} members were exposed only after the end and are not counted: your app still reports exposures.",
        by="after",
    ),
    "health.outside_run.before": plural(
        "{before:count} member was exposed only before the start and is not counted.",
        "{before:count} members were exposed only before the start and are not counted.",
        by="before",
    ),
    "health.outside_run.both": N_(
        "Exposed only before the start: {before:count}; only after the end: {after:count}. None of them are counted."
    ),
    "health.outside_run.next_step": N_(
        "Check your app's clock, and launch the experiment before your app shows it. Later exposures are counted."
    ),
    "health.carry_over.some": plural(
        "{members:count} member was in an earlier run; {switched:count} saw another variant there.",
        "{members:count} members were in an earlier run; {switched:count} of them saw another variant there.",
        by="members",
    ),
    "health.carry_over.excluded": plural(
        "{members:count} member of an earlier run is excluded.",
        "{members:count} members of an earlier run are excluded.",
        by="members",
    ),
    "health.carry_over.next_step": N_(
        "To compare people who see the experiment for the first time, count new members only when you change weights."
    ),
    "health.bot_events.some": plural(
        "{events:count} event of bots and scanners was set aside ({share:percent.1} of all).",
        "{events:count} events of bots and scanners were set aside ({share:percent.1} of all).",
        by="events",
    ),
    "health.bot_events.next_step": N_(
        "Check where they come from. If they are people after all, set “Bots and scanners” to count them."
    ),
    "health.crossing.none": N_("No member saw another variant through a share."),
    "health.crossing.some": N_("{share:percent.1} of members saw another variant through a share."),
    "health.crossing.next_step": N_(
        "Read small differences with care: members who see two variants make them look more alike than they are."
    ),
    "health.immature.none": N_("Every member's {days:number}-day window has ended."),
    "health.immature.some": N_("{share:percent.1} of members are still within their {days:number}-day window."),
    # events
    "health.late_events.none": N_("No event arrived late."),
    "health.late_events.some": N_("{share:percent.1} of events arrived more than a day after they happened."),
    "health.late_events.next_step": N_(
        "Check whether an app holds events back while offline. Figures for the newest days will still grow."
    ),
    "health.clock_skew.none": N_("No event is dated ahead of our clock."),
    "health.clock_skew.some": N_("{share:percent.1} of events are dated more than a minute ahead of our clock."),
    "health.clock_skew.next_step": N_("Check your app's clock. Times are stored as they were sent, never rewritten."),
    "health.before_exposure.none": N_("No event is dated before its member's first exposure."),
    "health.before_exposure.some": plural(
        "{events:count} event is dated more than {seconds:number} seconds before its member's first exposure, within "
        "a day, and does not count.",
        "{events:count} events are dated more than {seconds:number} seconds before their member's first exposure, "
        "within a day, and do not count.",
        by="events",
    ),
    "health.before_exposure.next_step": N_(
        "If these members could not have acted earlier, check the app's clock, or leave out `at` so that ours is used."
    ),
    "health.currency.some": plural(
        "{purchases:count} purchase is in another currency ({others}) than {currency}. It counts as a purchase, not as "
        "money.",
        "{purchases:count} purchases are in another currency ({others}) than {currency}. They count as purchases, not "
        "as money.",
        by="purchases",
    ),
    "health.currency.beside": plural(
        "{purchases:count} purchase is in another currency ({others}) than {currency}, {share:percent.1} of all: do "
        "not trust the metrics of money. The verdict does not use them.",
        "{purchases:count} purchases are in another currency ({others}) than {currency}, {share:percent.1} of all: do "
        "not trust the metrics of money. The verdict does not use them.",
        by="purchases",
    ),
    "health.currency.decides": plural(
        "{purchases:count} purchase is in another currency ({others}) than {currency}, {share:percent.1} of all. Its "
        "amount is missing from the metrics of money, so the verdict cannot be trusted.",
        "{purchases:count} purchases are in another currency ({others}) than {currency}, {share:percent.1} of all. "
        "Their amounts are missing from the metrics of money, so the verdict cannot be trusted.",
        by="purchases",
    ),
    "health.currency.next_step": N_("Send amounts in {currency}, or create one experiment per currency."),
    "health.unwatched.some": plural(
        "The data have {events:count} complaint, and no guardrail counts it.",
        "The data have {events:count} complaints, and no guardrail counts them.",
        by="events",
    ),
    "health.unwatched.next_step": N_(
        "Add complaints as a guardrail before you decide, so that a variant that draws more of them is stopped."
    ),
    "health.unexposed.some": plural(
        "{events:count} of {total:count} event that would count came from units that were never exposed "
        "({share:percent}).",
        "{events:count} of {total:count} events that would count came from units that were never exposed "
        "({share:percent}).",
        by="total",
    ),
    "health.unexposed.named": N_(
        "These events name this experiment. Check whether ids change when members sign in, and whether your app sends "
        "every exposure."
    ),
    "health.unexposed.next_step": N_(
        "Check whether ids change when members sign in, and whether your app sends every exposure. If only some "
        "visitors reach the experiment, name it in the `experiment` field of its events."
    ),
    "health.uncounted.some": N_("No metric of this experiment counts {types:list}."),
    "health.uncounted.type": N_("{type} ({events:count})"),
    "health.uncounted.meant": N_("{type} ({events:count}, did you mean {meant}?)"),
    "health.uncounted.others": plural("{types:count} more type", "{types:count} more types", by="types"),
    "health.uncounted.next_step": N_(
        "Send these events under the suggested type: only new events can be corrected. If the name is intended, "
        "ignore this."
    ),
    "health.silence.of_others": N_("Events have arrived, but none from a member of this experiment."),
    "health.silence.expose": N_(
        "Check that events carry the same `unit` as the exposure, before and after members sign in."
    ),
    "health.silence.never": N_("No event has arrived yet."),
    "health.silence.send_one": N_("Send one with the snippet on the API keys page and check that it appears here."),
    "health.silence.arriving": N_("Events are arriving; the last one at {at:time_of_day}."),
    "health.silence.since": N_("No event of a member has arrived since {at:time_of_day}."),
    "health.silence.next_step": N_(
        "Check that your app still sends events and that its API key is active. Missed events can't be recovered."
    ),
    # past experiments
    "health.aa_history.expected": plural(
        "{winners:count} of {tests:count} A/A experiment declared a winner, where {allowed:percent} may.",
        "{winners:count} of {tests:count} A/A experiments declared a winner, where {allowed:percent} may.",
        by="tests",
    ),
    "health.aa_history.too_many": plural(
        "{winners:count} of {tests:count} A/A experiment declared a winner, where {allowed:percent} may. "
        "That is too many for chance, so differences appear where there are none.",
        "{winners:count} of {tests:count} A/A experiments declared a winner, where {allowed:percent} may. "
        "That is too many for chance, so differences appear where there are none.",
        by="tests",
    ),
    "health.aa_history.next_step": N_(
        "Check whether one variant loads or logs differently, whether members are counted twice, and whether ids are "
        "kept. Trust no small lead until an A/A experiment ends without a winner."
    ),
    "health.aa_history.figures": N_("binomial p = {p:p_value}"),
}
