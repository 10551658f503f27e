"""Passkeys: WebAuthn Level 3 with py_webauthn, for the relying party at APP_URL.

The library is imported with the first passkey: together with what it imports, it takes a tenth of the time in
which a process starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from domain.people.accounts import Person
from domain.people.second_factors import InvalidSecondFactor, NewPasskey, Passkey

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

_NAME = "Mini Wallet"
_TIMEOUT_MILLISECONDS = 300_000
#: WebAuthn allows 1023 bytes.
_CREDENTIAL_ID_MAXIMUM_BYTES = 1023

Verified = TypeVar("Verified")


class RelyingParty:
    """Makes options for browsers, and verifies what authenticators answer."""

    def __init__(self, app_url: str) -> None:
        self._origin = app_url
        self._id = urlsplit(app_url).hostname or ""

    def creation_options(
        self, challenge: bytes, person: Person, existing: Sequence[Passkey]
    ) -> dict[str, Any]:
        """PublicKeyCredentialCreationOptionsJSON: a passkey that names its user and verifies who uses it."""
        import webauthn
        from webauthn.helpers.options_to_json_dict import options_to_json_dict
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        options = webauthn.generate_registration_options(
            rp_id=self._id,
            rp_name=_NAME,
            user_id=person.user_id.bytes,
            user_name=person.email,
            user_display_name=person.name,
            challenge=challenge,
            timeout=_TIMEOUT_MILLISECONDS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(existing),
        )
        return options_to_json_dict(options)

    def request_options(
        self, challenge: bytes, allowed: Sequence[Passkey] | None
    ) -> dict[str, Any]:
        """PublicKeyCredentialRequestOptionsJSON, for those passkeys; for any of this site if None."""
        import webauthn
        from webauthn.helpers.options_to_json_dict import options_to_json_dict
        from webauthn.helpers.structs import UserVerificationRequirement

        options = webauthn.generate_authentication_options(
            rp_id=self._id,
            challenge=challenge,
            timeout=_TIMEOUT_MILLISECONDS,
            allow_credentials=None if allowed is None else _descriptors(allowed),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def read_new(self, response: Mapping[str, Any], challenge: bytes) -> NewPasskey:
        """The passkey that RegistrationResponseJSON presents. Raises InvalidSecondFactor."""
        import webauthn

        verified = _verified(
            lambda: webauthn.verify_registration_response(
                credential=dict(response),
                expected_challenge=challenge,
                expected_rp_id=self._id,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        )
        if not 0 < len(verified.credential_id) <= _CREDENTIAL_ID_MAXIMUM_BYTES:
            raise InvalidSecondFactor
        return NewPasskey(
            verified.credential_id,
            verified.credential_public_key,
            verified.sign_count,
            _transports(response),
        )

    def counter(self, response: Mapping[str, Any], challenge: bytes, passkey: Passkey) -> int:
        """The signature counter in AuthenticationResponseJSON of that passkey.

        Raises InvalidSecondFactor, also for a counter that has not increased, unless both are 0, where the
        authenticator has not verified its user, and where the answer says that it is of another user.
        """
        import webauthn

        is_named = _verified(lambda: bool(response["response"].get("userHandle")))
        if is_named and user_id(response) != passkey.user_id:
            raise InvalidSecondFactor
        verified = _verified(
            lambda: webauthn.verify_authentication_response(
                credential=dict(response),
                expected_challenge=challenge,
                expected_rp_id=self._id,
                expected_origin=self._origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.counter,
                require_user_verification=True,
            )
        )
        if verified.credential_id != passkey.credential_id:
            raise InvalidSecondFactor
        return verified.new_sign_count


def credential_id(response: Mapping[str, Any]) -> bytes:
    """Which passkey answered, not yet verified. Raises InvalidSecondFactor if malformed."""
    from webauthn.helpers import base64url_to_bytes

    return _verified(lambda: base64url_to_bytes(response["rawId"]))


def user_id(response: Mapping[str, Any]) -> UUID:
    """Whose passkey answered, not yet verified. Raises InvalidSecondFactor if it does not say so."""
    from webauthn.helpers import base64url_to_bytes

    return _verified(lambda: UUID(bytes=base64url_to_bytes(response["response"]["userHandle"])))


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return [
        PublicKeyCredentialDescriptor(
            id=passkey.credential_id,
            transports=[AuthenticatorTransport(each) for each in passkey.transports] or None,
        )
        for passkey in passkeys
    ]


def _transports(response: Mapping[str, Any]) -> tuple[str, ...]:
    """How a browser reaches the authenticator: those that are known."""
    from webauthn.helpers.structs import AuthenticatorTransport

    known = {transport.value for transport in AuthenticatorTransport}
    listed = _verified(lambda: list(response["response"].get("transports") or []))
    return tuple(sorted({each for each in listed if isinstance(each, str)} & known))


def _verified(read: Callable[[], Verified]) -> Verified:
    """The result. Whatever a parser of a stranger's bytes raises makes them a wrong answer."""
    try:
        return read()
    except Exception as error:
        raise InvalidSecondFactor from error
