"""The smallest possible fan-out: `for sock in others: sock.send(frame)`, on a selector. `python bare.py`.

A piece that begins with F goes back to its sender; every other piece goes to all other clients as it arrived. There are
no rooms, names, checks or queues: this is a price to compare with, not a server to use.
"""

import selectors
import socket


def main() -> None:
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    print(listener.getsockname()[1], flush=True)
    socks: list[socket.socket] = []
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                sock, _ = listener.accept()
                sock.setblocking(False)
                socks.append(sock)
                selector.register(sock, selectors.EVENT_READ)
                continue
            speaker = key.fileobj
            assert isinstance(speaker, socket.socket)
            frame = speaker.recv(65_536)
            if not frame:
                selector.unregister(speaker)
                socks.remove(speaker)
                speaker.close()
            elif frame.startswith(b"F"):
                speaker.send(frame)
            else:
                for sock in socks:
                    if sock is not speaker:
                        sock.send(frame)


if __name__ == "__main__":
    main()
