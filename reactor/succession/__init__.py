"""An upgrade while people talk: a running server is replaced by a new process, and its people resume their sessions."""
