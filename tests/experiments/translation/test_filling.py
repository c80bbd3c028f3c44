"""Numbers inside of texts have the marks of the language in use; other parameters stay as they are."""

import pytest

from experiments.translation import speaking
from experiments.translation.filling import filled


@pytest.mark.parametrize(
    ("code", "text"), [("en", "1,204 members of a-b.csv, 0.5"), ("de", "1.204 members of a-b.csv, 0,5")]
)
def test_only_formatted_numbers_are_localised(code, text):
    with speaking(code):
        template = "{count:,} members of {file}, {share:g}"
        assert filled(template, count=1204, file="a-b.csv", share=0.5) == text
