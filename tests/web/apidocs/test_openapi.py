"""The contract is generated, valid, whole, and true: its own examples work."""

import json
import re

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from experiments.errors import InvalidError
from experiments.settings import Settings
from experiments.storage.database import Database
from experiments.storage.schema import migrate
from web import create_app
from web.apidocs.openapi import PATH_PARAMETERS, PROBLEMS


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("openapi"), secret_key="x" * 32)
    database = Database(settings.url)
    migrate(database)
    database.close()
    app = create_app(settings)
    yield app
    app.extensions["klette"].close()


@pytest.fixture(scope="module")
def spec(app):
    return app.test_client().get("/openapi.json").json


def operations(spec):
    return [
        (path, method, operation) for path, methods in spec["paths"].items() for method, operation in methods.items()
    ]


def test_the_document_is_valid_openapi_3_1(spec):
    assert spec["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(spec).iter_errors()) == []


def test_every_route_of_the_api_is_in_it(app, spec):
    documented = {(path, method) for path, method, _ in operations(spec)}
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/ofrep/", "/v1/"))
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served - documented == set(), "say what they take and give with @documented"
    assert documented == served


def test_every_operation_documents_its_behaviour_and_its_errors(spec):
    names = [operation["operationId"] for _, _, operation in operations(spec)]
    assert len(names) == len(set(names))
    for path, method, operation in operations(spec):
        assert operation["summary"].endswith("."), (path, method)
        statuses = {int(status) for status in operation["responses"]}
        assert {401, 429, 500, 503} <= statuses and any(status < 400 for status in statuses)
        for status in statuses:
            content = operation["responses"][str(status)].get("content", {})
            if status >= 400:
                assert list(content) == ["application/problem+json"]
        for parameter in operation["parameters"]:
            assert parameter["description"], f"{path} {parameter['name']} is not explained"
            assert "example" in parameter or parameter["name"] == "preview"


def test_every_path_parameter_is_explained(spec):
    names = {name for path in spec["paths"] for name in re.findall(r"{(\w+)}", path)}
    assert names <= set(PATH_PARAMETERS)


def test_properties_that_metrics_read_are_described_with_their_bounds(spec):
    from experiments.catalogue.event_types import KNOWN
    from experiments.catalogue.metrics import METRICS
    from experiments.ingestion.fields import check_properties

    listed = spec["components"]["schemas"]["EventProperties"]
    assert listed["additionalProperties"] is True, "any other name is allowed"
    read = {metric.property_name for metric in METRICS if metric.property_name}
    assert read == {"reach", "sentiment"}
    for name in read:
        (number,) = (part for part in listed["properties"][name]["anyOf"] if part["type"] == "number")
        for bound, beyond in ((number["minimum"], -0.5), (number["maximum"], 0.5)):
            check_properties({name: bound}, KNOWN["mention"])
            with pytest.raises(InvalidError):
                check_properties({name: bound + beyond}, KNOWN["mention"])


def test_the_families_of_amounts_are_named_as_the_models_name_them(spec):
    from analysis.models.amount_families import FAMILIES

    family = spec["components"]["schemas"]["AmountStory"]["properties"]["family"]
    (names,) = (part["enum"] for part in family["anyOf"] if "enum" in part)
    assert names == [family.name for family in FAMILIES]


def test_every_example_fits_its_own_schema(spec):
    checked = 0
    for schema in spec["components"]["schemas"].values():
        whole = {**schema, "components": spec["components"]}
        for example in schema.get("examples", ()):
            jsonschema.Draft202012Validator(whole).validate(example)
            checked += 1
    problem = {**spec["components"]["schemas"]["Problem"], "components": spec["components"]}
    for _, _, operation in operations(spec):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                example = answer["content"]["application/problem+json"]["example"]
                jsonschema.Draft202012Validator(problem).validate(example)
                assert example["status"] == int(status)
    assert checked >= 8


def test_the_page_shows_every_endpoint_with_a_line_to_try(app, spec):
    page = app.test_client().get("/docs")
    assert page.status_code == 200
    assert re.findall(r"(?:src=|<link[^>]*href=).https?://", page.text) == [], "the page needs no other site"
    for path, method, operation in operations(spec):
        assert f'id="{operation["operationId"]}"' in page.text
        assert f"{method.upper()} {path}" in page.text
    assert page.text.count("curl ") >= len(operations(spec))
    for listed in ("experiment_not_launched", "return_rate", "not_equals", "HOLDOUT", "GET /readyz"):
        assert listed in page.text
    for status in PROBLEMS:
        assert f'id="problem-{status}"' in page.text
    for name in re.findall(r'href="#([^"]+)"', page.text):
        assert f'id="{name}"' in page.text, f"#{name} leads nowhere"


def test_the_examples_of_bodies_are_real_json_in_the_page(app):
    page = app.test_client().get("/docs").text
    bodies = re.findall(r"-d &#39;(.*?)&#39;\s*<", page)
    assert bodies
    for body in bodies:
        json.loads(body.replace("&#34;", '"').replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
