"""A person: somebody on the server, as the others know them.

A person has a name. A session is one conversation of a person. Messages, lists and notices name the person.
"""

from pylingo.shared.names import fold


class Person:
    """`name` is shown as it was typed, and unique on the server by `key`, the form by which names are compared."""

    __slots__ = ("key", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        key = fold(name)
        self.key = key if key != name else name  # most names equal their folded form: share the string
