"""Charts as SVG text, for output without a browser: a report, a notebook, an email.

The drawing engine (vl-convert, which carries Vega-Lite and needs no browser and no network) takes some 100 MB, so it
runs in a separate process that ends with the work: ``python -m analysis.charts.svg``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from analysis.errors import AnalysisError

VEGA_LITE: Final = "6.4"
#: Namespace attributes, which inline SVG in HTML does not need.
_NAMESPACES = re.compile(r' xmlns(?::xlink)?="[^"]*"')


def drawn(
    specs: Sequence[Mapping[str, Any]], *, width: int = 560, seconds: float = 60, locale: str = "en-US"
) -> list[str]:
    """Draw several Vega-Lite definitions in one process.

    Colours stay CSS variables, which the page sets for its light and dark themes.

    Parameters
    ----------
    width : int
        In pixels, for every chart that fills its container.
    seconds : float
        Time limit for all charts together.
    locale : str
        Vega's name of the locale of number formats.

    Returns
    -------
    list of str
        An ``<svg>`` element for each definition, without namespace addresses.

    Raises
    ------
    AnalysisError
        A definition cannot be drawn; the message has the reason.
    """
    if not specs:
        return []
    request = json.dumps({"specs": [_sized(spec, width) for spec in specs], "locale": locale})
    home = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__], input=request, capture_output=True, text=True, timeout=seconds, cwd=home
        )
    except subprocess.TimeoutExpired:
        raise AnalysisError("bad_request", f"The charts took longer than {seconds:g} s to draw; try again.") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise AnalysisError("bad_request", f"A chart could not be drawn ({last}).")
    return [_NAMESPACES.sub("", text) for text in json.loads(done.stdout)]


def _sized(spec: Mapping[str, Any], width: int) -> dict[str, Any]:
    return dict(spec) | ({"width": width} if spec.get("width") == "container" else {})


def _main() -> None:
    import vl_convert

    given = json.load(sys.stdin)
    options = {"vl_version": VEGA_LITE, "format_locale": given["locale"]}
    json.dump([vl_convert.vegalite_to_svg(spec, **options) for spec in given["specs"]], sys.stdout)


if __name__ == "__main__":
    _main()
