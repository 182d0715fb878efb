"""The commands of IRC, in modules by subject. `table` puts them together."""
