"""A person: somebody on the server, as the others know them.

A person has a name, and may be away. A session is one conversation of a person. Messages, lists and notices name the
person.
"""

from pylingo.shared.names import fold


class Person:
    """`name` is shown as it was typed, and unique on the server by `key`, the form by which names are compared.

    `since` is when the person came, in microseconds since 1970. `away` says why the person is away; None: is not.
    """

    __slots__ = ("away", "key", "name", "since")

    def __init__(self, name: str, since: int, away: str | None = None) -> None:
        self.name = name
        key = fold(name)
        self.key = key if key != name else name  # most names equal their folded form: share the string
        self.since = since
        self.away = away

    def called(self, name: str) -> "Person":
        """The same person with another name."""
        return Person(name, self.since, self.away)
