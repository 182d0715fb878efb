"""A reactor on `selectors`: one thread, non-blocking sockets, time handed in. It knows nothing of chat.

Read in this order: `timers`, `wakeup`, `loop`, `transport`, `listener`, `dial`, `deadlines`.
"""
