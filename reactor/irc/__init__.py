"""The IRC gateway: IRC clients in the same rooms as native ones.

Nothing outside this package knows IRC, and a server without an IRC port imports nothing of it.
"""
