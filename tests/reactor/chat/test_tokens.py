"""Tokens: which session a `hello` resumes."""

import re

import pytest

from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.tokens import Tokens, show_token

CLAIM = "5" * 32


class Resumable:
    def __init__(self, name: str, is_away: bool = True) -> None:
        self.person = Person(name, 0)
        self.is_away = is_away


@pytest.fixture
def tokens() -> Tokens[Resumable]:
    return Tokens()


def test_a_token_finds_its_session_until_it_is_revoked(tokens):
    ada, bob = Resumable("ada"), Resumable("bob", is_away=False)
    issued = {tokens.issue(session): session for session in (ada, bob)}
    assert len(tokens) == 2
    for token, session in issued.items():
        shown = show_token(token)
        assert re.fullmatch("[0-9a-f]{32}", shown)
        assert tokens.find(shown, None) is session
        assert tokens.find(shown, "somebody-else") is session
        tokens.revoke(session, token)
        assert tokens.find(shown, session.person.key) is None
    assert len(tokens) == 0


@pytest.mark.parametrize(
    ("key", "is_away", "found"), [("ada", True, True), ("ada", False, False), ("bob", True, False), (None, True, False)]
)
def test_a_claim_finds_a_session_that_is_away_by_its_name(tokens, key, is_away, found):
    ada = Resumable("Ada", is_away)
    token = tokens.issue(ada)
    tokens.claim(ada, CLAIM)
    assert len(tokens) == 2
    assert tokens.find(CLAIM, key) is (ada if found else None)
    tokens.revoke(ada, token)
    assert len(tokens) == 0


@pytest.mark.parametrize("word", ["", "none", "5" * 31, "5" * 33, "5" * 31 + "g", "5" * 32 + "\n", "\uff15" * 32])
def test_a_token_that_could_be_guessed_is_no_claim(tokens, word):
    ada = Resumable("ada")
    tokens.claim(ada, word)
    assert tokens.find(word, "ada") is None
    assert len(tokens) == 0


def test_the_first_of_two_with_the_same_claim_is_found(tokens):
    first, second = Resumable("ada"), Resumable("guest-2")
    first_token, second_token = tokens.issue(first), tokens.issue(second)
    tokens.claim(first, CLAIM)
    tokens.claim(second, CLAIM)
    tokens.revoke(second, second_token)
    assert tokens.find(CLAIM, "ada") is first
    tokens.revoke(first, first_token)
    assert tokens.find(CLAIM, "ada") is None
    assert len(tokens) == 0


def test_a_token_of_another_server_finds_the_session_that_came_from_there(tokens):
    ada = Resumable("ada")
    tokens.put(ada, 0xA)
    assert tokens.find("a".zfill(32), None) is ada
    assert tokens.find("a", None) is None, "a token has 32 digits"
    tokens.revoke(ada, 0xA)
    assert len(tokens) == 0


def test_a_token_of_another_process_is_kept_with_its_claim(tokens):
    ada, twin = Resumable("ada"), Resumable("ada")
    token = tokens.issue(ada)
    tokens.claim(ada, CLAIM)
    others: Tokens[Resumable] = Tokens()
    others.put(twin, token, tokens.claim_of(ada))
    assert others.find(show_token(token), None) is twin
    assert others.find(CLAIM, "ada") is twin
    others.revoke(twin, token)
    assert len(others) == 0
    assert others.claim_of(twin) is None
