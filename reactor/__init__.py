"""The server. `engine` knows sockets, bytes and time; `chat` knows people, rooms and words; `server` joins the two."""
