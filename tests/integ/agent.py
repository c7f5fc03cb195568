#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A seccomp agent: agent.py SOCKET DIRECTORY
# Each container process state is written to DIRECTORY/N, N counting from 0, as it came. Of the calls that are notified, mkdir and mkdirat
# are answered with the errno that the metadata names ("errno=123"); all others go on. Each is a line of DIRECTORY/calls.
import array
import fcntl
import json
import os
import socket
import struct
import sys
import threading

RECV, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
MKDIR = (83, 258)


def answer(listener, errno, calls):
    while True:
        notif = bytearray(80)
        try:
            fcntl.ioctl(listener, RECV, notif)
        except OSError:
            return  # its last process has gone
        ident, _pid, _flags, number = struct.unpack_from("=QIIi", notif)
        calls.write("%d\n" % number)
        calls.flush()
        failed = number in MKDIR and errno
        response = struct.pack("=QqiI", ident, 0, -errno if failed else 0, 0 if failed else CONTINUE)
        try:
            fcntl.ioctl(listener, SEND, response)
        except OSError:
            pass  # it was killed meanwhile


def main():
    path, directory = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(16)
    calls = open(os.path.join(directory, "calls"), "w")
    number = 0
    while True:
        conn, _ = server.accept()
        text, fds = b"", array.array("i")
        while True:
            data, control, _flags, _ = conn.recvmsg(65536, socket.CMSG_SPACE(64))
            for level, kind, body in control:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(body)
            if not data:
                break  # one state a connection, which is closed then
            text += data
        with open(os.path.join(directory, "%d.new" % number), "wb") as f:
            f.write(text)
        os.rename(os.path.join(directory, "%d.new" % number), os.path.join(directory, "%d" % number))
        number += 1
        metadata = json.loads(text).get("metadata", "")
        errno = int(metadata[6:]) if metadata.startswith("errno=") else 0
        threading.Thread(target=answer, args=(fds[0], errno, calls), daemon=True).start()


main()
