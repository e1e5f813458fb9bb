"""A Kubernetes cluster of one node on this machine, in namespaces of its own, from Go modules and Debian packages. Needs root.

    cluster.py build        its programs, once: some ten minutes on two cores
    cluster.py up           with the image of build/release; then
    cluster.py kubectl …
    cluster.py down"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "deploy"))
import containers  # noqa: E402
import processes  # noqa: E402

LAB = pathlib.Path(os.environ.get("KNEEPOINT_KUBE", "/tmp/kneepoint-kube"))  # the controller deletes volumes under /tmp only
BIN, STATE, IMAGES, PID = LAB / "bin", LAB / "state", LAB / "images", LAB / "pid"
ROUTER = "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router@v2.1.0"
PROGRAMS = ("kubenode", "kube-router", "pause")
TOOLS = ("containerd", "runc", "nft", "iptables", "ipset", "conntrack", "openssl", "unshare", "nsenter", "gcc")
GO = (1, 26)
IMAGE, PAUSE = "docker.io/library/kneepoint:latest", "localhost/lab/pause:1"
VOLUMES = 24


class Unavailable(Exception):
    """No cluster can be had here; the message says what is missing."""


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def need():
    """Fails with what is missing before anything is built."""
    if os.geteuid() != 0:
        raise Unavailable("a cluster takes root")
    absent = [tool for tool in TOOLS if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if absent:
        raise Unavailable(f"not installed: {', '.join(absent)} (./dev setup kube container)")
    if all((BIN / name).exists() for name in PROGRAMS):
        return
    told = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True) if shutil.which("go") else None
    found = re.match(r"go(\d+)\.(\d+)", told.stdout) if told else None
    if not found or tuple(map(int, found.groups())) < GO:
        raise Unavailable(f"building Kubernetes takes Go {GO[0]}.{GO[1]} or later on PATH; here is {found[0] if found else 'none'}")


def build():
    """Builds what is missing: Kubernetes with etcd and CoreDNS in one program, kube-router, and a pause container."""
    need()
    BIN.mkdir(parents=True, exist_ok=True)
    version = re.search(r"k8s\.io/kubernetes v(1)\.(\d+)\.\d+", (HERE / "cluster/go.mod").read_text(encoding="utf-8"))
    stamp = "k8s.io/component-base/version"
    flags = (f"-s -w -X {stamp}.gitVersion={version[0].split()[1]} -X {stamp}.gitMajor={version[1]} -X {stamp}.gitMinor={version[2]} "
             f"-X {stamp}.gitTreeState=clean")
    if not (BIN / "kubenode").exists():
        run("go", "build", "-trimpath", "-ldflags", flags, "-o", BIN / "kubenode", ".", cwd=HERE / "cluster")
    if not (BIN / "kube-router").exists():
        run("go", "install", "-trimpath", "-ldflags", "-s -w", ROUTER, cwd=LAB, env=os.environ | {"GOBIN": str(BIN)})
    if not (BIN / "pause").exists():
        run("gcc", "-x", "c", "-static", "-o", BIN / "pause", "-", input="int pause(void); int main(void) { for (;;) pause(); }")


def make_images(engine):
    """The images that the node is given, for it has no network: what is under test, and the pause container."""
    IMAGES.mkdir(parents=True, exist_ok=True)

    def keep(image):
        archive = IMAGES / (image.split("/")[-1].split(":")[0] + ".tar")
        archive.unlink(missing_ok=True)
        engine("save", "--format", "docker-archive", "-o", archive, image)

    engine.build("image-built", IMAGE)
    keep(IMAGE)
    if not (IMAGES / "pause.tar").exists():
        with tempfile.TemporaryDirectory(prefix="kneepoint-kube-") as folder:
            run("tar", "-C", BIN, "-cf", f"{folder}/root.tar", "pause")
            engine("import", "--change", 'ENTRYPOINT ["/pause"]', f"{folder}/root.tar", PAUSE)
        keep(PAUSE)


def up():
    down()
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    for number in range(VOLUMES):
        (STATE / f"volumes/{number}").mkdir(parents=True)
        (STATE / f"volumes/{number}").chmod(0o777)
    with open(LAB / "node.log", "wb") as log:
        outer = subprocess.Popen(
            ["unshare", "--fork", "--pid", "--mount", "--net", "--mount-proc", "--kill-child=KILL", sys.executable, "-B",
             str(HERE / "node.py"), str(STATE), str(BIN), str(IMAGES)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        processes.wait_until(lambda: children(outer.pid), 20, "the node's first process")
        PID.write_text(str(children(outer.pid)[0]), encoding="utf-8")
        processes.wait_until(lambda: (STATE / "up").exists() or outer.poll() is not None, 180, "the node is up")
        if outer.poll() is not None:
            raise AssertionError((LAB / "node.log").read_text(encoding="utf-8")[-3000:])
        addons = (HERE / "addons.yaml").read_text(encoding="utf-8").replace("PROGRAMS", str(BIN))
        kubectl("apply", "-f", "-", given=addons + volumes())
        kubectl("wait", "--for=condition=Ready", "node/lab", "--timeout=120s")
        for workload in ("kube-system/coredns", "serving/vllm", "monitoring/probe"):
            namespace, name = workload.split("/")
            kubectl("-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=240s")
    except BaseException:
        down()
        raise


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def volumes():
    """Volumes that an unprivileged pod may write to, deleted with their claims as a cloud's would be."""
    return "".join(f"""---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: volume-{number}}}
spec:
  storageClassName: standard
  persistentVolumeReclaimPolicy: Delete
  accessModes: [ReadWriteOnce]
  capacity: {{storage: 1Gi}}
  hostPath: {{path: "{STATE}/volumes/{number}", type: Directory}}
""" for number in range(VOLUMES))


def down():
    """Ends process 1 of the node's namespaces, and with it all that is in them."""
    if PID.exists():
        try:
            os.kill(int(PID.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            pass
        PID.unlink()
        time.sleep(1)
    for group in pathlib.Path("/sys/fs/cgroup").glob("*/kneepoint-lab"):
        for folder in sorted((f for f in group.rglob("*") if f.is_dir()), key=lambda f: -len(f.parts)):
            folder.rmdir()
        group.rmdir()


def kubectl_words(*words):
    return ["nsenter", "-t", PID.read_text(), "--net", "--", str(BIN / "kubenode"), "kubectl",
            f"--kubeconfig={STATE}/pki/admin.kubeconfig", f"--cache-dir={LAB}/cache", *map(str, words)]


def kubectl(*words, check=True, given=None, timeout=300):
    done = subprocess.run(kubectl_words(*words), input=given, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"kubectl {' '.join(map(str, words))}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done


def main():
    task = sys.argv[1] if len(sys.argv) > 1 else ""
    if task == "build":
        build()
    elif task == "up":
        build()
        with tempfile.TemporaryDirectory(prefix="kneepoint-kube-") as folder:
            make_images(containers.Engine(folder))
        up()
    elif task == "down":
        down()
    elif task == "kubectl":
        sys.exit(subprocess.run(kubectl_words(*sys.argv[2:])).returncode)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except (Unavailable, containers.Unavailable) as reason:
        processes.skip(str(reason))
