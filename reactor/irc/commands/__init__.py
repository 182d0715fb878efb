"""The IRC commands, in modules by subject. `table` puts them together."""
