"""The client's data folder: its key, and the servers that it knows."""

from pathlib import Path


def key_path() -> Path | None:
    """Return the path of the key that is made on first use; None without a home folder."""
    return _data_file("id_ed25519")


def known_hosts_path() -> Path | None:
    """Return the path of the file of known hosts; None without a home folder."""
    return _data_file("known_hosts")


def is_missing(path: Path) -> bool:
    """Whether there is no such file. A file that cannot be looked at is not missing."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _data_file(name: str) -> Path | None:
    from platformdirs import user_data_path

    try:
        path = user_data_path("pylingo", appauthor=False) / name
    except RuntimeError:  # older versions return a relative path
        return None
    return path if path.is_absolute() else None
