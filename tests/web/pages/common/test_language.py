"""The pages are in the language of the settings."""

from babel.support import Translations

from experiments import translation


class Marked(Translations):
    """A language whose texts are English ones with a mark."""

    def ugettext(self, message: object) -> str:
        return f"»{message}"


def test_templates_and_declared_texts_are_translated(pages, monkeypatch) -> None:
    assert ">Experiments</a>" in pages.get("/experiments").text
    monkeypatch.setattr(translation, "catalogue", lambda _code: Marked())
    page = pages.get("/experiments").text
    assert ">»Experiments</a>" in page and "»Skip to content" in page
    assert translation.language() == "en", "and only within the request"
