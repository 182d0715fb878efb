"""The limit of open descriptors: raised as far as the system allows."""

import errno
import resource

SPARE_DESCRIPTORS = 32
"""Descriptors that connections cannot use: listeners, the wake-up, files, goodbyes to refused peers."""
UNLIMITED = 1_000_000
"""Descriptors, where the system has no limit."""


def descriptors_for_connections() -> int:
    """Raise the limit of open descriptors; return how many connections it suffices for. Raises `OSError` if none."""
    most = raise_descriptor_limit() - SPARE_DESCRIPTORS
    if most < 1:
        raise OSError(errno.EMFILE, f"the descriptor limit must be above {SPARE_DESCRIPTORS} (see ulimit -n)")
    return most


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS says "unlimited" and means less
            return soft
    return hard if hard != resource.RLIM_INFINITY else UNLIMITED
