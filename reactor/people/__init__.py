"""The registers of people: keys, members, names, bans, mutes and invitations, and their file.

Everything here is without sockets and without the loop. The chat calls `register`, and its
`moderation` for bans and mutes.
"""
