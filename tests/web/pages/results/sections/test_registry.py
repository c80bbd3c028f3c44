"""Each section is a module, a template and a line of SECTIONS, all of one name."""

import re
from pathlib import Path

import web
from web.pages.results.sections import SECTIONS

TEMPLATES = Path(web.__file__).parent / "templates" / "results" / "sections"


def test_module_template_and_key_share_one_name() -> None:
    keys = [section.key for section in SECTIONS]
    assert len(keys) == len(set(keys))
    assert {file.stem for file in TEMPLATES.glob("*.html")} == set(keys)
    for section in SECTIONS:
        assert section.build.__module__ == f"web.pages.results.sections.{section.key}"


def test_each_template_is_an_element_named_after_its_section() -> None:
    for section in SECTIONS:
        text = (TEMPLATES / f"{section.key}.html").read_text()
        assert re.search(rf'\bid="{section.key.replace("_", "-")}"', text), section.key
