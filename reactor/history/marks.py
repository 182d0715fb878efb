"""What a history file remembers besides messages: a few numbers, by their names.

`reserved`: no stamp above it was given yet. It is committed before stamps up to it are used, so that after a sudden
end with the clock behind none is given again that others have seen. `sound` and `ran`: see `clock.Trust`.
"""

import sqlite3

TABLE = "create table mark (name text primary key, value integer not null) strict, without rowid;"
_LARGEST = 2**63 - 1


def read(file: sqlite3.Connection) -> dict[str, int]:
    """All of them, by name."""
    return dict(file.execute("select name, value from mark"))


def put(file: sqlite3.Connection, **values: int | None) -> None:
    """Set numbers, or forget them (None). The next commit keeps it."""
    for name, value in values.items():
        if value is None:
            file.execute("delete from mark where name = ?", (name,))
        else:
            file.execute("insert or replace into mark values (?, ?)", (name, min(value, _LARGEST)))
