"""A container engine as the tests use it: docker, or podman with buildah, on machines where little is set up."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from processes import ROOT

BASE = "debian:bookworm-slim"

# Where the tests themselves run in a container, limits cannot be raised and cgroups not delegated.
PODMAN_CONF = '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]\n'


class Unavailable(Exception):
    """No container can be had here; the message says why."""


def run(*words, check=True, timeout=600, **options):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


class Engine:
    """Runs and builds. Every call is one command of the engine; failures carry its output."""

    def __init__(self, folder):
        self.environment = dict(os.environ)
        if shutil.which("docker") and run("docker", "info", check=False).returncode == 0:
            self.command = ["docker"]
        elif shutil.which("podman") and shutil.which("buildah"):
            conf = pathlib.Path(folder) / "containers.conf"
            conf.write_text(PODMAN_CONF, encoding="utf-8")
            self.environment["CONTAINERS_CONF"] = str(conf)
            runtime = ["--runtime", "runc"] if shutil.which("runc") else []
            self.command = ["podman", "--cgroup-manager=cgroupfs", *runtime]
        else:
            raise Unavailable("neither docker nor podman with buildah is here (./dev setup container installs the latter)")
        self.need_base()

    def __call__(self, *words, **options):
        return run(*self.command, *words, env=self.environment, **options)

    def need_base(self):
        """The base image: here, pulled, or, where no registry can be reached, made by debootstrap."""
        if self("image", "inspect", BASE, check=False).returncode == 0:
            return
        if self("pull", "--quiet", BASE, check=False).returncode == 0:
            return
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise Unavailable(f"{BASE} cannot be pulled, nor made (that takes root and debootstrap)")
        with tempfile.TemporaryDirectory(prefix="kneepoint-base-", dir="/var/tmp") as folder:
            root = pathlib.Path(folder) / "root"
            run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", root, timeout=900)
            self.borrow_package_sources(root)
            archive = pathlib.Path(folder) / "root.tar"
            run("tar", "-C", root, "-cf", archive, ".")
            self("import", archive, BASE)

    @staticmethod
    def borrow_package_sources(root):
        """Gives the made image this machine's way to Debian packages: mirrors, proxies, keys and authorities."""
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
        wanted = ("etc/apt/sources.list", "etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/auth.conf.d",
                  "etc/apt/keyrings", "usr/share/keyrings", "usr/local/share/ca-certificates",
                  "etc/ssl/certs/ca-certificates.crt")
        found = [path for path in wanted if pathlib.Path("/", path).exists()]
        packed = subprocess.run(["tar", "-C", "/", "-c", *found], check=True, capture_output=True)
        subprocess.run(["tar", "-C", str(root), "-x"], check=True, input=packed.stdout)

    def build(self, target, tag):
        """@returns the image's bill of materials."""
        with tempfile.TemporaryDirectory(prefix="kneepoint-image-") as out:
            run(ROOT / "deploy/docker/make.sh", target, out, tag, env=self.environment, timeout=1800)
            return json.loads((pathlib.Path(out) / "kneepoint-image.spdx.json").read_text(encoding="utf-8"))
