"""User agents of crawlers, link previewers and scanners, which are no audience.

The list is that of ``crawler-user-agents`` (MIT), with a few of our own that it lacks. HTTP libraries are on it too: an
attribute that an app sets deliberately counts for them, but a request's own header does not, since it is usually the
app's back end that calls.
"""

import re
from functools import lru_cache
from typing import Any

import crawleruseragents  # type: ignore[import-untyped]  # it ships no types

_OWN = re.compile(
    r"cardyb|^pinterest/|barracuda|proofpoint|mimecast|safelinks|messagelabs|symantec|fireeye|sophos|forcepoint"
    r"|trendmicro|ironport|mailscanner|urlscan|spider\b|crawler\b"
    # A word that ends in bot, such as SomeBot/1.0, but no Cubot phone.
    r"|(?<!cu)bot(?=[/;:,)\s]|$)",
    re.IGNORECASE,
)
_LIBRARIES = re.compile(
    r"^(?:python|java|ruby|php|perl|dart|go|rust|deno|bun|node|undici|guzzle|faraday|postman|insomnia|restsharp|reqwest"
    r"|superagent|ktor|jakarta|unirest|akka|http\.rb|libcurl|lwp|okhttp|axios|curl|got)\b",
    re.IGNORECASE,
)
_LONGEST = 512  # characters that are looked at


@lru_cache(maxsize=16_384)
def is_crawler(agent: str) -> bool:
    """Return whether a user agent is a crawler's, a previewer's, a scanner's or an HTTP library's."""
    agent = agent[:_LONGEST]
    return bool(_OWN.search(agent) or crawleruseragents.is_crawler(agent))


@lru_cache(maxsize=16_384)
def is_named_crawler(agent: str) -> bool:
    """Return whether a user agent is that of a crawler, previewer or scanner, and not merely of an HTTP library."""
    agent = agent[:_LONGEST]
    if _OWN.search(agent):
        return True
    if not is_crawler(agent):
        return False
    matched: list[dict[str, Any]] = [
        crawleruseragents.CRAWLER_USER_AGENTS_DATA[number] for number in crawleruseragents.matching_crawlers(agent)
    ]
    named = any("http-library" not in entry.get("tags", ()) for entry in matched)
    return named and not _LIBRARIES.match(agent)
