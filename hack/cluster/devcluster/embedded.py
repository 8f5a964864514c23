"""What the embedded providers share: one cluster per name, found again by its state file, replaced when it is broken.

A provider says what runs (its plan) and how a process is started and ended; the life cycle is here.
"""

from __future__ import annotations

import abc
import contextlib
import datetime as dt
import functools
import signal
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from devcluster import audit
from devcluster.api import Api
from devcluster.binaries import Binaries, built_binaries
from devcluster.cluster import Cluster, Status
from devcluster.components import ADMIN, API_SERVER
from devcluster.console import Reporter, Silent
from devcluster.errors import NotRunningError, StartError, UsageError
from devcluster.home import Home, private_directory, remove_tree
from devcluster.kubeconfig import write_kubeconfig
from devcluster.layout import Layout, new_run_directory
from devcluster.pki import create_pki
from devcluster.plan import Plan
from devcluster.ports import free_port, port_was_taken
from devcluster.processes import boot_id, kill
from devcluster.state import State

START_TIMEOUT = 120.0  # seconds for one component on a busy machine; a warm start takes three in all
ANSWER_TIMEOUT = 10.0
POLL = 0.05
PORT_ATTEMPTS = 3
# Stands in for the real paths when a plan is compared with an earlier one.
ANYWHERE = Layout(Path("/cluster"), Path("/run"))


class EmbeddedCluster(Cluster):
    """A cluster of processes on this machine."""

    def __init__(
        self, name: str, home: Home | None = None, reporter: Reporter | None = None, session: str | None = None
    ) -> None:
        """Nothing is started yet. `session` marks a cluster that is created here as belonging to a test session."""
        self.home = home or Home.default()
        self.directory = self.home.cluster(name)
        self.reporter = reporter or Silent()
        self._session = session
        super().__init__(name, self.directory / "kubeconfig")

    # What a provider says

    @abc.abstractmethod
    def _binaries(self) -> Binaries:
        """The programs, built if need be."""

    @abc.abstractmethod
    def _plan(self, layout: Layout, binaries: Binaries, port: int) -> Plan:
        """What runs, for a cluster whose API is on this port of the loopback address."""

    @abc.abstractmethod
    def _launch(self, state: State, layout: Layout, plan: Plan) -> None:
        """Start everything and wait until it is ready. Every process of the host goes into the state at once.

        Raises:
            StartError: a component did not start.
        """

    @abc.abstractmethod
    def _start_one(self, state: State, layout: Layout, name: str) -> None:
        """Start one component; do not wait for it."""

    @abc.abstractmethod
    def _stop_one(self, state: State, layout: Layout, name: str) -> None:
        """End one component at once."""

    @abc.abstractmethod
    def _signal_one(self, state: State, layout: Layout, name: str, number: int) -> None:
        """Send a signal to one component, if it runs."""

    @abc.abstractmethod
    def _running(self, state: State, layout: Layout) -> set[str]:
        """Names of the components that run now."""

    def _clean_up(self, state: State) -> None:
        """Remove what ended processes leave behind outside the cluster's folder."""

    # Life

    def create(self) -> None:
        """Bring it up; one that is up, well and made of the same parts is left as it is, any other is replaced.

        Raises:
            StartError: a component did not start; nothing of the attempt still runs, and its logs are kept.
        """
        with self._locked():
            binaries = self._programs
            fingerprint = self._plan(ANYWHERE, binaries, 0).fingerprint(binaries)
            state = self._load()
            if state:
                problem = self._problem(state, fingerprint)
                if not problem:
                    return
                self.reporter.note(f"Replacing the cluster {self.name}: {problem}.")
                self._dismantle(state)
            self._bring_up(binaries, fingerprint)

    def delete(self) -> None:
        """End every process of it and remove its folder; binaries and images stay in the cache."""
        with self._locked():
            state = self._load()
            if state:
                self._dismantle(state)
            remove_tree(self.directory)

    def status(self) -> Status:
        """Look at it now, without waiting for anything."""
        state = self._load()
        if not state:
            return Status(self.name, self.provider, "it is not up", logs=self.logs_dir)
        running = self._running(state, self._layout(state)) if state.boot == boot_id() else set()
        return Status(
            self.name,
            self.provider,
            self._problem(state, state.fingerprint),
            f"https://127.0.0.1:{state.port}",
            self.kubeconfig_path,
            self.logs_dir,
            {name: "running" if name in running else "not running" for name in state.commands},
        )

    # Use

    @property
    def logs_dir(self) -> Path:
        """One file per component. Gone after a regular end, kept after a failed start."""
        return self.directory / "logs"

    def tool(self, name: str) -> Path:
        """The path of kubectl or helm, from the cluster's own binaries where they have it."""
        binaries = self._programs
        if name not in binaries.paths:
            binaries = built_binaries(self.home, self.reporter)
        return binaries.paths[name]

    def audit_events(self, after: dt.datetime | None = None) -> Iterator[dict[str, Any]]:
        """See Cluster. The server writes an event just after it has answered: wait for the one you expect."""
        return audit.read_events(self._layout(self._up()).audit_log, after)

    def stop_component(self, name: str) -> None:
        """See Cluster."""
        with self._locked():
            state = self._known(name)
            self._stop_one(state, self._layout(state), name)
            state.save(self.directory)

    def start_component(self, name: str) -> None:
        """See Cluster."""
        with self._locked():
            state = self._known(name)
            layout = self._layout(state)
            if name not in self._running(state, layout):
                self._start_one(state, layout, name)
                state.save(self.directory)
            self._await(state, layout, name, self._is_ready(state, layout, name))
            if API_SERVER in self._running(state, layout):  # without etcd it is there, but not ready
                self._await(state, layout, name, self._is_ready(state, layout, API_SERVER))

    def pause_component(self, name: str) -> None:
        """See Cluster."""
        self._signal(name, signal.SIGSTOP)

    def resume_component(self, name: str) -> None:
        """See Cluster."""
        self._signal(name, signal.SIGCONT)

    # The machinery

    def _signal(self, name: str, number: int) -> None:
        with self._locked():
            state = self._known(name)
            self._signal_one(state, self._layout(state), name, number)

    @functools.cached_property
    def _programs(self) -> Binaries:
        return self._binaries()

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        waiting = f"Another process is working on the cluster {self.name}; waiting …"
        return self.home.lock(f"cluster-{self.name}", lambda: self.reporter.note(waiting))

    def _layout(self, state: State) -> Layout:
        return Layout(self.directory, Path(state.run))

    def _load(self) -> State | None:
        try:
            return State.load(self.directory)
        except (ValueError, TypeError, KeyError) as error:
            message = (
                f"{self.directory / 'state.json'} cannot be read ({error}). End the processes it names, then remove "
                f"{self.directory}."
            )
            raise UsageError(message) from error

    def _up(self) -> State:
        state = self._load()
        if not state:
            message = f"The cluster {self.name} is not up: devcluster up --name {self.name}"
            raise NotRunningError(message)
        return state

    def _known(self, component: str) -> State:
        state = self._up()
        if component not in state.commands:
            message = f"{component} is no component of {self.name}: it has {', '.join(state.commands)}"
            raise UsageError(message)
        return state

    def _problem(self, state: State, fingerprint: str) -> str | None:
        """Why this cluster cannot be used as it is; None if it can."""
        if state.boot != boot_id():
            return "the machine has been restarted"
        if not state.ready:
            return "its start was interrupted"
        missing = [name for name in state.commands if name not in self._running(state, self._layout(state))]
        if missing:
            return f"{', '.join(missing)} not running"
        if state.fingerprint != fingerprint:
            return "its programs or configuration have changed"
        return None if self._answers(state) else "its API server does not answer"

    def _answers(self, state: State) -> bool:
        """Ask for a while: on a busy machine a slow answer must not cost a cluster."""
        api, deadline = self._api(state), time.monotonic() + ANSWER_TIMEOUT
        while not (answers := api.ok("/readyz")) and time.monotonic() < deadline:
            time.sleep(POLL)
        return answers

    def _api(self, state: State) -> Api:
        return Api(state.port, self._layout(state).pki)

    def _bring_up(self, binaries: Binaries, fingerprint: str) -> None:
        for attempt in range(1, PORT_ATTEMPTS + 1):
            remove_tree(self.directory)
            private_directory(self.directory)
            state = State(self.provider, fingerprint, str(new_run_directory()), free_port(), session=self._session)
            layout = self._layout(state)
            try:
                plan = self._plan(layout, binaries, state.port)
                state.commands = plan.commands
                state.save(self.directory)
                self._write_files(state, layout, plan)
                self._launch(state, layout, plan)
                state.ready = True
                state.save(self.directory)
            except BaseException as error:  # an interrupted start must not leave processes either
                self._dismantle(state)
                if attempt < PORT_ATTEMPTS and port_was_taken(error):
                    continue
                raise
            return

    def _write_files(self, state: State, layout: Layout, plan: Plan) -> None:
        create_pki(layout.pki, plan.subjects)
        for directory in (layout.config, layout.logs, layout.audit_log.parent):
            private_directory(directory)
        for name, text in plan.files.items():
            path = layout.config / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        for user, server in plan.kubeconfigs.items():
            path = layout.kubeconfig(user)
            write_kubeconfig(path, cluster=self.name, server=server, pki=layout.pki, user=user)
        server = f"https://127.0.0.1:{state.port}"
        name = f"devcluster-{self.name}"
        write_kubeconfig(self.kubeconfig_path, cluster=name, server=server, pki=layout.pki, user=ADMIN.file)

    def _dismantle(self, state: State) -> None:
        """End the processes and remove everything but the logs and the audit log."""
        if state.boot == boot_id():
            for name, process in reversed(state.processes.items()):
                if not kill(process):
                    message = f"process {process.pid} does not end"
                    raise StartError(name, message, self.directory / "logs" / f"{name}.log")
        self._clean_up(state)
        remove_tree(Path(state.run))
        if self.directory.exists():
            for path in self.directory.iterdir():
                if path.name not in ("logs", "audit", "state.json"):
                    remove_tree(path) if path.is_dir() else path.unlink()
        (self.directory / "state.json").unlink(missing_ok=True)

    def _start_and_wait(self, state: State, layout: Layout, *names: str) -> None:
        """Start components one after the other, then wait until each is ready."""
        for name in names:
            self._start_one(state, layout, name)
            state.save(self.directory)
        for name in names:
            self._await(state, layout, name, self._is_ready(state, layout, name))

    def _is_ready(self, state: State, layout: Layout, name: str) -> Callable[[], bool]:
        """The condition to wait for after a component has been started; for most, that it runs is all we ask."""
        if name == API_SERVER:
            api = self._api(state)
            return lambda: api.ok("/readyz")
        return lambda: name in self._running(state, layout)

    def _await(
        self,
        state: State,
        layout: Layout,
        name: str,
        condition: Callable[[], bool],
        needed: Collection[str] = (),
    ) -> None:
        """Wait for a condition; `name` is the component to blame if it never comes.

        Raises:
            StartError: a component that runs now or is `needed` ended, or it took too long.
        """
        deadline = time.monotonic() + START_TIMEOUT
        needed = {*needed, *self._running(state, layout), name}
        while True:
            met = condition()
            if gone := needed - self._running(state, layout):
                first = min(gone, key=list(state.commands).index)  # what starts later may have died of it
                message = f"ended while {self.name} was starting"
                raise StartError(first, message, layout.log(first))
            if met:
                return
            if time.monotonic() > deadline:
                message = f"not ready after {START_TIMEOUT:.0f} s"
                raise StartError(name, message, layout.log(name))
            time.sleep(POLL)
