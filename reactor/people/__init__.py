"""The registers of people: keys, members, names, bans, mutes and invitations, and their file.

Everything here is without sockets and without the loop. `register.py` is what the chat calls.
"""
