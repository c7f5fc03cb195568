#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""console.py SOCKET FILE [WORD]: takes one terminal's master at SOCKET, says WORD to it, and writes what comes from it to FILE."""
import array
import os
import socket
import sys

path, out, words = sys.argv[1], sys.argv[2], sys.argv[3:]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
listener.listen(1)
connection, _ = listener.accept()
fds = array.array("i")
_, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(fds.itemsize))
fds.frombytes(ancillary[0][2][:fds.itemsize])
for word in words:
    os.write(fds[0], word.encode() + b"\n")
with open(out, "wb", buffering=0) as f:
    while True:
        try:
            data = os.read(fds[0], 4096)
        except OSError:  # nobody has the other end
            break
        if not data:
            break
        f.write(data)
