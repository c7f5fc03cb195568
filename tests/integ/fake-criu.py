#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `criu swrk FD` says and does as seen from outside, for kernels that CRIU cannot dump on: its messages, put together by hand.

A dump kills the process (or leaves it) and writes the request to DIR/dump-request; a restore starts `tinit sleep` in the root, as a
child of its caller, with a terminal if DIR/inventory.img says so. DIR is the images' directory. FAKE_FAIL=STEP makes it say no there,
FAKE_FAIL=lost kill its caller when all is written.
"""
import array
import ctypes
import json
import os
import pty
import signal
import socket
import sys

DUMP, RESTORE, PRE_DUMP, NOTIFY, FEATURE_CHECK, VERSION = 1, 2, 4, 6, 9, 10
CLONE_PARENT = 0x8000
NAMES = {1: "images_fd", 2: "pid", 3: "leave_running", 5: "tcp_established", 8: "file_locks", 10: "log_file", 13: "root", 14: "parent",
         17: "work_fd", 23: "mounts", 25: "cgroup_roots", 27: "inherited", 34: "cgroup_mode", 37: "external", 44: "freeze_cgroup"}
libc = ctypes.CDLL(None, use_errno=True)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    at, found = 0, []
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        found.append((key >> 3, value))
    return found


def number(value):
    out = b""
    while value > 0x7f:
        out, value = out + bytes([value & 0x7f | 0x80]), value >> 7
    return out + bytes([value])


def put(field, value):
    if isinstance(value, int):
        return number(field << 3) + number(value)
    return number(field << 3 | 2) + number(len(value)) + value


def options_of(raw):
    found = {}
    for field, value in fields(raw):
        name = NAMES.get(field)
        if field in (23, 25, 27):
            found.setdefault(name, []).append([v.decode() if isinstance(v, bytes) else v for _, v in fields(value)])
        elif field == 37:
            found.setdefault(name, []).append(value.decode())
        elif name:
            found[name] = value.decode() if isinstance(value, bytes) else value
    return found


class Criu:
    def __init__(self, fd):
        self.socket = socket.socket(fileno=fd)
        self.fail = os.environ.get("FAKE_FAIL")
        pid = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.peer = int.from_bytes(pid[:4], sys.byteorder)

    def directory(self, fd):
        return f"/proc/{self.peer}/fd/{fd}"

    def say(self, kind, success=True, more=b"", fds=()):
        message = put(1, kind) + put(2, int(success)) + more
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([message], rights)

    def notify(self, script, pid, fds=()):
        self.say(NOTIFY, more=put(5, put(1, script.encode()) + put(2, pid)), fds=fds)
        answer = dict(fields(self.socket.recv(65536)))
        return answer.get(3) == 1

    def log(self, o, text):
        with open(os.path.join(self.directory(o["work_fd"]), o["log_file"]), "w") as f:
            f.write(f"(00.000001) Error (criu/fake.c:1): {text}\n")

    def refuse(self, kind, o, text):
        self.log(o, text)
        self.say(kind, False, put(7, 5))

    def dump(self, kind, o):
        if self.fail == "dump":
            return self.refuse(kind, o, "fake: it was to fail")
        with open(os.path.join(self.directory(o["images_fd"]), "dump-request"), "w") as f:
            json.dump(o, f)
        if not self.notify("post-dump", o["pid"]):
            return self.refuse(kind, o, "fake: refused")
        if self.fail == "lost":
            return os.kill(self.peer, signal.SIGKILL)
        if kind == DUMP and not o.get("leave_running"):
            os.kill(o["pid"], signal.SIGKILL)
        return self.say(kind)

    def child(self, o, slave):
        if slave >= 0:
            os.setsid()
            for fd in range(3):
                os.dup2(slave, fd)
        os.chroot(o["root"])
        os.chdir("/")
        os.execv("/bin/tinit", ["tinit", "sleep"])

    def restore(self, o):
        images = self.directory(o["images_fd"])
        with open(os.path.join(images, "restore-request"), "w") as f:
            json.dump(o, f)
        with open(os.path.join(images, "inventory.img")) as f:
            terminal = "terminal" in f.read()
        if self.fail == "restore":
            return self.refuse(RESTORE, o, "fake: it was to fail")
        if self.fail == "die":
            os._exit(1)
        master, slave = pty.openpty() if terminal else (-1, -1)
        pid = libc.syscall(56, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            self.child(o, slave)
        if not self.notify("setup-namespaces", pid):
            os.kill(pid, signal.SIGKILL)
            return self.refuse(RESTORE, o, "fake: refused")
        if terminal:
            self.notify("orphan-pts-master", pid, [master])
        if self.fail == "late":
            os.kill(pid, signal.SIGKILL)
            return self.refuse(RESTORE, o, "fake: it was to fail late")
        return self.say(RESTORE, more=put(4, put(1, pid)))

    def serve(self):
        while True:
            data = self.socket.recv(1 << 20)
            if not data:
                return
            request = dict(fields(data))
            kind = request[1]
            if kind == VERSION:
                self.say(kind, more=put(10, put(1, 3) + put(2, 17)))
            elif kind == FEATURE_CHECK:
                self.say(kind, more=put(8, put(1, 1) + put(2, 0)))
            elif kind in (DUMP, PRE_DUMP):
                self.dump(kind, options_of(request[2]))
            elif kind == RESTORE:
                self.restore(options_of(request[2]))


Criu(int(sys.argv[2])).serve()
