"""Everything that the client and the server share. Pure: it uses no sockets and no clock, and imports nothing above it.

The protocol, in reading order: `errors`, `framing`, `text`, `names`, `schema`, `messages`, `codec`, `commands`.
PROTOCOL.md describes it in prose.

The programs: `launch` starts them, `values`, `networks`, `settings` and `settings_file` read their settings, `address`
and `files` are helpers.
"""

__version__ = "1.1.0"

PROTOCOL_VERSION = 1
