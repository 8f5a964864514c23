"""The provider `node`: control plane, containerd, kubelet, kube-proxy and CoreDNS in one isolated process tree.

Everything runs in network, mount and PID namespaces of its own, below one process; ending that process ends all of it,
and the machine's network, firewall, mounts and settings are as before. What reaches out is one listening socket on the
loopback address for the API.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devcluster import audit, components
from devcluster.binaries import Binaries, built_binaries
from devcluster.components import API_SERVER, CONTROLLER_MANAGER, ETCD, SCHEDULER, Endpoint
from devcluster.console import Reporter
from devcluster.embedded import POLL, EmbeddedCluster
from devcluster.errors import StartError, UsageError
from devcluster.home import Home, private_directory, remove_tree
from devcluster.layout import Layout
from devcluster.node import cgroups, config
from devcluster.node.control import Control
from devcluster.node.images import Importer, write_program_image
from devcluster.node.inside import listen_inside
from devcluster.node.packages import SEARCH_PATH, cni_directory, ensure_programs, program
from devcluster.plan import Plan
from devcluster.processes import alive, clean_environment, identify, spawn
from devcluster.state import State

INIT, HOLDER = "init", "namespaces"
INIT_TIMEOUT = 30.0


class NodeCluster(EmbeddedCluster):
    """A cluster of one node that runs pods."""

    provider = "node"
    has_pods = True

    def __init__(
        self,
        name: str,
        home: Home | None = None,
        reporter: Reporter | None = None,
        session: str | None = None,
        image_store: str = "",
    ) -> None:
        """Nothing is started yet.

        `image_store` gives containerd a file system of its own, in memory and of this size (`1g`), which a test can
        fill without the machine being short of anything.
        """
        super().__init__(name, home, reporter, session)
        self._image_store = image_store

    # What runs

    def _binaries(self) -> Binaries:
        return built_binaries(self.home, self.reporter)

    def _plan(self, layout: Layout, binaries: Binaries, port: int) -> Plan:
        del port  # inside the node the API has a port of its own
        if sys.platform != "linux" or os.geteuid():
            message = "The provider node needs root on Linux: use sudo, or --provider kind or control-plane."
            raise UsageError(message)
        host = self._host
        endpoint = Endpoint("0.0.0.0", config.API_PORT, config.NODE_IP)  # noqa: S104 (of its own network namespace)
        server = f"https://127.0.0.1:{config.API_PORT}"
        clients = (CONTROLLER_MANAGER, SCHEDULER, config.KUBELET, config.KUBE_PROXY, config.COREDNS)
        return Plan(
            (*components.subjects(endpoint), *config.subjects(self.name)),
            {"audit-policy.yaml": audit.POLICY, **config.files(self.name, layout, host)},
            dict.fromkeys(clients, server),
            {
                **components.control_plane(layout, binaries, endpoint),
                **config.commands(self.name, layout, binaries, host),
            },
        )

    @functools.cached_property
    def _host(self) -> config.Host:
        ensure_programs(self.home, self.reporter)
        cni = cni_directory()
        assert cni is not None, "ensure_programs has seen to it"
        # A file system in memory always allows it.
        snapshotter = "overlayfs" if self._image_store else _snapshotter(self.home.root)
        return config.Host(cni, program("containerd"), sys.executable, snapshotter, self._image_store)

    # How it starts and ends

    def _launch(self, state: State, layout: Layout, plan: Plan) -> None:
        with self.reporter.step("Making the node's namespaces"):
            self._isolate(state, layout)
        with self.reporter.step("Starting etcd, the API server and containerd"):
            self._start_and_wait(state, layout, ETCD, API_SERVER, config.API_FORWARD, config.CONTAINERD)
            self._load_pause_image(state, layout)
        with self.reporter.step("Starting the node"):
            self._start_and_wait(state, layout, CONTROLLER_MANAGER, SCHEDULER, config.KUBELET)
            self._start_and_wait(state, layout, config.KUBE_PROXY)
            self.kubectl("apply", "-f", str(layout.config / "dns.yaml"))
            self._start_and_wait(state, layout, config.COREDNS)
            api = self._api(state)
            path = "/api/v1/namespaces/default/serviceaccounts/default"
            self._await(state, layout, CONTROLLER_MANAGER, lambda: api.ok(path), set(plan.commands))

    def _isolate(self, state: State, layout: Layout) -> None:
        cgroups.create(self.name)
        private_directory(layout.directory / "kubelet")
        private_directory(config.image_store(layout))
        self._make_mount_point(state, config.CNI_RESULTS)
        log = layout.log(INIT)
        namespaces = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        first = (sys.executable, "-P", "-m", "devcluster.node.init", str(layout.config / "setup.json"))
        environment = clean_environment(SEARCH_PATH)
        with socket.create_server(("127.0.0.1", state.port), backlog=1024) as listener:
            holder = spawn(
                [program("unshare"), *namespaces, *first], log, environment, fds={config.LISTENER: listener.fileno()}
            )
        state.processes[HOLDER] = holder
        state.save(self.directory)
        control = Control(config.control_socket(layout))
        deadline = time.monotonic() + INIT_TIMEOUT
        while not (pid := control.pid()):
            if not alive(holder) or time.monotonic() > deadline:
                message = "the node's namespaces could not be made"
                raise StartError(INIT, message, log)
            time.sleep(POLL)
        if init := identify(pid):
            state.processes[INIT] = init
            state.save(self.directory)

    def _start_one(self, state: State, layout: Layout, name: str) -> None:
        fds = {config.LISTENER: config.LISTENER} if name == config.API_FORWARD else {}
        Control(config.control_socket(layout)).start(name, state.commands[name], layout.log(name), fds)

    def _stop_one(self, state: State, layout: Layout, name: str) -> None:
        del state
        Control(config.control_socket(layout)).stop(name)

    def _signal_one(self, state: State, layout: Layout, name: str, number: int) -> None:
        del state
        Control(config.control_socket(layout)).signal(name, number)

    def _running(self, state: State, layout: Layout) -> set[str]:
        if INIT not in state.processes or not alive(state.processes[INIT]):
            return set()
        return Control(config.control_socket(layout)).running()

    def _clean_up(self, state: State) -> None:
        left = cgroups.remove(self.name)
        if left:
            self.reporter.note(f"Could not remove the control groups {', '.join(map(str, left))}.")
        remove_tree(Path(state.run))
        for path in state.created:
            if not self._others_created(path):
                with contextlib.suppress(OSError):
                    Path(path).rmdir()

    def _make_mount_point(self, state: State, path: Path) -> None:
        """A folder of the machine to mount something of ours over; the last node that needs it removes it."""
        if not path.exists():
            path.mkdir(parents=True)
        elif not self._others_created(str(path)):
            return
        state.created.append(str(path))
        state.save(self.directory)

    def _others_created(self, path: str) -> bool:
        others = (State.load(self.home.cluster(name)) for name in self.home.cluster_names() if name != self.name)
        return any(path in state.created for state in others if state)

    # Readiness

    def _is_ready(self, state: State, layout: Layout, name: str) -> Callable[[], bool]:
        if name == config.KUBELET:
            return lambda: self._node_is_ready(state)
        if name == config.CONTAINERD:
            return lambda: self._containerd_answers(layout)
        return super()._is_ready(state, layout, name)

    def _node_is_ready(self, state: State) -> bool:
        node = self._api(state).read(f"/api/v1/nodes/{config.node_name(self.name)}")
        conditions = node["status"].get("conditions", []) if node else []
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def _containerd_answers(self, layout: Layout) -> bool:
        command = [program("ctr"), "--address", str(config.containerd_socket(layout)), "version"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    # Images

    def load_docker_image(self, docker_image: str) -> None:
        """See Cluster. An image the node has already, by its digest, is not loaded again."""
        with self._locked():
            state = self._up()
            importer = self._importer(state, self._layout(state))
            with self.reporter.step(f"Loading {docker_image}"):
                importer.load(docker_image)
            state.save(self.directory)

    @property
    def image_store(self) -> Path:
        """Where containerd keeps images and what containers write, as seen from the machine."""
        state = self._up()
        seen = Path(f"/proc/{state.processes[INIT].pid}/root")
        return seen / config.image_store(self._layout(state)).relative_to("/")

    def listen(self) -> socket.socket:
        """A socket that listens on a free port of the node's loopback address, for this process to answer."""
        pid = self._up().processes[INIT].pid
        with ThreadPoolExecutor(max_workers=1) as pool:  # only this thread enters the node, and ends
            return pool.submit(listen_inside, pid).result()

    def mirror(self, registry: str, port: int) -> None:
        """Have images of a registry pulled from a port of the node's loopback address, by plain HTTP."""
        hosts = config.registries(self._layout(self._up())) / registry / "hosts.toml"
        hosts.parent.mkdir(parents=True, exist_ok=True)
        hosts.write_text(config.mirror(f"http://127.0.0.1:{port}"))

    def _importer(self, state: State, layout: Layout) -> Importer:
        return Importer(config.containerd_socket(layout), program("ctr"), state.images)

    def _load_pause_image(self, state: State, layout: Layout) -> None:
        binaries = self._programs
        archive = self.home.images / f"pause-{binaries.key}.tar"
        if not archive.exists():
            write_program_image(archive, config.PAUSE_IMAGE, binaries.paths["pause"])
        self._importer(state, layout).load(str(archive))


def _snapshotter(directory: Path) -> str:
    """Choose overlayfs where the file system allows it; inside most containers it does not, and files are copied."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="overlay-", dir=directory) as test:
        folders = {name: private_directory(Path(test, name)) for name in ("lower", "upper", "work", "merged")}
        options = f"lowerdir={folders['lower']},upperdir={folders['upper']},workdir={folders['work']}"
        mount = [program("mount"), "-t", "overlay", "-o", options, "devcluster", str(folders["merged"])]
        done = subprocess.run([program("unshare"), "--mount", *mount], capture_output=True, check=False)
    return "native" if done.returncode else "overlayfs"
