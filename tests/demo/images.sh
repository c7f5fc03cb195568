#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# images.sh DIR: makes DIR/redis.tar, DIR/mysql.tar and DIR/capsule-demo-app.tar, root file systems as `docker export` makes them, of
# Debian packages and of what stands in redis/, mysql/ and app/ beside this script. What is there and not stale stays.
#
# The packages that apt finds for an empty system are unpacked, and none of their scripts runs: no chroot, no debootstrap, a
# few seconds. What those scripts would have done and the services need is done here: the links of a merged /usr, users, the cache of the
# dynamic loader. What serves but these scripts is left out. The same packages give the same archives, byte by byte.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# What an entrypoint script and somebody who looks around by `capsule exec NAME bash` expect.
common=(base-files base-passwd bash coreutils dash findutils grep hostname libc-bin sed)
# The server itself; what mariadb-server adds serves its start by an init system and replication.
declare -A packages=(
	[redis]="redis-server util-linux"
	[mysql]="mariadb-server-core mariadb-client-core"
	[capsule-demo-app]="python3 python3-pymysql"
)
declare -A own=([redis]=redis [mysql]=mysql [capsule-demo-app]=app)
# extended regular expression: what is there for the packages' scripts
left_out='adduser|debconf|debianutils|dpkg|init-system-helpers|lib.*-perl|libpam.*|libperl.*|libsem.*|libsepol.*|lsb-base|passwd|perl.*|sysvinit-utils|tar|usrmerge'

say() {
	printf 'demo images: %s\n' "$*" >&2
}

# closure PACKAGE...: what apt would install into an empty system, one name=version a line
closure() {
	apt-get -qq -s --no-install-recommends -o Dir::State::status=/dev/null -o Debug::NoLocking=true install "$@" |
		sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*/\1=\2/p' | grep -vE "^($left_out)="
}

# The packages of all three, into DIR/debs; lists of packages that are not there or too old are fetched and it is tried again.
fetch() {
	local name try
	for try in 1 2; do
		for name in "${!packages[@]}"; do
			# shellcheck disable=SC2086 # words
			closure "${common[@]}" ${packages[$name]} >"$dir/$name.list" || true
		done
		mkdir -p "$dir/debs"
		if [[ -s $dir/redis.list && -s $dir/mysql.list && -s $dir/capsule-demo-app.list ]] &&
			sort -u "$dir"/*.list | (cd "$dir/debs" && xargs apt-get download -qq -o APT::Sandbox::User=root) >"$dir/fetch.log" 2>&1; then
			return
		fi
		((try == 1)) || break
		say "the packages are not to be had: apt-get update"
		apt-get update -qq || true
	done
	cat "$dir/fetch.log" >&2
	return 1
}

# deb_of NAME=VERSION: its file, as apt calls it
deb_of() {
	local version=${1#*=}
	printf '%s/%s_%s_*.deb\n' "$dir/debs" "${1%%=*}" "${version//:/%3a}"
}

# make_root NAME ROOT
make_root() {
	local root=$2 file package
	mkdir -p "$root"/usr/{bin,sbin,lib,lib32,lib64,libx32}
	for file in bin sbin lib lib32 lib64 libx32; do
		ln -s "usr/$file" "$root/$file"
	done
	while read -r package; do
		# shellcheck disable=SC2046 # the one file of this pattern
		dpkg-deb --fsys-tarfile $(deb_of "$package") | tar -x -C "$root" --keep-directory-symlink --exclude='./usr/share/doc/*' \
			--exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/info/*' --exclude='./usr/share/lintian/*' \
			--exclude='./etc/init.d/*' --exclude='./lib/systemd/*'
	done <"$dir/$1.list"
	cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
	cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
	mkdir -p "$root"/{dev,proc,sys,run,tmp,root}
	chmod 1777 "$root/tmp"
	# with modes that are no matter of a umask
	tar -c -C "$here/${own[$1]}" --mode=u=rwX,go=rX . | tar -x -p -C "$root" --keep-directory-symlink --no-overwrite-dir
	[[ ! -e $root/etc/passwd.more ]] || cat "$root/etc/passwd.more" >>"$root/etc/passwd"
	[[ ! -e $root/etc/group.more ]] || cat "$root/etc/group.more" >>"$root/etc/group"
	rm -f "$root"/etc/{passwd,group}.more
	/sbin/ldconfig -r "$root" 2>/dev/null
	rm -rf "$root"/var/cache/ldconfig "$root"/var/log/*
}

make_image() {
	local root=$dir/root.$1
	rm -rf --one-file-system "$root"
	make_root "$1" "$root"
	tar -c -C "$root" --sort=name --mtime=@1577836800 --numeric-owner --owner=0 --group=0 --format=posix \
		--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime . >"$dir/$1.tar.new"
	rm -rf --one-file-system "$root"
	mv "$dir/$1.tar.new" "$dir/$1.tar"
	say "$1.tar: $(wc -l <"$dir/$1.list") packages, $(($(stat -c %s "$dir/$1.tar") / 1000000)) MB"
}

main() {
	local name stamp
	dir=${1:?images.sh DIR}
	mkdir -p "$dir"
	dir=$(cd -- "$dir" && pwd)
	exec 8>"$dir/lock"
	flock 8
	stamp=$(cd -- "$here" && find images.sh redis mysql app -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
	if [[ $(cat "$dir/stamp" 2>/dev/null) == "$stamp" ]]; then
		return
	fi
	rm -f "$dir/stamp"
	fetch
	for name in redis mysql capsule-demo-app; do
		make_image "$name"
	done
	rm -f "$dir"/*.list "$dir/fetch.log"
	printf '%s\n' "$stamp" >"$dir/stamp"
}

main "$@"
