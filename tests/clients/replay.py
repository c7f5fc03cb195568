# SPDX-License-Identifier: Apache-2.0
"""Plays containerd's part of a recorded conversation with a shim again: replay.py SHIM ROOTFS CONFIG TRANSCRIPT.

transcripts/README says what a transcript looks like. Requests are sent as they were, byte for byte, and the answers are compared
with what was answered then: pids may be others, if they are the same ones in the same places, and times are others. What containerd
makes before it asks (bundles, FIFOs, the directories of an overlay) is made of what the requests say.
"""
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading

SHIM, ROOTFS, CONFIG, TRANSCRIPT = sys.argv[1:]
BUNDLES = "/run/containerd/io.containerd.runtime.v2.task"
TIMEOUT = 20
GO_ZERO_TIME = bytes.fromhex("088092b8c398feffffff01")
# Of an answer, by the numbers of its members: a pid, a time, or what is inside; all else is compared as it is.
PID, TIME, ANY = "pid", "time", "any"
ANSWERS = {
    "Create": {1: PID}, "Start": {1: PID}, "Delete": {1: PID, 3: TIME}, "Wait": {2: TIME}, "Connect": {1: PID, 2: PID},
    "State": {3: PID, 10: TIME}, "Pids": {1: {1: PID}}, "Stats": {1: {2: ANY}},
}


def members(data):
    """The members of a message, as pairs of number and value."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        value = varint()
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        elif key & 7:
            raise ValueError("a member of type %d" % (key & 7))
        yield key >> 3, value


def first(data, number, default=b""):
    return dict(reversed(list(members(data)))).get(number, default)


def shape(data, form, pids):
    """A message for comparison: pids become the order in which they were seen."""
    for number, value in members(data):
        what = form.get(number)
        if what == PID:
            value = pids.setdefault(value, len(pids))
        elif what == TIME:
            value = "never" if value == GO_ZERO_TIME else "once"
        elif what == ANY:
            value = "something"
        elif what:
            value = list(shape(value, what, pids))
        yield number, value


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.answers = {}

    def read(self):
        head = self.socket.recv(10, socket.MSG_WAITALL)
        length, stream = struct.unpack(">II2x", head)
        self.answers[stream] = self.socket.recv(length, socket.MSG_WAITALL) if length else b""

    def answer(self, stream):
        while stream not in self.answers:
            self.read()
        return self.answers.pop(stream)


def text(number, value):
    return bytes([number << 3 | 2, len(value)]) + value


class Player:
    def __init__(self):
        self.addresses = {}  # of the shims, by container
        self.groups = {}  # the pod of a container
        self.connections = {}
        self.owners = {}  # containers, by connection
        self.requests = {}  # what was asked, by connection and stream
        self.outputs = {}  # FIFOs that processes write to
        self.fds = []
        self.pids = ({}, {})
        self.topics = []  # a list for each shim: what two of them say has no order
        self.takers = []

    # ---- what containerd makes

    def fifo(self, path):
        if not path.startswith("/"):
            return None
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkfifo(path, 0o700)
        self.fds.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        return self.fds[-1]

    def bundle(self, namespace, container):
        path = "%s/%s/%s" % (BUNDLES, namespace, container)
        os.makedirs(path + "/rootfs")
        with open(CONFIG, encoding="utf-8") as file:
            config = json.load(file)
        config["root"]["path"] = "rootfs"
        config["process"]["args"] = ["tinit", "sleep"]
        config["linux"]["cgroupsPath"] = "/%s/%s" % (namespace, container)
        if container in self.groups:
            config["annotations"] = {"io.kubernetes.cri.sandbox-id": self.groups[container]}
        with open(path + "/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.fifo(path + "/log")
        return path

    def overlay(self, mount):
        for number, option in members(mount):
            if number == 4 and option.startswith((b"upperdir=", b"workdir=")):
                os.makedirs(option.split(b"=")[1], exist_ok=True)
            elif number == 4 and option.startswith(b"lowerdir="):
                lower = option.split(b"=")[1]
                os.makedirs(os.path.dirname(lower), exist_ok=True)
                if not os.path.lexists(lower):
                    os.symlink(ROOTFS, lower)

    def before(self, method, payload):
        name = (first(payload, 1), first(payload, 2) if method in ("Exec", "Kill") else b"")
        if method == "Create":
            stdio = [first(payload, number).decode() for number in (5, 6, 7)]
            for number, value in members(payload):
                if number == 3:
                    self.overlay(value)
        elif method == "Exec":
            stdio = [first(payload, number).decode() for number in (4, 5, 6)]
        else:
            if method == "Kill" and name in self.outputs:
                # it has begun, or the signal would come before its handlers
                assert select.select([self.outputs[name]], [], [], TIMEOUT)[0], "nothing from %s %s" % name
            return
        fds = [self.fifo(path) for path in stdio]
        if fds[1] is not None:
            self.outputs[name] = fds[1]

    # ---- the conversation

    def run(self, stdin, args, env):
        args, env = args.split(), dict(pair.split("=", 1) for pair in env.split())
        container = args[args.index("-id") + 1]
        namespace = args[args.index("-namespace") + 1]
        if args[-1] == "start":
            bundle = self.bundle(namespace, container)
        else:
            bundle = "%s/%s/%s" % (BUNDLES, namespace, container)
        out = subprocess.run([SHIM] + args, input=bytes.fromhex(stdin.strip("-")), env={**os.environ, **env}, cwd=bundle, check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT).stdout
        if args[-1] == "start":
            assert out.startswith(b"unix:///"), out
            self.addresses[container] = out.decode()[len("unix://"):]
        else:
            # as after an end that was told: the code of the container's end, which need not be 137
            print(args[-1], container[:2], [value for number, value in members(out) if number == 2])

    def ended(self, connection, payload):
        """Waits for the end of what was killed, which a later answer may tell of."""
        link = Connection(self.addresses[self.owners[connection]])
        data = text(1, b"containerd.task.v2.Task") + text(2, b"Wait") + text(3, text(1, first(payload, 1)) + text(2, first(payload, 2)))
        link.socket.sendall(struct.pack(">IIBB", len(data), 1, 1, 0) + data)
        link.answer(1)

    def line(self, words):
        kind, rest = words[0], words[1:]
        if kind in ("start", "delete"):
            self.run(rest[0], *" ".join(rest[1:]).split(" | "))
        elif kind == "group":
            self.groups[rest[0]] = rest[1]
        elif kind == "info":
            out = subprocess.run([SHIM, "-info"], input=bytes.fromhex(rest[0].strip("-")), check=True, stdout=subprocess.PIPE, timeout=TIMEOUT).stdout
            assert first(out, 1) == b"io.containerd.capsule.v2", out
        elif kind == "connect":
            self.connections[rest[0]] = Connection(self.addresses[rest[1]])
            self.owners[rest[0]] = rest[1]
        elif kind == "close":
            self.connections.pop(rest[0]).socket.close()
        elif kind == ">":
            frame = bytes.fromhex(rest[2])
            payload = first(frame[10:], 3)
            self.before(rest[1], payload)
            self.requests[rest[0], struct.unpack(">I", frame[4:8])[0]] = payload
            self.connections[rest[0]].socket.sendall(frame)
        elif kind == "<":
            frame = bytes.fromhex(rest[2])
            stream = struct.unpack(">I", frame[4:8])[0]
            then, now = (list(self.said(rest[1], data, pids)) for data, pids in
                         zip((frame[10:], self.connections[rest[0]].answer(stream)), self.pids))
            assert then == now, "%s: then %s, now %s" % (rest[1], then, now)
            if rest[1] == "Kill":
                self.ended(rest[0], self.requests[rest[0], stream])
        else:
            raise ValueError(kind)

    @staticmethod
    def said(method, data, pids):
        for number, value in members(data):
            yield number, list(shape(value, ANSWERS.get(method, {}), pids)) if number == 2 else value

    # ---- its events

    def listen(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        threading.Thread(target=self.accept, args=(server,), daemon=True).start()

    def accept(self, server):
        while True:
            link, _ = server.accept()
            self.topics.append([])
            self.takers.append(threading.Thread(target=self.take, args=(link, self.topics[-1]), daemon=True))
            self.takers[-1].start()

    @staticmethod
    def take(link, topics):
        while True:
            head = link.recv(10, socket.MSG_WAITALL)
            if not head:
                return
            length, stream = struct.unpack(">II2x", head)
            envelope = first(first(link.recv(length, socket.MSG_WAITALL), 3), 1)
            topic = first(envelope, 3).decode().rsplit("/", 1)[1]
            topics.append(first(first(first(envelope, 4), 2), 1)[:2].decode() + ":" + topic)
            link.sendall(struct.pack(">IIBB", 0, stream, 2, 0))


player = Player()
player.listen("/run/containerd/containerd.sock.ttrpc")
with open(TRANSCRIPT, encoding="utf-8") as transcript:
    for row, content in enumerate(transcript, 1):
        if content.startswith("#"):
            continue
        try:
            player.line(content.split())
        except Exception as error:
            sys.exit("%s:%d: %s: %s" % (TRANSCRIPT, row, type(error).__name__, error))
for taker in player.takers:
    taker.join(TIMEOUT)  # the shims have gone, with their last word
print(" ".join(topic for topics in player.topics for topic in topics))
