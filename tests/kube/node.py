"""Process 1 of the lab's namespaces (pid, mount, network; cluster.py makes them): control plane and node. Nothing in here reaches
a network, and when this process ends, all of it ends.    node.py STATE BIN IMAGES"""
import os
import pathlib
import subprocess
import sys
import time

STATE, BIN, IMAGES = (pathlib.Path(word) for word in sys.argv[1:4])
ADDRESS, SERVICES, PODS = "198.18.0.1", "198.19.0.0/24", "198.18.16.0/20"
DNS = "198.19.0.10"
GROUP = "kneepoint-lab"
USERS = {"admin": ('admin', 'system:masters'), "controllers": ("system:kube-controller-manager", ""), "scheduler": ("system:kube-scheduler", ""),
         "kubelet": ("system:node:lab", "system:nodes"), "proxy": ("system:kube-proxy", "")}

KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{{name: lab, cluster: {{server: "https://127.0.0.1:6443", insecure-skip-tls-verify: true}}}}]
users: [{{name: {who}, user: {{token: {who}-token}}}}]
contexts: [{{name: lab, context: {{cluster: lab, user: {who}}}}}]
current-context: lab
"""
CNI = f"""{{"cniVersion": "0.4.0", "name": "lab", "plugins": [{{"type": "ptp", "ipMasq": false, "ipam": {{"type": "host-local",
  "dataDir": "{STATE}/ipam", "ranges": [[{{"subnet": "198.18.16.0/24"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}}]}}
"""
CONTAINERD = f"""version = 2
root = "{STATE}/containerd/root"
state = "{STATE}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{STATE}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/lab/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{STATE}/cni"
"""
KUBELET = f"""apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {ADDRESS}
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
cgroupRoot: /{GROUP}
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
enforceNodeAllocatable: [pods]
evictionHard: {{memory.available: 100Mi}}
imageGCHighThresholdPercent: 100
clusterDNS: [{DNS}]
clusterDomain: cluster.local
resolvConf: ""
containerRuntimeEndpoint: unix://{STATE}/containerd.sock
"""
PROXY = f"""apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {{kubeconfig: {STATE}/pki/proxy.kubeconfig}}
mode: nftables
hostnameOverride: lab
clusterCIDR: {PODS}
conntrack: {{maxPerCore: 0, min: 0}}
"""


def do(*words):
    subprocess.run([str(word) for word in words], check=True)


def start(name, *words):
    """A program that is to run for ever, its output in log/NAME.log."""
    with open(STATE / f"log/{name}.log", "wb") as log:
        subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def until(*words):
    """Waits for a command to succeed."""
    for _ in range(900):
        if subprocess.run([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.2)
    sys.exit(f"never ready: {' '.join(map(str, words))}")


def write(path, text):
    (STATE / path).parent.mkdir(parents=True, exist_ok=True)
    (STATE / path).write_text(text, encoding="utf-8")
    return STATE / path


def make_network():
    """A bridge for an address of the node's own, and a default route, which API server and kubelet want; it leads nowhere."""
    do("mount", "--make-rshared", "/")
    do("mount", "--bind", write("resolv.conf", ""), "/etc/resolv.conf")
    do("ip", "link", "set", "lo", "up")
    do("ip", "link", "add", "node0", "type", "bridge")
    do("ip", "address", "add", f"{ADDRESS}/24", "dev", "node0")
    do("ip", "link", "set", "node0", "up")
    do("ip", "route", "add", "default", "dev", "node0")
    do("sysctl", "-qw", "net.ipv4.ip_forward=1")


def make_groups():
    """A control group for all pods in every hierarchy of cgroup v1; under v2 the kubelet makes its own."""
    for hierarchy in pathlib.Path("/sys/fs/cgroup").iterdir():
        if (hierarchy / "cgroup.procs").exists() and hierarchy.is_dir():
            (hierarchy / GROUP).mkdir(exist_ok=True)
    cpus = pathlib.Path("/sys/fs/cgroup/cpuset") / GROUP
    if cpus.is_dir():
        (cpus / "cpuset.cpus").write_text(f"0-{os.cpu_count() - 1}")
        (cpus / "cpuset.mems").write_text("0")


def start_control_plane(kube):
    """API server with real authorization (Node, RBAC) and tokens instead of client certificates."""
    pki = STATE / "pki"
    tokens = "".join(f'{who}-token,{name},{number},"{group}"\n' for number, (who, (name, group)) in enumerate(USERS.items()))
    write("pki/tokens.csv", tokens)
    for who in USERS:
        write(f"pki/{who}.kubeconfig", KUBECONFIG.format(who=who))
    do("openssl", "genrsa", "-out", pki / "accounts.key", "2048")
    start("etcd", kube, "etcd", "--name=lab", f"--data-dir={STATE}/etcd", "--unsafe-no-fsync", "--listen-client-urls=http://127.0.0.1:2379",
          "--advertise-client-urls=http://127.0.0.1:2379", "--listen-peer-urls=http://127.0.0.1:2380")
    start("apiserver", kube, "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", f"--cert-dir={pki}", "--bind-address=0.0.0.0",
          f"--advertise-address={ADDRESS}", "--secure-port=6443", f"--service-cluster-ip-range={SERVICES}", "--authorization-mode=Node,RBAC",
          "--enable-admission-plugins=NodeRestriction", f"--token-auth-file={pki}/tokens.csv",
          "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={pki}/accounts.key",
          f"--service-account-signing-key-file={pki}/accounts.key", "--kubelet-preferred-address-types=InternalIP")
    until(kube, "kubectl", f"--kubeconfig={pki}/admin.kubeconfig", "get", "--raw=/readyz")
    start("controllers", kube, "kube-controller-manager", f"--kubeconfig={pki}/controllers.kubeconfig", "--use-service-account-credentials",
          f"--service-account-private-key-file={pki}/accounts.key", f"--root-ca-file={pki}/apiserver.crt", "--allocate-node-cidrs",
          f"--cluster-cidr={PODS}", "--enable-hostpath-provisioner", "--leader-elect=false")
    start("scheduler", kube, "kube-scheduler", f"--kubeconfig={pki}/scheduler.kubeconfig",
          f"--authentication-kubeconfig={pki}/scheduler.kubeconfig", f"--authorization-kubeconfig={pki}/scheduler.kubeconfig", "--leader-elect=false")


def start_node(kube):
    """containerd with its images, kubelet, kube-proxy, and kube-router, which enforces NetworkPolicies."""
    write("cni/10-lab.conflist", CNI)
    start("containerd", "containerd", "--config", write("containerd.toml", CONTAINERD))
    client = ("ctr", "-a", STATE / "containerd.sock")
    until(*client, "version")
    for archive in sorted(IMAGES.glob("*.tar")):
        do(*client, "-n", "k8s.io", "images", "import", archive)
    start("kubelet", kube, "kubelet", f"--config={write('kubelet.yaml', KUBELET)}", f"--kubeconfig={STATE}/pki/kubelet.kubeconfig",
          f"--root-dir={STATE}/kubelet", "--hostname-override=lab", f"--node-ip={ADDRESS}", f"--cert-dir={STATE}/kubelet-pki")
    start("proxy", kube, "kube-proxy", f"--config={write('proxy.yaml', PROXY)}")
    until(kube, "kubectl", f"--kubeconfig={STATE}/pki/admin.kubeconfig", "get", "node", "lab")
    start("router", BIN / "kube-router", f"--kubeconfig={STATE}/pki/admin.kubeconfig", "--hostname-override=lab", "--run-firewall=true",
          "--run-router=false", "--run-service-proxy=false", f"--service-cluster-ip-range={SERVICES}", "--metrics-port=0")


def main():
    (STATE / "log").mkdir()
    make_network()
    make_groups()
    start_control_plane(BIN / "kubenode")
    start_node(BIN / "kubenode")
    write("up", "")
    while True:  # process 1 buries what others leave
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)


main()
