"""Everything that the client and the server share. Pure: it uses no sockets and no clock, and imports nothing above it.

The protocol, in reading order: `errors`, `framing`, `text`, `names`, `readers`, `schema`, `messages`, `codec`,
`commands`. PROTOCOL.md describes it in prose.

The start of a program: `launch` runs it; `address`, `values`, `networks`, `settings_file` and `settings` read its
settings. `files` creates private files. `value_class` makes classes of values.
"""

__version__ = "1.1.0"

PROTOCOL_VERSION = 1
