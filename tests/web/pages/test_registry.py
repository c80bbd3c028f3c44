"""BLUEPRINTS and NAVIGATION are whole, and templates and static files are in the rooms of the pages."""

from pathlib import Path

import web
from experiments.people.accounts import ROLES
from web.pages import BLUEPRINTS, NAVIGATION

HERE = Path(web.__file__).parent


def folders(of: str) -> set[str]:
    return {path.name for path in (HERE / of).iterdir() if path.is_dir() and path.name != "__pycache__"}


def test_each_entry_of_the_menu_leads_to_a_page(pages) -> None:
    served = {rule.rule for rule in pages.app.url_map.iter_rules() if "GET" in rule.methods}
    assert {entry.path for entry in NAVIGATION} <= served
    assert all(entry.roles and set(entry.roles) <= set(ROLES) for entry in NAVIGATION)


def test_each_blueprint_has_a_name_of_its_own() -> None:
    names = [blueprint.name for blueprint in BLUEPRINTS]
    assert len(names) == len(set(names))


def test_templates_and_static_files_are_in_the_rooms_of_the_pages() -> None:
    rooms = folders("pages") | {"apidocs"}
    assert folders("templates") <= rooms
    assert folders("static") <= rooms | {"demo", "vendor"}
    assert not [path.name for of in ("templates", "static") for path in (HERE / of).iterdir() if path.is_file()]
