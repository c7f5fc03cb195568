#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Archives and image layouts for 70-image.bats, good and hostile.
#
#   archives.py layer KIND FILE          a layer: one of the functions layer_* below
#   archives.py layout KIND DIR          an OCI layout: one of the functions layout_*
#   archives.py docker KIND FILE         what docker save writes: one of the functions docker_*
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import tarfile


def member(tar, name, content=None, **attributes):
    info = tarfile.TarInfo(name)
    info.mtime = 1700000000
    for key, value in attributes.items():
        setattr(info, key, value)
    if content is not None:
        info.size = len(content)
    tar.addfile(info, io.BytesIO(content) if content is not None else None)


def directory(tar, name, mode=0o755, **more):
    member(tar, name, type=tarfile.DIRTYPE, mode=mode, **more)


def link(tar, name, target, kind=tarfile.SYMTYPE):
    member(tar, name, type=kind, linkname=target)


# -- layers that must be unpacked as they are ----------------------------------------------------------

def layer_everything(tar):
    directory(tar, "./", 0o751)
    member(tar, "late/deep/file", b"made before its directories\n")
    directory(tar, "late", 0o700, mtime=1600000001)
    directory(tar, "late/deep", 0o2755, mtime=1600000002)
    member(tar, "setuid", b"#!\n", mode=0o4755, uid=1000, gid=1001)
    link(tar, "symlink", "/etc/passwd")
    link(tar, "hard", "setuid", tarfile.LNKTYPE)
    member(tar, "fifo", type=tarfile.FIFOTYPE, mode=0o640)
    member(tar, "null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    member(tar, "loop", type=tarfile.BLKTYPE, devmajor=7, devminor=0, mode=0o660, gid=6)
    member(tar, "nanoseconds", b"x", pax_headers={"mtime": "1500000000.123456789"})
    member(tar, "capability", b"x", mode=0o755, pax_headers={
        "SCHILY.xattr.user.colour": "blue",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.trusted.overlay.redirect": "/etc"})
    member(tar, "d\u00e4mpfe/\u65e5\u672c", b"utf-8\n")
    member(tar, "e\u0301", b"not composed\n")
    member(tar, "n" * 200 + "/" + "m" * 250, b"long\n")
    # a name twice: the last one counts, whatever it is
    member(tar, "turns/a", b"first\n")
    directory(tar, "turns/a")
    member(tar, "turns/a/b", b"second\n")
    directory(tar, "turns/c")
    member(tar, "turns/c/d/e", b"first\n")
    member(tar, "turns/c", b"second\n")
    link(tar, "turns/l", "/tmp")
    directory(tar, "turns/l")
    member(tar, "turns/l/in", b"not in /tmp\n")


def acl(*entries):
    """The kernel's form, as a pax header has it: (tag, permissions, id) each."""
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)
    return raw.decode("utf-8", "surrogateescape")


NOBODY = 0xffffffff
ACL = acl((1, 7, NOBODY), (2, 5, 1000), (4, 5, NOBODY), (16, 5, NOBODY), (32, 0, NOBODY))
TEXT = "user::rw-,group::r--,group:2000:rw-,other::---,mask::rw-,user:1000:rwx"


def layer_acls(tar):
    directory(tar, "d", 0o750, pax_headers={
        "SCHILY.xattr.system.posix_acl_default": ACL, "SCHILY.xattr.system.posix_acl_access": ACL})
    member(tar, "d/heir", b"x", mode=0o644)
    directory(tar, "d/sub", 0o755)
    member(tar, "text", b"x", mode=0o660, pax_headers={"SCHILY.acl.access": TEXT})
    directory(tar, "textual", 0o755, pax_headers={"SCHILY.acl.default": TEXT})
    directory(tar, "twice", 0o755, pax_headers={
        "SCHILY.xattr.system.posix_acl_default": ACL, "SCHILY.xattr.system.posix_acl_access": ACL})
    directory(tar, "twice", 0o755)


def layer_whiteouts(tar):
    member(tar, "gone/.wh.file", b"")
    member(tar, "opaque/.wh..wh..opq", b"")
    member(tar, "opaque/new", b"new\n")
    # a directory that was removed and made again hides what it had
    member(tar, ".wh.again", b"")
    member(tar, "again/new", b"new\n")
    directory(tar, "again2")
    member(tar, ".wh.again2", b"")
    member(tar, "file", b"stays\n")
    member(tar, ".wh.file", b"")
    member(tar, ".wh..wh.plnk/1.2", b"of aufs\n")


def layer_base(tar):
    for name in ("gone/file", "gone/other", "opaque/old", "again/old", "again2/old", "file"):
        member(tar, name, b"base\n")


# -- layers that must be refused; /tmp/.../canary is what they are after ----------------------------------

def layer_acl_cut_off(tar):
    member(tar, "f", b"x", pax_headers={"SCHILY.xattr.system.posix_acl_access": ACL[:-1]})


def layer_acl_out_of_order(tar):
    member(tar, "f", b"x", pax_headers={"SCHILY.xattr.system.posix_acl_access": acl((32, 7, NOBODY), (1, 7, NOBODY))})


def layer_acl_of_a_name(tar):
    member(tar, "f", b"x", pax_headers={"SCHILY.acl.access": "user::rw-,user:alice:rwx,group::r--,mask::rwx,other::---"})


def layer_acl_default_nonsense(tar):
    directory(tar, "d", pax_headers={"SCHILY.xattr.system.posix_acl_default": "nonsense"})


def layer_dotdot(tar):
    member(tar, "../../../canary/x", b"out\n")


def layer_dotdot_inside(tar):
    member(tar, "a/../../../../canary/x", b"out\n")


def layer_absolute(tar):
    member(tar, CANARY + "/x", b"out\n")


def layer_symlink_parent(tar):
    link(tar, "way", CANARY)
    member(tar, "way/x", b"out\n")


def layer_symlink_parent_relative(tar):
    link(tar, "way", "../../../../../../../../../../.." + CANARY)
    member(tar, "way/x", b"out\n")


def layer_symlink_grandparent(tar):
    link(tar, "way", CANARY)
    member(tar, "way/deep/x", b"out\n")


def layer_symlink_of_dot(tar):
    link(tar, "way", ".")
    member(tar, "way/x", b"in, but by a symlink\n")


def layer_hardlink_absolute(tar):
    link(tar, "x", CANARY + "/file", tarfile.LNKTYPE)


def layer_hardlink_dotdot(tar):
    link(tar, "x", "../../../canary/file", tarfile.LNKTYPE)


def layer_hardlink_through_symlink(tar):
    link(tar, "way", CANARY)
    link(tar, "x", "way/file", tarfile.LNKTYPE)


def layer_hardlink_missing(tar):
    link(tar, "x", "nothing", tarfile.LNKTYPE)


def layer_whiteout_dotdot(tar):
    member(tar, "a/.wh...", b"")


def layer_whiteout_dot(tar):
    member(tar, ".wh..", b"")


def layer_whiteout_nothing(tar):
    member(tar, ".wh.", b"")


def layer_whiteout_through_symlink(tar):
    link(tar, "way", CANARY)
    member(tar, "way/.wh.file", b"")


def layer_opaque_through_symlink(tar):
    link(tar, "way", CANARY)
    member(tar, "way/.wh..wh..opq", b"")


def layer_in_whiteout(tar):
    member(tar, "a/.wh.b/c", b"x\n")


def layer_in_whiteout_at_top(tar):
    member(tar, ".wh.b/c", b"x\n")


def layer_device_zero(tar):
    member(tar, "hidden", type=tarfile.CHRTYPE, devmajor=0, devminor=0)


def layer_in_file(tar):
    member(tar, "file", b"x\n")
    member(tar, "file/x", b"x\n")


def layer_in_fifo(tar):
    member(tar, "fifo", type=tarfile.FIFOTYPE)
    member(tar, "fifo/x", b"x\n")


def layer_root_is_file(tar):
    member(tar, ".", b"x\n")


def layer_root_is_symlink(tar):
    link(tar, "./", CANARY)


def layer_long_component(tar):
    member(tar, "n" * 256, b"x\n")


def layer_long_path(tar):
    member(tar, "/".join(["n" * 200] * 21), b"x\n")


def layer_owner(tar):
    member(tar, "x", b"x\n", uid=4294967295)


def layer_escapes(tar):
    link(tar, "\x1b[2J", "nothing", tarfile.LNKTYPE)


def layer_symlink_then_itself(tar):
    link(tar, "x", CANARY + "/file")
    member(tar, "x", b"replaces the symlink, not what it names\n")


def layer_symlink_then_directory(tar):
    link(tar, "x", CANARY)
    directory(tar, "x", 0o700, uid=7)


def layer_hardlink_to_symlink(tar):
    link(tar, "s", CANARY + "/file")
    link(tar, "x", "s", tarfile.LNKTYPE)
    member(tar, "x", b"replaces the link\n")


# -- images --------------------------------------------------------------------------------------------

OCI = "application/vnd.oci.image."


def layer_bytes(kind):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        globals()["layer_" + kind](tar)
    return out.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    def __init__(self):
        self.files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        self.manifests = []

    def blob(self, data, media_type, **more):
        self.files["blobs/sha256/" + digest(data)[7:]] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}

    def image(self, layers, ref, change=lambda config, manifest: None, **more):
        """layers: (tar bytes, compressed bytes, suffix of the media type)."""
        config = {"architecture": "amd64", "os": "linux", "created": "2024-01-02T03:04:05Z",
                  "config": {"Cmd": ["/bin/sh"], "Env": ["A=b"]},
                  "rootfs": {"type": "layers", "diff_ids": [digest(plain) for plain, _, _ in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                    "layers": [self.blob(packed, OCI + "layer.v1.tar" + suffix) for _, packed, suffix in layers]}
        change(config, manifest)
        manifest["config"] = self.blob(json.dumps(config).encode(), OCI + "config.v1+json")
        change(config, manifest)
        d = self.blob(json.dumps(manifest).encode(), OCI + "manifest.v1+json", **more)
        if ref:
            d["annotations"] = {"org.opencontainers.image.ref.name": ref}
        self.manifests.append(d)
        return d

    def write(self, path):
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": self.manifests}).encode()
        for name, data in self.files.items():
            os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
            with open(os.path.join(path, name), "wb") as f:
                f.write(data)


def two_layers():
    base, top = layer_bytes("base"), layer_bytes("whiteouts")
    return [(base, base, ""), (top, gzip.compress(top, mtime=0), "+gzip")]


def layout_good(layout):
    layout.image(two_layers(), "example/two:1")


def layout_two_images(layout):
    layout.image(two_layers(), "example/two:1")
    everything = layer_bytes("everything")
    layout.image(two_layers()[:1] + [(everything, gzip.compress(everything, mtime=0), "+gzip")], "example/other:2")


def layout_platforms(layout):
    arm = layout.image(two_layers()[:1], None, platform={"os": "linux", "architecture": "s390x"})
    here = layout.image(two_layers(), None, platform={"os": "linux", "architecture": {
        "x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)})
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [arm, here]}).encode()
    layout.manifests = [layout.blob(index, OCI + "index.v1+json",
                                    annotations={"io.containerd.image.name": "docker.io/library/many:latest"})]


def layout_other_platform(layout):
    arm = layout.image(two_layers()[:1], None, platform={"os": "linux", "architecture": "s390x"})
    index = json.dumps({"schemaVersion": 2, "manifests": [arm]}).encode()
    layout.manifests = [layout.blob(index, OCI + "index.v1+json",
                                    annotations={"org.opencontainers.image.ref.name": "example/bad"})]


def layout_index_and_manifest(layout):
    def both(_, manifest):
        manifest["manifests"] = []
    layout.image(two_layers(), "example/bad", both)


def layout_wrong_digest(layout):
    layout.image(two_layers(), "example/bad")
    name = [n for n in layout.files if len(layout.files[n]) > 5000][0]
    layout.files[name] = layout.files[name][:-1] + b"x"


def layout_wrong_config_digest(layout):
    layout.image(two_layers(), "example/bad")
    name = [n for n in layout.files if b'"rootfs"' in layout.files[n]][0]
    layout.files[name] = layout.files[name].replace(b"/bin/sh", b"/bin/rm")


def layout_wrong_manifest_digest(layout):
    layout.image(two_layers(), "example/bad")
    name = [n for n in layout.files if b'"schemaVersion"' in layout.files[n]][0]
    layout.files[name] = layout.files[name].replace(b"+gzip", b"+zstd")


def layout_wrong_diff_id(layout):
    def change(config, _):
        config["rootfs"]["diff_ids"][1] = digest(b"something else")
    layout.image(two_layers(), "example/bad", change)


def layout_size_short(layout):
    def change(_, manifest):
        manifest["layers"][0]["size"] -= 1
    layout.image(two_layers(), "example/bad", change)
    # change runs twice
    assert layout.manifests


def layout_size_long(layout):
    def change(_, manifest):
        manifest["layers"][1]["size"] += 1
    layout.image(two_layers(), "example/bad", change)


def layout_media_type(layout):
    def change(_, manifest):
        manifest["layers"][0]["mediaType"] = "application/x-sh"
    layout.image(two_layers(), "example/bad", change)


def layout_layer_count(layout):
    def change(config, _):
        config["rootfs"]["diff_ids"] = config["rootfs"]["diff_ids"][:1]
    layout.image(two_layers(), "example/bad", change)


def layout_bomb(layout):
    base = layer_bytes("base")
    layout.image([(base, gzip.compress(gzip.compress(base)), "+gzip")], "example/bad")


def layout_hostile(layout):
    layer = layer_bytes("symlink_parent")
    layout.image([(layer, layer, "")], "example/bad")


def layout_no_name(layout):
    layout.image(two_layers(), None)


def docker_old(out):
    """As docker save wrote until 24: a directory a layer, the same layer again as a symlink."""
    layers = [plain for plain, _, _ in two_layers()] + [layer_bytes("base")]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                         "rootfs": {"type": "layers", "diff_ids": [digest(l) for l in layers]}}).encode()
    with tarfile.open(out, "w") as tar:
        for i, layer in enumerate(layers[:2]):
            directory(tar, f"{i}" * 64 + "/")
            member(tar, f"{i}" * 64 + "/layer.tar", layer)
        link(tar, "2" * 64 + "/layer.tar", "../" + "0" * 64 + "/layer.tar")
        member(tar, digest(config)[7:] + ".json", config)
        member(tar, "manifest.json", json.dumps([{
            "Config": digest(config)[7:] + ".json", "RepoTags": ["old:1", "old:latest"],
            "Layers": [f"{i}" * 64 + "/layer.tar" for i in range(3)]}]).encode())


def docker_wrong_config(out):
    layer = layer_bytes("base")
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
    with tarfile.open(out, "w") as tar:
        member(tar, "l.tar", layer)
        member(tar, "a" * 64 + ".json", config)
        member(tar, "manifest.json", json.dumps([{
            "Config": "a" * 64 + ".json", "RepoTags": ["bad:1"], "Layers": ["l.tar"]}]).encode())


def docker_symlink_out(out):
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(b"secret\n")]}}).encode()
    with tarfile.open(out, "w") as tar:
        link(tar, "l.tar", CANARY + "/file")
        member(tar, "c.json", config)
        member(tar, "manifest.json", json.dumps([{
            "Config": "c.json", "RepoTags": ["bad:1"], "Layers": ["l.tar"]}]).encode())


def docker_symlink_loop(out):
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(b"")]}}).encode()
    with tarfile.open(out, "w") as tar:
        link(tar, "l.tar", "l.tar")
        member(tar, "c.json", config)
        member(tar, "manifest.json", json.dumps([{
            "Config": "c.json", "RepoTags": ["bad:1"], "Layers": ["l.tar"]}]).encode())



CANARY = os.environ.get("CANARY", "/nowhere")

if __name__ == "__main__":
    what, kind = sys.argv[1:3]
    if what == "layer":
        with open(sys.argv[3], "wb") as f:
            f.write(layer_bytes(kind))
    elif what == "layout":
        made = Layout()
        globals()["layout_" + kind](made)
        made.write(sys.argv[3])
    elif what == "docker":
        globals()["docker_" + kind](sys.argv[3])
    else:
        sys.exit("archives.py layer|layout|docker KIND OUT")
