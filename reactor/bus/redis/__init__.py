"""The bus of several servers that are one chat, on Redis. It is imported only for a server of a cluster."""
