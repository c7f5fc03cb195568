# SPDX-License-Identifier: Apache-2.0
"""The web application of the demonstration: users in MySQL, one user at a time cached in redis.

GET /users, GET /users/ID (X-Cache: hit or miss), POST /users {"name": ..., "email": ...}. Both servers are looked up by name for
every request: their addresses change when they are started again.
"""
import json
import os
import re
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql

MYSQL = os.environ.get("MYSQL_HOST", "mysql-container")
REDIS = os.environ.get("REDIS_HOST", "redis-container")
CACHE_S = 60


def query(sql, *values):
    """Rows as dictionaries, and the id of a row that was inserted."""
    db = pymysql.connect(host=MYSQL, user="demo", password="demo", database="demo", connect_timeout=3, autocommit=True)
    with db, db.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall(), cursor.lastrowid


def redis(*words):
    """One command: a string as bytes, or None."""
    with socket.create_connection((REDIS, 6379), timeout=3) as connection:
        request = b"*%d\r\n" % len(words)
        for word in words:
            word = str(word).encode()
            request += b"$%d\r\n%s\r\n" % (len(word), word)
        connection.sendall(request)
        with connection.makefile("rb") as answer:
            line = answer.readline()
            if line[:1] == b"-" or not line:
                raise OSError("redis: " + line[1:].decode().strip())
            if line[:1] != b"$":
                return line[1:].strip()
            length = int(line[1:])
            return answer.read(length) if length >= 0 else None


class Users(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) + 1))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data + b"\n")

    def guarded(self, work):
        try:
            work()
        except (OSError, pymysql.Error) as error:
            print("error:", error, file=sys.stderr, flush=True)
            self.answer(503, {"error": str(error)})

    def do_GET(self):
        self.guarded(self.get)

    def do_POST(self):
        self.guarded(self.post)

    def get(self):
        one = re.fullmatch(r"/users/(\d{1,9})", self.path)
        if one:
            self.get_one(int(one[1]))
        elif self.path == "/users":
            self.answer(200, query("SELECT id, name, email FROM users ORDER BY id")[0])
        else:
            self.answer(404, {"error": "no such page"})

    def get_one(self, number):
        cached = redis("GET", f"user:{number}")
        if cached is not None:
            self.answer(200, cached, X_Cache="hit")
            return
        rows, _ = query("SELECT id, name, email FROM users WHERE id = %s", number)
        if not rows:
            self.answer(404, {"error": "no such user"}, X_Cache="miss")
            return
        text = json.dumps(rows[0])
        redis("SET", f"user:{number}", text, "EX", CACHE_S)
        self.answer(200, text.encode(), X_Cache="miss")

    def post(self):
        try:
            user = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 65536)))
            name, email = user["name"], user["email"]
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": "a name and an email are wanted"})
            return
        _, number = query("INSERT INTO users (name, email) VALUES (%s, %s)", name, email)
        self.answer(201, {"id": number, "name": name, "email": email}, Location=f"/users/{number}")


if profile := os.environ.get("DEMO_PROFILE"):
    print("profile", profile, flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("listening on port 8080", flush=True)
ThreadingHTTPServer(("", 8080), Users).serve_forever()
