"""What client and server agree on. Pure: no sockets, no clock, and nothing imported from the other packages.

Read in this order: `errors`, `framing`, `text`, `schema`, `messages`, `codec`, `commands`. PROTOCOL.md is their prose.
"""

__version__ = "1.1.0"

PROTOCOL_VERSION = 1
