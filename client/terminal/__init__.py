"""The client for people: a model, its update, its view and the line editor, all pure; the edges are tty and painter.

`keys` makes events of the terminal's bytes, `editor` and `completion` are the input line, `cells` says how much room
text takes. What is pure imports neither blessed nor sockets nor the clock.
"""
