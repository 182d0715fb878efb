"""What was said: the history of each room and of each pair of people, in memory or in an SQLite file."""
