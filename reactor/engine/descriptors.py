"""The limit of open descriptors: raised as far as the system allows."""

import resource

UNLIMITED = 1_000_000
"""Descriptors, where the system has no limit."""


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS says "unlimited" and means less
            return soft
    return hard if hard != resource.RLIM_INFINITY else UNLIMITED
