"""A reactor on `selectors`: one thread, non-blocking sockets, a clock that is passed in. It knows nothing of chat.

Read in this order: `timers`, `wakeup`, `loop`, `send_queue`, `transport`, `listener`, `dial`, `deadlines`.
"""
