"""The bus: what orders the messages of a room and knows who is where, in one server or in several."""
