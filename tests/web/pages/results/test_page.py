"""The results page over HTTP, in each of its states."""

import re
from datetime import timedelta
from html import unescape

from experiments.jobs import queue
from experiments.lifecycle import store, transitions
from experiments.storage.tables import Job, utc_now
from tests.web.pages.results import fixtures, sampled_parts, stored
from tests.web.pages.results.sections.test_total_effect import entry

PAGE = f"/experiments/{stored.KEY}"


def text_of(response) -> str:
    body = re.sub(r"<script.*?</script>", "", response.get_data(as_text=True), flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def job(app, **values) -> None:
    with stored.services_of(app).database.write() as session:
        found = store.get(session, stored.KEY)
        session.add(Job(kind="analyse", experiment_id=found.id, payload={}, **values))


def seen(response) -> str:
    return re.search(r"seen=([0-9a-f]{16})", response.get_data(as_text=True))[1]


def test_the_verdict_comes_before_the_numbers(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app)
    response = client.get(PAGE)
    words = text_of(response)
    assert response.status_code == 200
    assert "Keep running, about" in words
    assert "day 9 of 14 · 21,306 members randomised, 310 more through shares · analysed" in words
    assert "Berlin time" in words
    assert words.index("Keep running") < words.index("Scorecard")
    assert "Chance of being the stickiest" in words
    assert "guardrail in doubt for C" in words


def test_nothing_on_the_page_needs_a_laxer_policy(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app)
    body = client.get(PAGE).get_data(as_text=True)
    assert not re.search(r"<script(?![^>]*(src=|type=\"application/json\"))", body)
    assert not re.search(r"\son[a-z]+=", body)
    assert " style=" not in body
    assert "<style" not in body


def test_members_are_never_called_users_and_nothing_is_called_significant(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app)
    words = text_of(client.get(PAGE)).lower()
    assert "significan" not in words
    assert " users" not in words
    assert "p(best)" not in words


def test_ids_are_unique(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app)
    ids = re.findall(r'\sid="([^"]+)"', client.get(PAGE).get_data(as_text=True))
    assert len(ids) == len(set(ids))


def test_a_failed_check_comes_before_an_untrusted_verdict(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app, fixtures.stored_result(checks=fixtures.broken_split()))
    body = client.get(PAGE).get_data(as_text=True)
    assert body.index('id="health"') < body.index('id="verdict"')
    assert "Do not trust" in body
    assert "Chance B is best" not in body


def test_a_poll_gets_nothing_while_nothing_is_new_and_the_sections_when_something_is(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app, identity="1")
    mark = seen(client.get(PAGE))
    again = client.get(f"{PAGE}/answer?seen={mark}", headers={"HX-Request": "true"})
    assert again.status_code == 204
    stored.analyse(app, fixtures.stored_result(scale=0.06), identity="2")
    newer = client.get(f"{PAGE}/answer?seen={mark}", headers={"HX-Request": "true"})
    assert newer.status_code == 200
    assert "<html" not in newer.get_data(as_text=True)
    assert 'hx-swap-oob="true"' in newer.get_data(as_text=True)
    assert seen(newer) != mark


def test_a_run_without_members_shows_how_to_send_the_first_exposure(app, client) -> None:
    stored.experiment(app)
    words = text_of(client.get(PAGE))
    assert "/api/v1/assign" in words
    assert stored.KEY in words


def test_the_first_analysis_is_announced_and_watched_closely(app, client) -> None:
    stored.experiment(app)
    stored.expose(app, 6)
    job(app, state="running", message="Weighing the variants", progress=0.6)
    response = client.get(PAGE)
    assert "6 members were exposed so far" in text_of(response)
    assert "Weighing the variants" in text_of(response)
    assert 'hx-trigger="every 3s"' in response.get_data(as_text=True)


def test_a_job_that_no_worker_takes_is_reported(app, client) -> None:
    stored.experiment(app)
    stored.expose(app)
    job(app, state="due", due_at=utc_now() - timedelta(minutes=5))
    assert "requested 5 minutes ago" in text_of(client.get(PAGE))


def test_a_scheduled_analysis_is_not_announced(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app)
    job(app, state="running", message="Weighing the variants")
    assert "Weighing the variants" not in text_of(client.get(PAGE))


def test_a_failed_analysis_gives_its_reason_and_a_second_try(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app, at=utc_now() - timedelta(minutes=1))
    job(app, state="failed", message="The database was busy for too long.", finished_at=utc_now())
    words = text_of(client.get(PAGE))
    assert "The database was busy for too long." in words
    assert "Try again" in words


def test_an_old_result_with_newer_data_offers_an_analysis_which_makes_a_job(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app, at=utc_now() - timedelta(hours=3))
    assert "There is newer data" not in text_of(client.get(PAGE))
    stored.expose(app)
    response = client.get(PAGE)
    assert "There is newer data" in text_of(response)
    assert "3 hours ago" in text_of(response)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', response.get_data(as_text=True))[1]
    asked = client.post(f"{PAGE}/analyse", data={"csrf_token": token}, headers={"HX-Request": "true"})
    assert asked.status_code == 200
    assert "waiting for the worker" in text_of(asked)
    with stored.services_of(app).database.read() as session:
        assert queue.get(session, 1).requested_by == "page:marketer@example.org"
    plain = client.post(f"{PAGE}/analyse", data={"csrf_token": token})
    assert plain.status_code == 302
    assert plain.location.endswith(PAGE)


def test_an_analyst_reads_everything_and_is_offered_nothing_to_change(app) -> None:
    stored.experiment(app)
    stored.analyse(app, at=utc_now() - timedelta(hours=3))
    stored.expose(app)
    analyst = stored.logged_in(app, "analyst")
    response = analyst.get(PAGE)
    body = response.get_data(as_text=True)
    assert "Keep running" in body
    assert "Decide…" not in body
    assert "Analyse now" not in body
    token = re.search(r'X-CSRFToken": "([^"]+)"', unescape(body))[1]
    refused = analyst.post(f"{PAGE}/analyse", headers={"X-CSRFToken": token})
    assert refused.status_code == 403


def test_the_shipped_variant_is_shown_with_its_note(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app)
    with stored.services_of(app).database.write() as session:
        transitions.ship(session, store.get(session, stored.KEY), "b", "It carries further.", actor="cli")
    words = text_of(client.get(PAGE))
    assert "shipped B" in words
    assert "It carries further." in words
    assert "Decide…" not in words
    assert "ran 8 days" in words
    assert re.search(r"B “Meet the people who make it” was shipped on \d+ \w+ 20\d\d\.", words)
    assert words.index("was shipped on") < words.index("Verdict of the analysis") < words.index("It ended without")
    assert "All members see it now." in words
    with stored.services_of(app).database.write() as session:
        store.get(session, stored.KEY).imported = True
    assert "All members see it now." not in text_of(client.get(PAGE))


def test_deciding_is_offered_where_there_is_something_to_decide(app, client) -> None:
    stored.experiment(app)
    body = client.get(PAGE).get_data(as_text=True)
    assert re.search(r'id="act-decide" data-opens', body)  # possible, and not the main button
    stored.analyse(app)
    stored.expose(app)
    body = client.get(PAGE).get_data(as_text=True)
    assert re.search(r'id="act-decide" class="go"', body)
    dialog = body[body.index('<dialog id="decide"') :]
    assert " checked" not in dialog
    assert re.search(r"<small>control · [^<]+% chance of being the stickiest</small>", dialog)
    assert re.search(r'<textarea id="decide-note"[^>]* required', dialog)


def test_a_test_that_ended_without_members_has_nothing_to_decide(app, client) -> None:
    stored.experiment(app)
    with stored.services_of(app).database.write() as session:
        transitions.stop(session, store.get(session, stored.KEY), actor="cli")
    words = text_of(client.get(PAGE))
    assert "Ended without members" in words
    assert "Decide…" not in words


def test_the_definition_can_be_read_and_edited_from_the_page(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app)
    body = client.get(PAGE).get_data(as_text=True)
    assert f'href="{PAGE}/edit"' in body
    assert f"<code>{stored.KEY}</code>" in body
    assert body.index('id="scorecard"') < body.index('id="definition"')
    assert f'href="{PAGE}/edit"' not in stored.logged_in(app, "analyst").get(PAGE).get_data(as_text=True)


def test_the_list_shows_the_chance_behind_a_verdict(app) -> None:
    from experiments.reporting import readings

    stored.experiment(app)
    stored.analyse(app)
    with stored.services_of(app).database.read() as session:
        found = store.get(session, stored.KEY)
        text = readings.one_line(session, [found])[found.id].text
    assert re.fullmatch(r"Keep running, about \d+ more days?\. Chance B “[^”]+” is best: \d+\u202f%\.", text)


def test_a_stopped_run_is_not_polled(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app)
    with stored.services_of(app).database.write() as session:
        transitions.stop(session, store.get(session, stored.KEY), actor="cli")
    assert "hx-get" not in client.get(PAGE).get_data(as_text=True)


def test_every_run_can_be_chosen(app, client) -> None:
    from experiments.lifecycle import editing

    stored.experiment(app)
    stored.analyse(app)
    with stored.services_of(app).database.write() as session:
        editing.new_run(session, store.get(session, stored.KEY), {"a": 0.5, "b": 0.25, "c": 0.25}, actor="cli")
    newest = text_of(client.get(PAGE))
    assert "Run 2, newest" in newest
    assert "/api/v1/assign" in newest
    first = client.get(f"{PAGE}?run=1")
    body = first.get_data(as_text=True)
    assert "It ended without a clear winner." in text_of(first)
    assert re.search(r"This run ended on \d+ \w+ \d{4}, when run 2 began", text_of(first))
    assert "hx-get" not in body


def test_simulated_and_imported_experiments_are_marked(app, client) -> None:
    stored.experiment(app)
    with stored.services_of(app).database.write() as session:
        found = store.get(session, stored.KEY)
        found.simulated = found.imported = True
        session.add(found)
    body = client.get(PAGE).get_data(as_text=True)
    assert re.search(r"pill mark[^>]*>simulated<", body)
    assert re.search(r"pill mark[^>]*>imported<", body)


def test_markup_in_a_headline_stays_text(app, client) -> None:
    nasty = "</script><b>x"
    variants = [
        {"key": k, "name": nasty, "control": k == "a", "weight": 1 / 3, "content": {"headline": nasty}} for k in "abc"
    ]
    stored.experiment(app, variants=variants)
    stored.with_past(app)
    body = client.get(PAGE).get_data(as_text=True)
    assert nasty not in body
    assert "&lt;/script&gt;" in body


def test_the_figures_can_be_downloaded_as_csv(app, client) -> None:
    stored.experiment(app)
    assert client.get(f"{PAGE}/results.csv").status_code == 404
    stored.analyse(app)
    response = client.get(f"{PAGE}/results.csv")
    assert response.mimetype == "text/csv"
    assert "sticky_rate" in response.get_data(as_text=True)


def test_a_draft_shows_its_definition(app, client) -> None:
    stored.experiment(app, launched=False)
    words = text_of(client.get(PAGE))
    assert "Spring headline" in words
    assert "draft" in words
    assert "Scorecard" not in words


def test_an_unknown_experiment_is_not_found(client) -> None:
    assert client.get("/experiments/nothing-here").status_code == 404


def test_a_stranger_is_sent_to_the_log_in(app) -> None:
    stored.experiment(app)
    assert app.test_client().get(PAGE).status_code == 302


def test_everything_that_was_computed_has_its_section(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app, sampled_parts.whole_result())
    response = client.get(PAGE)
    words, body = text_of(response), response.get_data(as_text=True)
    for title in (
        "Retention",
        "Word of mouth",
        "Purchases",
        "Traffic split",
        "Segments",
        "Value of shipping B",
        "Adjusted for history",
    ):
        assert title in words
    assert "Every 100 members randomised to B became 145" in re.sub(r"\s+([.,;])", r"\1", words)
    ids = re.findall(r'\sid="([^"]+)"', body)
    assert len(ids) == len(set(ids))
    assert " style=" not in body
    assert "significan" not in words.lower() and " users" not in words


def test_the_limit_to_full_windows_is_a_link_and_stays_over_a_refresh(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app, sampled_parts.whole_result())
    everyone = client.get(PAGE).get_data(as_text=True)
    assert f'href="{PAGE}?members=mature"' in everyone
    response = client.get(f"{PAGE}?members=mature")
    assert "The verdict above is about all members" in text_of(response)
    body = response.get_data(as_text=True)
    assert re.search(r'id="poll" hx-get="[^"]*members=mature', body)
    assert re.search(r'id="members-mature"[^>]*aria-current', body)
    assert client.get(f"{PAGE}/answer?members=mature").status_code == 200


def test_sections_that_do_not_decide_or_change_are_marked(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app, sampled_parts.whole_result())
    text, full = (client.get(f"{PAGE}{query}").get_data(as_text=True) for query in ("", "?members=mature"))
    assert text.count("come from another model") == 3
    assert "The sections below are about all members." not in text
    assert full.count("The sections below are about all members.") == 1


def test_a_result_without_full_windows_offers_no_choice(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app)
    assert "members=mature" not in client.get(PAGE).get_data(as_text=True)
    assert "The verdict above is about all members" not in text_of(client.get(f"{PAGE}?members=mature"))


def test_total_effect_and_pooled_sections_are_shown_where_the_traffic_split_changed(app, client) -> None:
    stored.experiment(app)
    result = sampled_parts.whole_result() | {
        "total": {"brought": 700, "metrics": [entry("sticky_rate", {"a": 0.15, "b": 0.2, "c": 0.16})]}
    }
    result["metrics"][0]["stratified"] = {"epochs": 3, "merged": []}
    stored.with_past(app, result)
    body = client.get(PAGE).get_data(as_text=True)
    assert "Total effect" in body and "700 members who came through them" in body
    assert "It does not decide" in body and body.count('id="pooled"') == 1
    ids = re.findall(r'\sid="([^"]+)"', body)
    assert len(ids) == len(set(ids))


def test_the_deciding_metric_is_not_repeated_among_the_other_metrics(app, client) -> None:
    stored.experiment(app, metrics=["sticky_rate", "share_rate"])
    also = re.search(r"<dt>Other metrics</dt><dd>([^<]*)", client.get(PAGE).get_data(as_text=True))
    assert also[1] == "Share rate"
