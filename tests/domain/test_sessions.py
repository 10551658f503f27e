"""Access tokens, API tokens and links: valid ones are accepted, everything else is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from domain import errors, ids
from domain.people import sessions
from domain.people.sessions import Principal, Scope

ISSUER = "https://wallet.example"
KEY = "the newest secret, and long enough for HS256"
OLD_KEY = "the secret before it, also long enough for it"
NOW = datetime(2026, 11, 22, 8, 30, 0, 250_000, tzinfo=UTC)
LIFETIME = timedelta(minutes=15)
WHO = Principal(user_id=UUID(int=7), session_id=UUID(int=8))


def _issue(key: str = KEY, issuer: str = ISSUER) -> str:
    return sessions.issue_access_token(WHO, issuer=issuer, secret=key, lifetime=LIFETIME, now=NOW)[
        0
    ]


def _verify(token: str, *, now: datetime = NOW, keys: tuple[str, ...] = (KEY,)) -> Principal:
    return sessions.verify_access_token(token, issuer=ISSUER, jwt_secrets=keys, now=now)


def _claims(**changes: object) -> dict[str, object]:
    claims = jwt.decode(_issue(), options={"verify_signature": False})
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def _signed(claims: dict[str, object], *, algorithm: str = "HS256", typ: str = "at+jwt") -> str:
    return jwt.encode(claims, KEY, algorithm=algorithm, headers={"typ": typ})


def _part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# ================================================================ access tokens


def test_an_access_token_names_its_user_session_and_end() -> None:
    token, expires_at = sessions.issue_access_token(
        WHO, issuer=ISSUER, secret=KEY, lifetime=LIFETIME, now=NOW
    )
    assert expires_at == datetime(2026, 11, 22, 8, 45, tzinfo=UTC)
    assert _verify(token) == Principal(WHO.user_id, WHO.session_id, expires_at=expires_at)
    assert _verify(token).may(Scope.SEND_MONEY)


def test_a_token_that_is_merely_out_of_date_says_so() -> None:
    token = _issue()
    assert _verify(token, now=NOW.replace(minute=44, second=59)).user_id == WHO.user_id
    with pytest.raises(sessions.TokenExpired):
        _verify(token, now=NOW.replace(minute=45, microsecond=0))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-service"},
        {"typ": "refresh"},
        {"typ": None},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"sid": None},
        {"iat": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 10**30},
        {"exp": -(10**30)},
        {"sub": "1"},
        {"sub": 7},
        {"sid": "None"},
        {"sid": 8},
        {"sid": ["a"]},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_turned_away(changes: dict[str, object]) -> None:
    with pytest.raises(errors.Unauthenticated) as refusal:
        _verify(_signed(_claims(**changes)))
    assert not isinstance(refusal.value, sessions.TokenExpired)


def test_a_forged_token_never_counts_as_merely_out_of_date() -> None:
    late = NOW + timedelta(days=1)
    for token in (
        _issue("another secret of 32 bytes or more"),
        _issue(issuer="https://other.example"),
    ):
        with pytest.raises(errors.Unauthenticated) as refusal:
            _verify(token, now=late)
        assert not isinstance(refusal.value, sessions.TokenExpired)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_only_our_algorithm_is_accepted(algorithm: str) -> None:
    with pytest.raises(errors.Unauthenticated):
        _verify(_signed(_claims(), algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", ""])
def test_an_unsigned_token_is_turned_away(algorithm: str) -> None:
    head, body = _part({"alg": algorithm, "typ": "at+jwt"}), _part(_claims())
    for signature in ("", _issue().rsplit(".", 1)[1]):
        with pytest.raises(errors.Unauthenticated):
            _verify(f"{head}.{body}.{signature}")


def test_a_token_signed_with_a_key_pair_is_turned_away() -> None:
    private_key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    token = jwt.encode(_claims(), private_key, algorithm="RS256", headers={"typ": "at+jwt"})
    with pytest.raises(errors.Unauthenticated):
        _verify(token)
    # The classic confusion: HS256 with the public key's text as the secret, header untouched.
    public = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signing_input = f"{_part({'alg': 'HS256', 'typ': 'at+jwt'})}.{_part(_claims())}"
    signature = hmac.digest(public, signing_input.encode(), hashlib.sha256)
    with pytest.raises(errors.Unauthenticated):
        _verify(f"{signing_input}.{_part(signature)}")


def test_a_token_of_another_purpose_is_turned_away() -> None:
    for typ in ("JWT", "secevent+jwt", "application/at+jwt"):
        with pytest.raises(errors.Unauthenticated):
            _verify(_signed(_claims(), typ=typ))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "mw_abc", "Bearer x", "\x00", "é.é.é", "\ud800", "A" * 10_000]
)
def test_what_is_no_token_is_turned_away(text: str) -> None:
    with pytest.raises(errors.Unauthenticated):
        _verify(text)


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_changed_character_spoils_a_token(position: int, character: str) -> None:
    token = _issue()
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed == token:
        return
    with pytest.raises(errors.Unauthenticated):
        _verify(changed)


def test_a_rotated_key_still_verifies_and_a_removed_one_does_not() -> None:
    old = _issue(OLD_KEY)
    assert _verify(old, keys=(KEY, OLD_KEY)).user_id == WHO.user_id
    with pytest.raises(errors.Unauthenticated):
        _verify(old, keys=(KEY,))
    with pytest.raises(sessions.TokenExpired):
        _verify(old, keys=(KEY, OLD_KEY), now=NOW + timedelta(days=1))


# ================================================================ who asks


def test_a_program_may_do_what_its_scopes_say() -> None:
    program = Principal(
        UUID(int=7), api_token_id=UUID(int=9), scopes=frozenset({Scope.READ_PROFILE})
    )
    assert program.may(Scope.READ_PROFILE)
    assert not program.may(Scope.SEND_MONEY)
    assert program.credential_id == UUID(int=9)
    assert WHO.credential_id == WHO.session_id


# ================================================================ API tokens and links


def test_an_api_token_names_its_owner_and_row() -> None:
    user_id, row_id = ids.new_id(), ids.new_id()
    text = sessions.new_api_token(user_id, row_id)
    assert text.startswith("mw_")
    assert sessions.read_api_token(text) == sessions.NamedSecret(user_id, row_id, text)
    assert sessions.read_link_token(text) is None


def test_a_links_token_names_its_owner_and_row() -> None:
    user_id, row_id = ids.new_id(), ids.new_id()
    text = sessions.new_link_token(user_id, row_id)
    assert sessions.read_link_token(text) == sessions.NamedSecret(user_id, row_id, text)
    assert sessions.read_api_token(text) is None


def test_secrets_differ_and_are_stored_as_hashes() -> None:
    user_id, row_id = ids.new_id(), ids.new_id()
    first, second = (sessions.new_api_token(user_id, row_id) for _ in range(2))
    assert first != second
    assert sessions.hash_secret(first) == hashlib.sha256(first.encode()).digest()
    assert len(sessions.hash_secret("\ud800")) == 32


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t + "=",
        lambda t: t[:-1],
        lambda t: t + "A",
        str.upper,
        lambda t: " " + t,
        lambda _: "mw_",
        lambda _: "",
        lambda _: "mw_é",
        lambda _: "mw_\ud800",
    ],
)
def test_a_malformed_api_token_is_refused(spoil: object) -> None:
    assert callable(spoil)
    assert sessions.read_api_token(spoil(sessions.new_api_token(UUID(int=1), UUID(int=2)))) is None


def test_each_secret_has_one_spelling() -> None:
    text = sessions.new_link_token(UUID(int=1), UUID(int=2))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [text[:-1] + last for last in alphabet]
    read = [named for each in spellings if (named := sessions.read_link_token(each))]
    assert len({named.text for named in read}) == len(read)
    assert len(read) == 4
