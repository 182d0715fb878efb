"""The terminal client and the benchmark. Both run on `reactor.engine`, and neither knows the server's inside.

`wording` and `lines` are pure; `link` is the connection; `plain` prints one line after another. `chat` chooses.
"""
