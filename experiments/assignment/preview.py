"""Previews: signed tokens that show a variant in any state of the experiment and record nothing."""

from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeTimedSerializer

from experiments.errors import InvalidError

DAYS_VALID = 30


class Preview(NamedTuple):
    """The variant of a token, by the keys of experiment and variant."""

    experiment: str
    variant: str


class Previews:
    """Signs and reads preview tokens.

    Parameters
    ----------
    secret_key
        Signs the tokens; another key invalidates earlier tokens.
    """

    def __init__(self, secret_key: str) -> None:
        self._signer = URLSafeTimedSerializer(secret_key, salt="preview")

    def token(self, project_id: int, experiment: str, variant: str) -> str:
        """Return a token for the variant, valid for `DAYS_VALID` days."""
        signed = self._signer.dumps([project_id, experiment, variant])
        return signed.decode() if isinstance(signed, bytes) else signed

    def read(self, project_id: int, token: str) -> Preview:
        """Return the variant of a token.

        Raises
        ------
        InvalidError
            The token was signed with another key or for another project, or is too old.
        """
        try:
            project, experiment, variant = self._signer.loads(token, max_age=DAYS_VALID * 86_400)
        except (BadSignature, ValueError):
            project = None
        if project != project_id:
            raise InvalidError(
                f"The preview token is not valid or older than {DAYS_VALID} days; open the preview again from the "
                "experiment's page.",
                code="preview",
            )
        return Preview(experiment, variant)
