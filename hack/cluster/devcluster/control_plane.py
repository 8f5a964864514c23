"""The provider `control-plane`: etcd, API server, controller manager and scheduler as processes of the user.

For integration tests and benches: it needs no privileges and starts in seconds. Pods are accepted and stay Pending.
"""

from __future__ import annotations

import os

from devcluster import audit, components
from devcluster.binaries import Binaries, control_plane_binaries
from devcluster.components import API_SERVER, CONTROLLER_MANAGER, ETCD, SCHEDULER, Endpoint
from devcluster.embedded import EmbeddedCluster
from devcluster.layout import Layout
from devcluster.plan import Plan
from devcluster.processes import alive, clean_environment, kill, spawn
from devcluster.state import State

LOOPBACK = "127.0.0.1"


class ControlPlaneCluster(EmbeddedCluster):
    """A cluster without a node."""

    provider = "control-plane"
    has_pods = False

    def _binaries(self) -> Binaries:
        return control_plane_binaries(self.home, self.reporter)

    def _plan(self, layout: Layout, binaries: Binaries, port: int) -> Plan:
        endpoint = Endpoint(LOOPBACK, port, LOOPBACK)
        server = f"https://{LOOPBACK}:{port}"
        return Plan(
            components.subjects(endpoint),
            {"audit-policy.yaml": audit.POLICY},
            {CONTROLLER_MANAGER: server, SCHEDULER: server},
            components.control_plane(layout, binaries, endpoint),
        )

    def _launch(self, state: State, layout: Layout, plan: Plan) -> None:
        with self.reporter.step("Starting etcd and the API server"):
            self._start_and_wait(state, layout, ETCD, API_SERVER)
        with self.reporter.step("Starting the controller manager and the scheduler"):
            self._start_and_wait(state, layout, CONTROLLER_MANAGER, SCHEDULER)
            # Pods are refused until the controller manager has made the service account of their namespace.
            api = self._api(state)
            path = "/api/v1/namespaces/default/serviceaccounts/default"
            self._await(state, layout, CONTROLLER_MANAGER, lambda: api.ok(path), set(plan.commands))

    def _start_one(self, state: State, layout: Layout, name: str) -> None:
        log = layout.log(name)
        state.processes[name] = spawn(state.commands[name], log, clean_environment(), cwd=layout.run)

    def _stop_one(self, state: State, layout: Layout, name: str) -> None:
        del layout
        if process := state.processes.pop(name, None):
            kill(process)

    def _signal_one(self, state: State, layout: Layout, name: str, number: int) -> None:
        del layout
        process = state.processes.get(name)
        if process and alive(process):
            os.kill(process.pid, number)

    def _running(self, state: State, layout: Layout) -> set[str]:
        del layout
        return {name for name, process in state.processes.items() if alive(process)}
