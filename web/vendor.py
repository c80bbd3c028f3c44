"""Copy the front-end files that the pages load out of ``node_modules`` into ``web/static/vendor/``.

Run by ``make`` after ``npm ci``: nothing of these libraries is committed. To load another file in a page, add
a line to ``FILES`` (and, for a new package, to ``web/package.json``; then ``make lock``).
"""

import shutil
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent

# (file inside node_modules, name under web/static/vendor/)
FILES = (
    ("htmx.org/dist/htmx.min.js", "htmx.min.js"),
    ("@picocss/pico/css/pico.min.css", "pico.min.css"),
    ("vega/build/vega.min.js", "vega.min.js"),
    ("vega-lite/build/vega-lite.min.js", "vega-lite.min.js"),
    # holds vega-interpreter, which a strict Content-Security-Policy needs: vegaEmbed(element, spec, {ast: true})
    ("vega-embed/build/vega-embed.min.js", "vega-embed.min.js"),
)


def vendor(modules: Path, target: Path) -> list[Path]:
    """Replace the contents of `target` by the files listed in ``FILES``.

    Parameters
    ----------
    modules : Path
        The ``node_modules`` folder that ``npm ci`` made.
    target : Path
        The folder that the pages are served from; made where absent, and left holding these files alone.

    Returns
    -------
    list of Path
        The files written, in the order of ``FILES``.

    Raises
    ------
    FileNotFoundError
        Where a package does not hold the file named for it.
    """
    missing = [source for source, _ in FILES if not (modules / source).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{', '.join(missing)} not found in {modules}; run `make` again, or correct FILES in web/vendor.py"
            " where a package has moved its files"
        )
    target.mkdir(parents=True, exist_ok=True)
    wanted = {name for _, name in FILES}
    for stale in target.iterdir():
        if stale.name not in wanted and stale.is_file():
            stale.unlink()
    return [Path(shutil.copyfile(modules / source, target / name)) for source, name in FILES]


if __name__ == "__main__":
    try:
        vendor(WEB / "node_modules", WEB / "static" / "vendor")
    except FileNotFoundError as error:
        sys.exit(f"Front-end libraries: {error}.")
