"""A person: a name, and the form by which it is compared."""

import pytest

from pylingo.reactor.chat.person import Person


@pytest.mark.parametrize(("name", "key"), [("ada", "ada"), ("Ada", "ada"), ("\uff21da", "ada"), ("STRASSE", "strasse")])
def test_names_are_shown_as_typed_and_compared_folded(name, key):
    person = Person(name, 5)
    assert (person.name, person.key, person.since, person.away) == (name, key, 5, None)


def test_a_person_of_another_name_came_at_the_same_time_and_is_as_far_away():
    person = Person("ada", 5)
    person.away = "lunch"
    other = person.called("Countess")
    assert (other.name, other.key, other.since, other.away) == ("Countess", "countess", 5, "lunch")
