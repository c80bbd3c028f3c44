"""Bots over HTTP: by attribute, by the header of a member's own device, and by the event's properties."""

import time

from experiments.analyses import records
from experiments.analyses.run import analyse
from experiments.lifecycle import store
from tests.web.api.calls import make_key

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
CUBOT = "Mozilla/5.0 (Linux; Android 10; CUBOT_X30) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
NAMED = [
    GOOGLEBOT,
    "Pinterest/0.2 (+https://www.pinterest.com/)",
    "Bluesky Cardyb/1.1",
    "Mastodon/4.2 (http.rb/5.1)",
    "Viber/13.0",
    "Iframely/1.3.1",
    "ChatGPT-User/1.0",
    "facebookexternalhit/1.1",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Barracuda Sentinel bot",
]
LIBRARIES = ["python-requests/2.32", "python-httpx/0.28", "okhttp/4.12", "axios/1.7", "curl/8.5", "Go-http-client/1.1"]
PEOPLE = [BROWSER, CUBOT, "Mozilla/5.0 (Linux; Android 13; CUBOT P60) AppleWebKit/537.36 Chrome/110 Mobile Safari/537"]


def result_of(api):
    analyse(api.database, "spring", with_models=False)
    with api.database.read() as session:
        return records.newest(session, store.current_run(session, store.get(session, "spring"))).result


def bots_of(api):
    return {unit for unit, bot in api.rows("SELECT unit, bot FROM exposure") if bot}


def test_the_case_of_public_complaints(api):
    """A crawler by its header, seven by attribute, a Cubot phone, and a mail scanner's click: two members, no click."""
    api.post("/api/v1/assign", {"unit": "googlebot"}, headers={"User-Agent": GOOGLEBOT})
    for number, agent in enumerate([*NAMED[1:7], "Go-http-client/1.1"]):
        api.assign(f"missed-{number}", attributes={"user_agent": agent})
    api.assign("real-person", attributes={"user_agent": CUBOT})
    api.assign("mail-reader", attributes={"user_agent": "Mozilla/5.0 Chrome/140"})
    scanned = {"bot": True, "user_agent": "Barracuda Sentinel bot"}
    api.events({"id": "1", "unit": "mail-reader", "type": "click", "properties": scanned})
    result = result_of(api)
    assert result["units"] == {
        "randomised": 2,
        "shared": 0,
        "excluded": {"multi_exposed": 0, "bots": 8},
        "events_set_aside": {"bot": 1},
    }
    clicks = next(entry for entry in result["metrics"] if entry["metric"] == "click_rate")
    assert sum(row["total"] for row in clicks["variants"]) == 0
    api.change(lambda session, experiment: setattr(experiment, "bots", "count"))
    again = result_of(api)
    assert again["units"]["randomised"] == 10
    assert again["units"]["events_set_aside"] == {}


def test_the_header_of_a_named_crawler_counts_for_a_client_key_alone(api):
    server = make_key(api.database, "server")
    for agent in NAMED:
        header, described = {"User-Agent": agent}, {"user_agent": BROWSER}
        api.post("/api/v1/assign", {"unit": f"device {agent}"}, headers=header)
        api.post("/api/v1/assign", {"unit": f"back end {agent}"}, headers=header, key=server)
        api.post("/api/v1/assign", {"unit": f"person {agent}", "attributes": described}, headers=header)
    assert bots_of(api) == {f"device {agent}" for agent in NAMED}


def test_the_header_of_a_library_or_a_person_is_no_bots(api):
    for number, agent in enumerate([*LIBRARIES, *PEOPLE]):
        click = {"id": str(number), "unit": f"member {number}", "type": "click"}
        api.post("/api/v1/assign", {"unit": click["unit"]}, headers={"User-Agent": agent})
        api.post("/api/v1/events", {"events": [click]}, headers={"User-Agent": agent})
    assert bots_of(api) == set()
    assert set(api.rows("SELECT flag FROM event")) == {(None,)}


def test_an_attribute_counts_whatever_it_names(api):
    agents = [*NAMED, *LIBRARIES]
    exposure = {"type": "exposure", "experiment": "spring"}
    for agent in agents:
        shown = {"user_agent": agent}
        api.assign(f"assigned {agent}", attributes=shown)
        api.events(
            exposure | {"id": f"1 {agent}", "unit": f"attribute {agent}", "properties": {"attributes": shown}},
            exposure | {"id": f"2 {agent}", "unit": f"property {agent}", "properties": shown},
        )
    assert bots_of(api) == {f"{way} {agent}" for agent in agents for way in ("assigned", "attribute", "property")}


CLICKS = [
    (None, BROWSER, None),
    (None, GOOGLEBOT, 2),
    ({"sku": "1"}, GOOGLEBOT, 2),
    ({"bot": True}, BROWSER, 1),
    ({"bot": False}, GOOGLEBOT, None),
    ({"user_agent": BROWSER}, GOOGLEBOT, None),
    ({"user_agent": GOOGLEBOT}, BROWSER, 2),
    ({"channel": "email"}, BROWSER, 3),
    ({"channel": "E-Mail"}, BROWSER, 3),
    ({"channel": "whatsapp"}, BROWSER, None),
    ({"bot": "true", "channel": 5, "user_agent": 7}, BROWSER, None),
]


def test_a_click_is_flagged_by_its_properties_before_the_header(api):
    for number, (properties, header, _) in enumerate(CLICKS):
        click = {"id": f"{number:02}", "unit": "member", "type": "click", "properties": properties}
        answer = api.post("/api/v1/events", {"events": [click]}, headers={"User-Agent": header})
        assert answer.json["accepted"] == 1
    assert [flag for (flag,) in api.rows("SELECT flag FROM event ORDER BY id")] == [flag for *_, flag in CLICKS]


def test_a_scanner_that_follows_every_link_of_an_email_clicks_nothing(api):
    for unit in ("scanned", "reader"):
        api.assign(unit)
    now = time.time_ns() // 1000
    server = make_key(api.database, "server")

    def click(unit, seconds, link):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**6 + seconds)) + "Z"
        properties = {"channel": "email", "link": link}
        return {"id": f"{unit}{link}", "unit": unit, "type": "click", "at": at, "properties": properties}

    clicks = [click("scanned", 60, link) for link in "xyz"] + [click("reader", 60, "x"), click("reader", 65, "y")]
    assert api.post("/api/v1/events", {"events": clicks}, key=server).json["accepted"] == 5
    time.sleep(0.01)
    analyse(api.database, "spring", with_models=False, cut_off_us=now + 120 * 10**6)
    with api.database.read() as session:
        result = records.newest(session, store.current_run(session, store.get(session, "spring"))).result
    assert result["units"]["events_set_aside"] == {"burst_click": 3}
    clicks = next(entry for entry in result["metrics"] if entry["metric"] == "click_rate")
    assert sum(row["total"] for row in clicks["variants"]) == 1
