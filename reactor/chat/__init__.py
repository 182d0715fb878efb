"""The chat: people, rooms and messages. It knows nothing of sockets, selectors or MessagePack.

Frames are encoded by `shared.codec`; time and connections are handed in. Read in this order: `room` (with `batch`),
`outbox` (with `pieces` and `gaps`), `person`, `hub` (with `access`, `seats`, `tokens` and `listing`), `session` (with
`peer`, `presence`, `addressing` and `resuming`), `entrance`, `moderation`, `commands`, `requests`.
"""
