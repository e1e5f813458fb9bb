"""The package and the tarball on machines that have nothing: a bare Debian 12 for both, and for the tarball also what
debootstrap can make of others. Each runs a plan against a simulated host."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from containers import Engine
from processes import BIN, ROOT, skip

#: Suite and the script that debootstrap knows it by; a suite whose mirror is not reached is said and left out.
OTHERS = ("trixie", "noble")


def run(*words, **options):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=900, check=False, **options)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="kneepoint-package-", dir="/var/tmp")))
        made = run(ROOT / "deploy/package/make.sh", BIN.parent, cls.folder / "out")
        if made.returncode != 0:
            raise AssertionError(made.stdout + made.stderr)
        cls.packages = {path.suffix: path for path in (cls.folder / "out").iterdir()}

    def bare(self, suite):
        """The root folder of a machine that debootstrap made."""
        root = self.folder / suite
        if not root.exists():
            made = run("debootstrap", "--variant=minbase", suite, root)
            if made.returncode != 0:
                shutil.rmtree(root, ignore_errors=True)
                return None
            Engine.borrow_package_sources(root)
        return root

    def runs_a_plan(self, root, prefix, configs):
        """A simulated host, and the plan of ten seconds against it."""
        out = run("unshare", "--mount", "--net", "--pid", "--fork", "sh", "-ec",
                  f"/usr/bin/python3 {ROOT}/tests/deploy/loopback_up.py; exec chroot {root} /bin/sh -ec '"
                  f"mount -t proc proc /proc; "
                  f"{prefix}kneepoint-simhost --listen 127.0.0.1:8000 --profile demo >/tmp/host.log 2>&1 & sleep 1; "
                  f"cd /tmp && {prefix}kneepoint run {configs}/smoke.yaml --out /tmp/run --serve none --quiet'")
        self.assertEqual(out.returncode, 0, out.stdout[-3000:] + out.stderr[-3000:])
        report = json.loads((root / "tmp/run/report.json").read_text(encoding="utf-8"))
        self.assertGreater(report["totals"]["completed"], 0)
        self.assertEqual(report["totals"]["failed"], 0)

    def test_the_package_on_a_bare_debian(self):
        root = self.bare("bookworm")
        self.assertIsNotNone(root, "debootstrap cannot make a Debian 12 here")
        deb = self.packages[".deb"]
        shutil.copy(deb, root / "tmp")
        done = run("chroot", root, "/bin/sh", "-ec",
                   f"apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /tmp/{deb.name}")
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.runs_a_plan(root, "/usr/bin/", "/usr/share/kneepoint/configs")
        for page in ("kneepoint.1.gz", "kneepoint-run.1.gz", "kneepoint-agent.1.gz"):
            self.assertTrue((root / "usr/share/man/man1" / page).stat().st_size > 200, page)
        self.assertTrue((root / "usr/lib/systemd/system/kneepoint-agent.service").exists())

    def test_the_tarball_where_nothing_is_installed(self):
        tarball = self.packages[".gz"]
        tried = []
        for suite in ("bookworm", *OTHERS):
            root = self.bare(suite)
            if root is None:
                print(f"{suite}: debootstrap cannot make it here, left out")
                continue
            with self.subTest(suite):
                self.assertEqual(run("tar", "-C", root / "opt", "-xzf", tarball).returncode, 0)
                folder = "/opt/" + tarball.name.removesuffix(".tar.gz")
                self.runs_a_plan(root, folder + "/bin/", folder + "/share/kneepoint/configs")
                tried.append(suite)
        self.assertIn("bookworm", tried)

    def test_what_is_in_them_is_said(self):
        sums = (self.folder / "out/SHA256SUMS").read_text(encoding="utf-8")
        checked = run("sha256sum", "--check", "SHA256SUMS", cwd=self.folder / "out")
        self.assertEqual(checked.returncode, 0, checked.stdout)
        for path in (self.folder / "out").glob("*.spdx.json"):
            self.assertIn(path.name, sums)
            document = json.loads(path.read_text(encoding="utf-8"))
            names = {package["name"] for package in document["packages"]}
            self.assertLessEqual({"kneepoint", "libgrpc++1.51", "libssl3"}, names)
            identities = {package["SPDXID"] for package in document["packages"]} | {"SPDXRef-DOCUMENT"}
            for relation in document["relationships"]:
                self.assertIn(relation["relatedSpdxElement"], identities)


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        skip("a bare machine is made by root and debootstrap (./dev setup container)")
    if not shutil.which("help2man") or not shutil.which("patchelf"):
        skip("packages are made with help2man and patchelf (./dev setup package)")
    unittest.main()
