"""The history of rooms: the messages that were sent, in memory or in an SQLite file.

The server calls it through the protocol `History`. To learn how it works, read the modules in this order:

1. `history`: the protocol, and the pages that it returns. `memory`: a history in memory, within a bound.
2. `sqlite`: a history in a file. Its part in the event loop never waits for the disk; a thread does. `reservation`:
   stamps that are reserved on disk ahead. `pending_redactions`: the redactions that the file may not have.
3. `writer_queue`: the tasks for the thread, and the loop's bounded queue of them, which notices a disk that hangs.
4. `writer`: the thread. `outage`: the thread while the file cannot be used.
5. `database`: opening and upgrading the file, and whether it is still the same file. `store`: its queries.
6. `chapters`: the index of the words in the file. `indexer`: how the thread keeps it up to date.
7. `finder`: searching, in memory and in the file. `searcher`: the thread that searches the file.
8. `key_filters`: which keys the file may hold. `clock`: whether the wall clock can be trusted.
"""
