"""The client's data folder: its key, and the servers that it knows."""

from pathlib import Path


def data_file(name: str) -> Path | None:
    """Return the path of a file in the platform's data folder; None without a home folder."""
    from platformdirs import user_data_path

    try:
        path = user_data_path("pylingo", appauthor=False) / name
    except RuntimeError:  # older versions return a relative path
        return None
    return path if path.is_absolute() else None
