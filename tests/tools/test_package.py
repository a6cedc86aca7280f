# SPDX-License-Identifier: GPL-2.0-or-later
"""test_package.py - the Debian package that `make deb` has built, and make install."""
import glob
import os
import re
import stat
import subprocess
import tempfile

from harness import ROOT, command, equal, test


def tool(*argv, code=0, **kw):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=80,
                          check=False, **kw)
    out = done.stdout.decode()
    equal(done.returncode, code, f"{argv}: {out}")
    return out


def package():
    found = glob.glob(os.path.join(ROOT, "build/deb/swtrace_*_amd64.deb"))
    equal(len(found), 1, f"packages: {found}")
    return found[0]


def files(folder):
    return {os.path.relpath(os.path.join(path, name), folder): os.lstat(os.path.join(path, name))
            for path, _, names in os.walk(folder) for name in names}


@test
def lintian_finds_nothing_but_what_is_explained(_run):
    out = tool("lintian", "--allow-root", "--fail-on", "error,warning", "--display-info", package())
    equal(out, "", "lintian")


@test
def the_package_says_what_version_it_is_and_what_it_needs(_run):
    deb = package()
    _, version, _ = command("--version")
    equal("swtrace " + tool("dpkg-deb", "-f", deb, "Version"), version, "versions")
    needs = tool("dpkg-deb", "-f", deb, "Depends")
    for library in ("libbpf", "libelf1", "libdw1", "libzydis", "libjansson4", "libc6", "zlib1g"):
        assert re.search(rf"(^|, ){library}[\d.]* \(>= ", needs), f"{library}: {needs}"
    # A machine with nothing on it could install it from the release's own packages.
    plan = tool("apt-get", "-s", "-o", "Dir::State::status=/dev/null", "--no-install-recommends", "install", deb)
    assert re.search(r"^Inst swtrace ", plan, re.M) and re.search(r"^Inst libbpf", plan, re.M), plan


@test
def what_is_unpacked_runs_and_shows_its_page_and_has_no_privileges(_run):
    _, version, _ = command("--version")
    with tempfile.TemporaryDirectory() as folder:
        tool("dpkg-deb", "-x", package(), folder)
        equal(tool(os.path.join(folder, "usr/sbin/swtrace"), "--version"), version, "its version")
        page = tool("man", "-l", os.path.join(folder, "usr/share/man/man8/swtrace.8.gz"),
                    env={**os.environ, "MANPAGER": "cat"})
        assert "SWTRACE(8)" in re.sub(".\b", "", page), page
        has = files(folder)
        for name in ("share/bash-completion/completions/swtrace", "share/zsh/vendor-completions/_swtrace",
                     "share/fish/vendor_completions.d/swtrace.fish", "share/doc/swtrace/copyright",
                     "share/doc/swtrace/changelog.gz", "share/doc/swtrace/README.md"):
            assert f"usr/{name}" in has, f"{name}: {sorted(has)}"
        for name, is_now in has.items():
            assert not is_now.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH | stat.S_IWGRP), name
            equal((is_now.st_uid, is_now.st_gid), (0, 0), name)
            equal(os.listxattr(os.path.join(folder, name)), [], f"{name}: extended attributes, such as capabilities")
        control = tool("dpkg-deb", "-I", package())
        assert not re.search("(pre|post)(inst|rm)", control), control


@test
def what_dpkg_installs_it_removes(_run):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "var/lib/dpkg/info"))
        for name in ("status", "available"):
            with open(os.path.join(root, "var/lib/dpkg", name), "w", encoding="utf-8"):
                pass
        dpkg = ("dpkg", f"--root={root}", f"--log={root}/log", "--force-depends", "--force-script-chrootless")
        tool(*dpkg, "-i", package())
        equal(tool(*dpkg, "--verify", "swtrace"), "", "files that are not as packed")
        assert any(name.startswith("usr/") for name in files(root))
        tool(*dpkg, "-r", "swtrace")
        equal([name for name in files(root) if name.startswith("usr/")], [], "left behind")


@test
def make_uninstall_removes_what_make_install_has_put_there(_run):
    with tempfile.TemporaryDirectory() as folder:
        make = ("make", "-s", "-C", ROOT, f"DESTDIR={folder}", "PREFIX=/opt/x")
        tool(*make, "install")
        has = files(folder)
        for name in ("sbin/swtrace", "share/man/man8/swtrace.8", "share/zsh/site-functions/_swtrace",
                     "share/doc/swtrace/docs/json.md"):
            assert f"opt/x/{name}" in has, f"{name}: {sorted(has)}"
        assert all(name.startswith("opt/x/") for name in has), has
        equal(has["opt/x/sbin/swtrace"].st_mode & 0o7777, 0o755, "mode")
        tool(*make, "uninstall")
        equal(files(folder), {}, "left behind")
