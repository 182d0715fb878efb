"""The terminal client and the benchmark. Both run on `reactor.engine`, and neither knows the server's inside."""
