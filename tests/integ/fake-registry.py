#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# A registry that misbehaves: fake-registry.py DIR [--cert FILE --key FILE]
#
# It listens on two free ports of 127.0.0.1, writes them to DIR/port and DIR/port2 and every request as a line of JSON
# to DIR/log. The repository's name says what goes wrong; all have one image with the tag "latest", of which DIR/image
# tells the digests. The second port is another origin, to which nothing secret must come.
import argparse
import base64
import gzip
import hashlib
import io
import json
import os
import random
import ssl
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
USER = "Basic " + base64.b64encode(b"user:secret").decode()


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(name, data):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o644
        t.addfile(info, io.BytesIO(data))
    return tar.getvalue()


def dump(value):
    return json.dumps(value).encode()


class Image:
    def __init__(self):
        rnd = random.Random(4)
        tars = [layer("hello", b"hello\n"), layer("big", rnd.randbytes(3 << 20))]
        self.layers = [gzip.compress(t, 1, mtime=0) for t in tars]
        self.config = dump({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]},
                            "rootfs": {"type": "layers", "diff_ids": [digest_of(t) for t in tars]}})
        self.blobs = {digest_of(b): b for b in [self.config, *self.layers]}
        self.manifest = dump({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": self.descriptor(OCI + "config.v1+json", self.config),
            "layers": [self.descriptor(OCI + "layer.v1.tar+gzip", b) for b in self.layers]})
        self.big = digest_of(self.layers[1])

    @staticmethod
    def descriptor(media_type, data, **more):
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}

    def index(self, platforms):
        return dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            self.descriptor(MANIFEST, self.manifest, platform=dict(zip(("os", "architecture", "variant"), p)))
            for p in platforms]})


class Registry(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, log, image):
        super().__init__(("127.0.0.1", 0), Handler)
        self.log, self.image, self.other = log, image, None
        self.lock = threading.Lock()
        self.seen = {}  # how often something was asked for
        self.stored = {}  # what was pushed: by repository and digest, or tag
        self.scheme = "http"

    def count(self, what):
        with self.lock:
            self.seen[what] = self.seen.get(what, 0) + 1
            return self.seen[what]

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle(self):
        # a client that tries TLS first shall not wait for a line to end
        if self.server.scheme == "http" and self.connection.recv(1, 2) == b"\x16":  # MSG_PEEK
            self.connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            return
        super().handle()

    def note(self):
        with self.server.lock:
            self.server.log.write(json.dumps({
                "port": self.server.server_address[1], "method": self.command, "path": self.path,
                "authorization": self.headers.get("Authorization"), "range": self.headers.get("Range")}) + "\n")
            self.server.log.flush()

    def answer(self, status, body=b"", media_type="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message, **headers):
        self.answer(status, dump({"errors": [{"code": code, "message": message}]}), **headers)

    def base(self):
        return "%s://127.0.0.1:%d" % (self.server.scheme, self.server.server_address[1])

    def ask_who(self, repository):
        realm = {
            "evil/realm": "file:///etc/passwd", "evil/realm-http": "http://192.0.2.1/token",
            "evil/realm-user": "http://a:b@127.0.0.1/token",
        }.get(repository, self.base() + "/token")
        header = 'Bearer realm="%s",service="fake \\"registry\\""' % realm
        if repository == "evil/challenge":
            header = 'Bearer realm="' + realm
        self.refuse(401, "UNAUTHORIZED", "who is it?", WWW_Authenticate=header)

    def token(self):
        query = parse_qs(urlsplit(self.path).query)
        scope = query.get("scope", [""])[0]
        repository = scope.split(":")[1] if scope.count(":") >= 2 else ""
        if repository == "auth/private" and self.headers.get("Authorization") != USER:
            return self.refuse(401, "UNAUTHORIZED", "wrong password")
        token = "t-" + base64.urlsafe_b64encode(scope.encode()).decode()
        if repository == "auth/newline":
            token = "t\r\nX-Injected: 1"
        if repository == "auth/endless":
            return self.endless("application/json", b'{"token":"')
        if repository == "auth/empty":
            return self.answer(200, b"{}")
        return self.answer(200, dump({"token": token, "expires_in": 60}))

    def is_known(self, repository, actions):
        if not repository.startswith("auth/"):
            return True
        given = self.headers.get("Authorization") or ""
        if not given.startswith("Bearer t-"):
            return False
        scope = base64.urlsafe_b64decode(given[len("Bearer t-"):]).decode()
        if repository == "auth/expires" and self.server.count(self.path) == 1 and "/blobs/" in self.path:
            return False
        return scope.startswith("repository:" + repository + ":") and actions in scope.split(":")[2]

    def endless(self, media_type, start=b""):
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.end_headers()
        self.close_connection = True
        self.wfile.write(start)
        while True:
            self.wfile.write(b"x" * 65536)

    # -- manifests --------------------------------------------------------------------------------

    def manifest(self, repository, wanted):
        image = self.server.image
        stored = self.server.stored.get((repository, wanted))
        if stored:
            return self.answer(200, stored[1], stored[0], Docker_Content_Digest=digest_of(stored[1]))
        body, media_type, said = image.manifest, MANIFEST, None
        plain = {"schemaVersion": 2, **json.loads(body)}
        if wanted != "latest":
            pass
        elif repository == "index/all":
            body, media_type = image.index([("windows", "amd64"), ("linux", "arm64", "v8"), ("linux", "amd64"),
                                            ("linux", "arm", "v7")]), INDEX
        elif repository == "bad/manifest-digest":
            body, media_type = image.index([("linux", "amd64")]), INDEX
        elif repository == "index/none":
            body, media_type = image.index([("plan9", "mips")]), INDEX
        elif repository == "index/itself":
            body, media_type = dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
                {"mediaType": INDEX, "digest": "sha256:" + "0" * 64, "size": 100,
                 "platform": {"os": "linux", "architecture": "amd64"}}]}), INDEX
        elif repository == "index/index":
            inner = image.index([("linux", "amd64")])
            self.server.stored[(repository, digest_of(inner))] = (INDEX, inner)
            body, media_type = dump({"schemaVersion": 2, "manifests": [
                image.descriptor(INDEX, inner, platform={"os": "linux", "architecture": "amd64"})]}), INDEX
        elif repository == "index/both":
            body, media_type = dump({**json.loads(image.index([("linux", "amd64")])), **plain, "mediaType": INDEX}), INDEX
        elif repository == "bad/type":
            media_type = INDEX
        elif repository == "bad/schema1":
            body, media_type = dump({"schemaVersion": 1, "fsLayers": []}), "application/vnd.docker.distribution.manifest.v1+json"
        elif repository == "bad/header-digest":
            said = "sha256:" + "1" * 64
        elif repository == "bad/json":
            body = body[:-1]
        elif repository == "bad/config-size":
            plain["config"]["size"] = 1 << 40
            body = dump(plain)
        elif repository == "bad/layer-type":
            plain["layers"][0]["mediaType"] = "application/x-shellscript"
            body = dump(plain)
        elif repository == "bad/layer-digest-name":
            plain["layers"][0]["digest"] = "sha256:../../../../etc/passwd"
            body = dump(plain)
        elif repository == "bad/endless-manifest":
            return self.endless(MANIFEST)
        elif repository == "bad/endless-headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")
        if repository == "bad/manifest-digest" and wanted != "latest":
            body = body.replace(b"2", b"3", 1)
        if repository == "bad/message":
            return self.refuse(418, "X", "clear \x1b[2J the\nscreen" + "x" * 5000)
        if repository == "bad/missing":
            return self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return self.answer(200, body, media_type, Docker_Content_Digest=said or digest_of(body))

    # -- blobs ------------------------------------------------------------------------------------

    def blob(self, repository, digest):
        data = self.server.image.blobs.get(digest)
        stored = self.server.stored.get((repository, digest))
        if repository.startswith("push/"):
            data = None
        if stored:
            data = stored[1]
        if data is None:
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown")
        n = self.server.count((repository, digest))
        big = digest == self.server.image.big
        if repository.startswith("redirect/") and big:
            return self.redirected(repository, digest)
        if repository == "busy/503" and n <= 2:
            return self.refuse(503, "UNAVAILABLE", "come back")
        if repository == "busy/429" and n <= 1:
            return self.refuse(429, "TOOMANYREQUESTS", "slowly", Retry_After="1")
        if repository == "busy/dead" and big:
            return self.refuse(503, "UNAVAILABLE", "gone fishing")
        if repository == "busy/hangup" and n <= 2:
            self.close_connection = True
            return None
        if big and repository == "bad/blob-digest":
            return self.answer(200, bytes(len(data)), "application/octet-stream")
        if big and repository == "bad/blob-short":
            return self.answer(200, data[:1000], "application/octet-stream")
        if big and repository == "bad/blob-endless":
            return self.endless("application/octet-stream", data)
        if big and repository == "slow/x":
            return self.slow(data)
        return self.part(repository, data, n, big)

    def slow(self, data):
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        for at in range(start, len(data), 65536):
            self.wfile.write(data[at:at + 65536])
            time.sleep(0.03)

    # what is left of a blob from where the client wants it, cut off in the middle by some
    def part(self, repository, data, n, big):
        start = 0
        wanted = self.headers.get("Range")
        if wanted and repository not in ("cut/no-range", "cut/always-no-range"):
            start = int(wanted[len("bytes="):].rstrip("-"))
        if start >= len(data) and start:
            return self.refuse(416, "RANGE_INVALID", "nothing there")
        if repository == "cut/416" and wanted:
            return self.refuse(416, "RANGE_INVALID", "no")
        end = len(data)
        if big and repository.startswith("cut/") and (n <= 3 or repository.startswith("cut/always")):
            end = min(end, start + (700 << 10))
        shift = 5 if repository == "cut/other-range" and start else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start - shift, len(data) - 1, len(data)))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[start:end])
        if end < len(data):
            self.close_connection = True

    def redirected(self, repository, digest):
        other = "http://127.0.0.1:%d" % self.server.other
        to = {
            "redirect/other": other + "/plain/" + digest,
            "redirect/other-asks": other + "/ask/" + digest,
            "redirect/file": "file:///etc/passwd",
            "redirect/far": "http://192.0.2.1/" + digest,
            "redirect/http": other + "/plain/" + digest,
            "redirect/user": "http://user:secret@127.0.0.1/" + digest,
            "redirect/itself": self.path,
            "redirect/nowhere": "",
        }[repository]
        self.answer(307, Location=to)

    # -- what is pushed ---------------------------------------------------------------------------

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def begin_upload(self, repository):
        query = parse_qs(urlsplit(self.path).query)
        source = (query.get("from", [""])[0], query.get("mount", [""])[0])
        if source in self.server.stored:
            self.server.stored[(repository, source[1])] = self.server.stored[source]
            return self.answer(201, Location="/v2/%s/blobs/%s" % (repository, source[1]))
        to = "/v2/%s/blobs/uploads/%d?_state=a%%3D" % (repository, self.server.count("upload"))
        if repository == "push/elsewhere":
            to = "http://127.0.0.1:%d%s" % (self.server.other, to)
        if repository == "push/far":
            to = "http://192.0.2.1" + to
        if repository == "push/nowhere":
            return self.answer(202)
        return self.answer(202, Location=to)

    def end_upload(self, repository):
        if repository == "push/hangup" and self.server.count("hangup") <= 2:
            self.rfile.read(10)
            self.close_connection = True
            return None
        data = self.body()
        digest = parse_qs(urlsplit(self.path).query).get("digest", [""])[0]
        if digest != digest_of(data):
            return self.refuse(400, "DIGEST_INVALID", "digest invalid")
        self.server.stored[(repository, digest)] = ("", data)
        return self.answer(201, Location="/v2/%s/blobs/%s" % (repository, digest))

    def put_manifest(self, repository, tag):
        data = self.body()
        media_type = self.headers.get("Content-Type")
        for name in (tag, digest_of(data)):
            self.server.stored[(repository, name)] = (media_type, data)
        said = "sha256:" + "2" * 64 if repository == "push/other-digest" else digest_of(data)
        return self.answer(201, Docker_Content_Digest=said)

    # -- everything -------------------------------------------------------------------------------

    def handle_one(self):
        self.note()
        path = urlsplit(self.path).path
        if path == "/token":
            return self.token()
        if path.startswith("/plain/"):
            return self.answer(200, self.server.image.blobs[path[len("/plain/"):]], "application/octet-stream")
        if path.startswith("/ask/"):
            return self.refuse(401, "UNAUTHORIZED", "tell me", WWW_Authenticate='Basic realm="thief"')
        if path == "/v2/":
            if self.headers.get("Authorization") is None and os.environ.get("FAKE_AUTH"):
                return self.ask_who(os.environ["FAKE_AUTH"])
            return self.answer(200, b"{}")
        words = path.split("/")  # "", v2, a, b, kind, what…
        repository, kind = "/".join(words[2:4]), words[4]
        write = self.command not in ("GET", "HEAD")
        if not self.is_known(repository, "push" if write else "pull") or repository.startswith("evil/"):
            self.close_connection = self.command in ("PUT", "PATCH")
            return self.ask_who(repository)
        if kind == "manifests":
            return self.put_manifest(repository, words[5]) if write else self.manifest(repository, words[5])
        if self.command == "POST":
            return self.begin_upload(repository)
        if self.command == "PUT":
            return self.end_upload(repository)
        return self.blob(repository, words[5])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_one


def main():
    args = argparse.ArgumentParser()
    args.add_argument("dir")
    args.add_argument("--cert")
    args.add_argument("--key")
    args = args.parse_args()
    image = Image()
    with open(os.path.join(args.dir, "image"), "w") as f:
        f.write("manifest=%s\nbig=%s\nconfig=%s\nbig_size=%d\n" % (
            digest_of(image.manifest), image.big, digest_of(image.config), len(image.layers[1])))
    log = open(os.path.join(args.dir, "log"), "w")
    first, second = Registry(log, image), Registry(log, image)
    first.other, second.other = second.server_address[1], first.server_address[1]
    second.stored = first.stored
    if args.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.cert, args.key)
        first.socket = context.wrap_socket(first.socket, server_side=True)
        first.scheme = "https"
    threading.Thread(target=second.serve_forever, daemon=True).start()
    for name, server in (("port2", second), ("port", first)):
        with open(os.path.join(args.dir, name + ".new"), "w") as f:
            f.write(str(server.server_address[1]))
        os.rename(f.name, os.path.join(args.dir, name))
    first.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
