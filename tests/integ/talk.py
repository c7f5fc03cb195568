#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of the traffic of 77-ports.bats.

talk.py serve FILE PORT...      answers every connection and datagram at these ports with "PORT PEER-ADDRESS"; FILE appears when it listens
talk.py ask ADDRESS PORT [udp]  says what comes back; 1 if nothing does within $PATIENCE seconds (3); from port $SOURCE, if set
"""
import os
import selectors
import socket
import sys


def serve(ready, ports):
    sel = selectors.DefaultSelector()
    for port in ports:
        for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = socket.socket(family, kind)
                if kind == socket.SOCK_STREAM:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((any_address, port))
                if kind == socket.SOCK_STREAM:
                    s.listen(64)
                sel.register(s, selectors.EVENT_READ, port)
    os.close(os.open(ready, os.O_CREAT | os.O_WRONLY, 0o600))
    while True:
        for key, _ in sel.select():
            s, port = key.fileobj, key.data
            if s.type == socket.SOCK_STREAM:
                connection, peer = s.accept()
                connection.sendall(f"{port} {peer[0]}\n".encode())
                connection.close()
            else:
                _, peer = s.recvfrom(64)
                s.sendto(f"{port} {peer[0]}\n".encode(), peer)


def ask(address, port, kind):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, kind)
    s.settimeout(float(os.environ.get("PATIENCE", "3")))
    try:
        if "SOURCE" in os.environ:
            s.bind(("", int(os.environ["SOURCE"])))
        s.connect((address, port))
        if kind == socket.SOCK_DGRAM:
            s.send(b"?")
        print(s.recv(100).decode().strip())
    except OSError as e:
        print(f"nothing: {e}")
        sys.exit(1)


if sys.argv[1] == "serve":
    serve(sys.argv[2], [int(port) for port in sys.argv[3:]])
else:
    ask(sys.argv[2], int(sys.argv[3]), socket.SOCK_DGRAM if "udp" in sys.argv[4:] else socket.SOCK_STREAM)
