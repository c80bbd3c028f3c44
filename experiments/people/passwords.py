"""Easily guessed passwords: the most common ones, keyboard rows, and one word with digits."""

import re

_COMMON = """
password passwort passphrase passwordpassword mypassword thepassword newpassword secretpassword pass
admin administrator administration adminadmin root superuser sysadmin user guest default
welcome welcomeback willkommen hello helloworld hallo login letmein letmeinnow changeme changemenow
qwerty qwertyuiop qwertyqwerty qwertz qwertzuiop azerty azertyuiop asdfghjkl asdfasdf yxcvbnm zxcvbnm
abcdefghij abcdefghijk abcdefgh abc abcabcabc iloveyou iloveyouso ichliebedich iloveme loveyou
football baseball basketball superman batman spiderman starwars pokemon princess sunshine
trustno dragon monkey master shadow michael jessica jennifer charlie jordan
klette marketing marketer company internet computer test testing testtest secret geheim
qazwsxedc qazwsx zaqwsx summer winter spring autumn sommer herbst fruehling
"""
_WORDS = frozenset(_COMMON.split())
_ROWS = ("01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop")
_LEET = str.maketrans("@$!013457", "asioleast")
_FEWEST_DIFFERENT = 4
_LONG_NUMBER = 16


def easily_guessed(password: str, email: str = "") -> bool:
    """Return whether a password is among the first guesses of an attacker."""
    plain = "".join(password.lower().split())
    if len(set(plain)) < _FEWEST_DIFFERENT or any(plain in row for row in _ROWS):
        return True
    if re.fullmatch(r"(.{1,6})\1+", plain):
        return True
    # A word with digits and symbols around it is the usual way to satisfy rules that require them.
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    if not core:
        return len(plain) < _LONG_NUMBER
    local = email.partition("@")[0].lower()
    variations = {core, core.translate(_LEET), re.sub(r"[\W\d_]+$", "", plain.translate(_LEET))}
    return bool(variations & _WORDS) or (len(local) >= 4 and core == local)
