"""Signed tokens that show one variant to one person, in any state of the experiment, and record nothing."""

from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeTimedSerializer

from experiments.errors import InvalidError

DAYS_VALID = 30


class Preview(NamedTuple):
    """The variant that a token shows, by the keys of experiment and variant."""

    experiment: str
    variant: str


class Previews:
    """Signs and reads preview tokens.

    Parameters
    ----------
    secret_key
        Signs the tokens: another key makes every earlier token invalid.
    """

    def __init__(self, secret_key: str) -> None:
        self._signer = URLSafeTimedSerializer(secret_key, salt="preview")

    def token(self, experiment: str, variant: str) -> str:
        """Return a token for the variant, valid for `DAYS_VALID` days."""
        signed = self._signer.dumps([experiment, variant])
        return signed.decode() if isinstance(signed, bytes) else signed

    def read(self, token: str) -> Preview:
        """Return what the token shows.

        Raises
        ------
        InvalidError
            The token was signed with another key, or is too old.
        """
        try:
            experiment, variant = self._signer.loads(token, max_age=DAYS_VALID * 86_400)
        except (BadSignature, ValueError):
            raise InvalidError(
                f"The preview token was not signed here or is older than {DAYS_VALID} days; open the preview again "
                "from the experiment's page.",
                code="preview",
            ) from None
        return Preview(experiment, variant)
