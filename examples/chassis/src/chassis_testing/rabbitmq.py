"""RabbitMQ, with a virtual host per test.

Its management plugin is on: a virtual host is made by one HTTP request, where `rabbitmqctl` would start an Erlang VM.
"""

import base64
import http.client
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any, ClassVar

from chassis_testing import programs
from chassis_testing.errors import StartError, tail
from chassis_testing.network import HOST, free_port, greeting, listens
from chassis_testing.process import Process
from chassis_testing.server import Server, unique
from chassis_testing.waiting import wait_until

USER = PASSWORD = "shop"  # noqa: S105 - of a broker that lives for one test run
API_TIMEOUT = 10.0  # seconds
EPMD_TIMEOUT = 10.0  # seconds
PROTOCOL = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"
# In Erlang's terms: a rabbitmq.conf is translated into them at each start, which takes seconds. The interval is in
# milliseconds: so late at most does the management API know a queue's new length.
CONFIGURATION = Template("""[
  {rabbit, [
    {tcp_listeners, [{"$host", $port}]},
    {default_user, <<"$user">>},
    {default_pass, <<"$password">>},
    {disk_free_limit, 1000000},
    {collect_statistics_interval, 500}
  ]},
  {rabbitmq_management, [
    {tcp_config, [{ip, "$host"}, {port, $management}]},
    {rates_mode, none}
  ]}
].
""")
LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"


class RabbitMQ(Server):
    """A RabbitMQ broker, and the name server its Erlang VM needs."""

    name = "rabbitmq"
    unprivileged = True
    node: ClassVar[str] = "tests@localhost"

    def __init__(self) -> None:
        """Take ports for AMQP, the management API, Erlang's distribution and its name server."""
        super().__init__()
        self.management_port = free_port()
        self._distribution_port = free_port()
        self._epmd_port = free_port()
        self._epmd: Process | None = None

    def prepare(self) -> None:
        """Write the configuration and start a name server of our own, so that no other Erlang node is disturbed."""
        ports = {"port": self.port, "management": self.management_port}
        self._write("rabbitmq.config", CONFIGURATION.substitute(ports, host=HOST, user=USER, password=PASSWORD))
        self._write("enabled_plugins", "[rabbitmq_management].\n")
        self._epmd = self._spawn([programs.rabbitmq().epmd, "-port", str(self._epmd_port), "-address", HOST])
        if not wait_until(lambda: listens(self._epmd_port), EPMD_TIMEOUT):
            raise StartError(f"epmd did not start. Its log:\n{tail(self.log)}")

    def command(self) -> Sequence[str | Path]:
        """The broker's script, which becomes the Erlang VM."""
        return [programs.rabbitmq().server]

    def environment(self) -> dict[str, str]:
        """Everything the broker would otherwise look for in the places of the machine's own."""
        paths = {
            "RABBITMQ_CONFIG_FILE": "rabbitmq.config",
            "RABBITMQ_CONF_ENV_FILE": "rabbitmq-env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "enabled_plugins",
            "RABBITMQ_LOG_BASE": "",
            "RABBITMQ_MNESIA_BASE": "mnesia",
        }
        return {
            **super().environment(),
            **{variable: str(self.folder / path) for variable, path in paths.items()},
            "ERL_AFLAGS": LOOPBACK_ONLY,
            "ERL_CRASH_DUMP_SECONDS": "0",
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": self.node,
            # Its script then replaces itself by the VM, and a signal reaches that.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def answers(self) -> bool:
        """Whether it opens an AMQP connection and its management API has started."""
        if greeting(self.port, 1, PROTOCOL) != METHOD_FRAME:
            return False
        try:
            self.api("GET", "/vhosts")
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End it and its name server, and remove its data."""
        self.kill()  # the data goes with it: no need for the seconds that its end in order takes
        if self._epmd is not None:
            self._epmd.stop(signal.SIGTERM, EPMD_TIMEOUT)
        super().close()

    def url(self, vhost: str) -> str:
        """The URL of a virtual host."""
        return f"amqp://{USER}:{PASSWORD}@{HOST}:{self.port}/{vhost}"

    def vhost(self) -> str:
        """Create a virtual host and return its URL. The errors are those of `api`."""
        name = unique()
        self.api("PUT", f"/vhosts/{name}")
        self.api("PUT", f"/permissions/{name}/{USER}", {"configure": ".*", "write": ".*", "read": ".*"})
        return self.url(name)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the management API: `path` is what follows /api, the answer is JSON, or None if there is none.

        Raises:
            ConnectionError: it refused the request, or is not there.
        """
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(HOST, self.management_port, timeout=API_TIMEOUT)
        try:
            connection.request(method, f"/api{path}", json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise ConnectionError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
        return json.loads(answer) if answer else None
