"""People, rooms and words. It knows nothing of sockets, selectors or MessagePack: frames come from `shared.codec`,
time and the connections are handed in.

Read in this order: `hub`, `room`, `session`, `commands`, `listing`; then `history` and `disk`, the log.
"""
