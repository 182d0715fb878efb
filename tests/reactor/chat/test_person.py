"""A person: a name, and the form by which it is compared."""

import pytest

from pylingo.reactor.chat.person import Person


@pytest.mark.parametrize(("name", "key"), [("ada", "ada"), ("Ada", "ada"), ("\uff21da", "ada"), ("STRASSE", "strasse")])
def test_names_are_shown_as_typed_and_compared_folded(name, key):
    person = Person(name)
    assert (person.name, person.key) == (name, key)
