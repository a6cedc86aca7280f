#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# includes.sh - the direction of the data is the direction of the includes; fails when one points back.
# Rooms may include the public header of the rooms named here, any header of util/, and their own.
set -u
cd "$(dirname "$0")/../.." || exit 1
err=0

allowed() {
	case $1 in
	util) echo "" ;;
	model) echo "" ;;
	target) echo "model" ;;
	reader) echo "target" ;;
	attach) echo "reader target" ;;
	collect) echo "attach target model" ;;
	symbol) echo "model reader target" ;;
	analyze) echo "model" ;;
	crash) echo "model" ;;
	profile) echo "" ;;
	output) echo "analyze crash model profile symbol" ;;
	export) echo "profile" ;;
	push) echo "" ;;
	rights) echo "" ;;
	metrics) echo "analyze crash model" ;;
	view) echo "profile" ;;
	cli) echo "analyze attach collect crash export metrics model output profile push reader rights symbol target view" ;;
	*) echo "unknown room" ;;
	esac
}

complain() {
	echo "includes: $1" >&2
	err=1
}

for file in src/*/*.[ch]; do
	room=${file#src/}
	room=${room%%/*}
	ok=$(allowed "$room")
	[ "$ok" = "unknown room" ] && complain "src/$room is in no place of the data's way: add it here"
	while read -r header; do
		other=${header%%/*}
		case $header in
		swtrace/abi.h)
			[[ " attach collect reader target " == *" $room "* ]] || complain "$file: only attach, collect, reader and target know the ABI"
			;;
		swtrace.skel.h | bpf/*)
			[[ $room == attach || ($room == collect && $header == bpf/libbpf.h) ]] ||
				complain "$file: $header: BPF stays in attach and collect"
			;;
		"$room"/* | util/*) ;;
		"$other/$other.h")
			[[ ! -d src/$other || " $ok " == *" $other "* ]] || complain "$file: $room may not include $header"
			;;
		*/*)
			[[ -d src/$other ]] && complain "$file: $header is private to src/$other"
			;;
		esac
	done < <(sed -n 's/^#include ["<]\([a-z_/.]*\)[">]$/\1/p' "$file")
done

# Every header compiles alone.
for header in src/*/*.h include/swtrace/*.h; do
	echo "#include \"${header#*/}\"" |
		cc -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Werror -Isrc -Iinclude -x c - ||
		complain "$header does not compile alone"
done
exit $err
