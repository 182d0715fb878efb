"""Several servers behind one port, as one program: a supervisor accepts, and passes the sockets to its workers.

With SO_REUSEPORT, which would need no supervisor, a worker that ends resets the connections that the system has queued
for it: 100 of 200 in a trial. Here the supervisor keeps its copy of a socket until the worker has taken it over.
"""
