import json
import tomllib
from dataclasses import replace
from pathlib import Path

import yaml

from devcluster.binaries import LINKS, Binaries
from devcluster.layout import Layout
from devcluster.node import config

LAYOUT = Layout(Path("/a/home/with/a/path/so/long/that/no/unix/socket/could/be/in/it/clusters/dev"), Path("/run/x"))
BINARIES = Binaries("key", {name: Path("/bin", name) for name in LINKS})
HOST = config.Host(Path("/usr/lib/cni"), "/usr/bin/containerd", "/usr/bin/python3", "native")
FILES = config.files("dev", LAYOUT, HOST)


def test_every_file_a_command_names_is_written() -> None:
    for argv in config.commands("dev", LAYOUT, BINARIES, HOST).values():
        for argument in argv:
            path = argument.removeprefix("--config=")
            if path.startswith(str(LAYOUT.config)):
                assert Path(path).name in FILES


def test_containerd_keeps_its_state_to_itself() -> None:
    containerd = tomllib.loads(FILES["containerd.toml"])
    cri = containerd["plugins"]["io.containerd.grpc.v1.cri"]
    assert containerd["root"].startswith(str(LAYOUT.directory))
    assert cri["containerd"]["snapshotter"] == "native"
    assert cri["sandbox_image"] == config.PAUSE_IMAGE
    assert cri["cni"] == {"bin_dir": "/usr/lib/cni", "conf_dir": f"{LAYOUT.config}/cni"}
    assert "cni/10-pods.conflist" in FILES


def test_sockets_have_paths_the_kernel_accepts() -> None:
    sockets = (config.containerd_socket(LAYOUT), config.control_socket(LAYOUT), config.KUBELET_ROOT / "pod-resources")
    assert all(len(str(path)) < 100 for path in sockets)


def test_the_kubelet_puts_pods_below_the_clusters_own_control_group_and_evicts_none() -> None:
    kubelet = yaml.safe_load(FILES["kubelet.yaml"])
    assert kubelet["cgroupRoot"] == "/devcluster-dev"
    assert set(kubelet["evictionHard"].values()) == {"0%"}
    assert kubelet["clusterDNS"] == ["10.96.0.10"]


def test_the_dns_service_leads_to_the_node_where_coredns_listens() -> None:
    objects = {each["kind"]: each for each in yaml.safe_load_all(FILES["dns.yaml"])}
    assert objects["Service"]["spec"]["clusterIP"] == "10.96.0.10"
    assert "selector" not in objects["Service"]["spec"]
    assert objects["EndpointSlice"]["endpoints"][0]["addresses"] == [config.NODE_IP]
    assert FILES["Corefile"].startswith(".:53 {")


def test_the_node_may_call_itself_what_its_certificate_says() -> None:
    kubelet = next(subject for subject in config.subjects("dev") if subject.file == config.KUBELET)
    assert kubelet.user == "system:node:dev-node"
    assert "--hostname-override=dev-node" in config.commands("dev", LAYOUT, BINARIES, HOST)[config.KUBELET]
    assert config.NODE_IP in kubelet.hosts


def test_an_image_store_of_its_own_is_mounted_where_containerd_keeps_its_files() -> None:
    files = config.files("dev", LAYOUT, replace(HOST, image_store="1g"))
    root = tomllib.loads(files["containerd.toml"])["root"]
    assert json.loads(files["setup.json"])["tmpfs"][root] == "1g"


def test_containerd_asks_the_mirror_of_a_registry() -> None:
    cri = tomllib.loads(FILES["containerd.toml"])["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["registry"]["config_path"] == str(config.registries(LAYOUT))
    address = "http://127.0.0.1:5000"
    assert tomllib.loads(config.mirror(address)) == {
        "server": address,
        "host": {address: {"capabilities": ["pull", "resolve"]}},
    }


def test_the_first_process_hides_only_what_it_must() -> None:
    setup = json.loads(FILES["setup.json"])
    assert setup["tmpfs"] == {"/run": "", "/var/log": "", "/var/lib/cni": ""}
    assert setup["control"] == "/run/x/control.sock"
