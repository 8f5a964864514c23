"""`python -m demo up|down`."""

import argparse
import sys

from rich.console import Console

from demo import diagnose, images, install, next_steps, shop
from demo.narrate import DemoError, Narrator
from demo.tools import Tools
from devcluster.choose import Provider, Request, open_cluster
from devcluster.cluster import Cluster
from devcluster.console import ConsoleReporter
from devcluster.errors import DevclusterError
from devcluster.home import Home
from devcluster.node.cluster import NodeCluster
from devcluster.node.packages import ensure_programs

CLUSTER = "demo"
ENVIRONMENT = f'eval "$(.venv/bin/devcluster env --name {CLUSTER})"'
SHOWN = ("get deliveryservices -A", "get deliveryreleases -n shop", "get pods -n shop")


def up(cluster: Cluster, tools: Tools, tell: Narrator, reporter: ConsoleReporter) -> None:
    """Everything, from the cluster to the answered call."""
    embedded = isinstance(cluster, NodeCluster)
    if embedded:
        ensure_programs(Home.default(), reporter)  # before the builds: two package installations at once would collide
    builds = images.Builds(postgres=embedded)
    try:
        with tell.step(
            f"A Kubernetes cluster (provider {cluster.provider})",
            "so that real pods run, on this machine and apart from everything else on it",
        ):
            cluster.create()
        with tell.step(
            "Container images", "the operator and the example are built from this working tree and loaded into the node"
        ):
            built = builds.finished(reporter)
            images.load(cluster, built, reporter)
    finally:
        builds.cancel()
    with tell.step(
        "The operator", f"a Helm chart brings the CRDs, narrow roles and two pods into namespace {install.NAMESPACE}"
    ):
        install.install(tools, built[0])
    with tell.step(
        "What the order service needs",
        f"namespace {shop.NAMESPACE}, a Secret with a random password, PostgreSQL: the platform's part",
    ):
        shop.prepare(tools)
        shop.start_postgres(tools)
    with tell.step(
        f"kubectl apply -f {shop.SERVICE.relative_to(images.ROOT)}",
        "all that a developer writes; the operator makes release order-r1, migrates the database and starts the pods",
    ):
        shop.deploy(tools, tell.say)
    with tell.step("A real call", "gRPC CreateOrder and GetOrder through the Service, with the service's own client"):
        for method, answer in shop.call(tools):
            tell.say(f"{method}: {answer}")
    for command in SHOWN:
        tell.show(f"kubectl {command}", tools.kubectl(*command.split()))
    tell.finish("The order service runs.")
    tell.paste("What to try next", next_steps.lines(ENVIRONMENT))


def attempt(cluster: Cluster, tell: Narrator, reporter: ConsoleReporter) -> int:
    """Run the demo and explain a failure; returns the exit code."""
    tools = Tools(cluster, Home.default().logs / "demo.log")
    try:
        up(cluster, tools, tell, reporter)
    except (DemoError, DevclusterError) as error:
        found = "" if cluster.status().problem else diagnose.findings(tools, (install.NAMESPACE, shop.NAMESPACE))
        tools.note(f"failed: {error}\n{found}")
        tell.fail(error, found, tools.log)
        return 1
    except KeyboardInterrupt:
        tell.say("Interrupted. `make demo` goes on from here, `make demo-down` removes what there is.")
        return 130
    return 0


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("--provider", choices=["auto", "node", "kind"], default="auto")
    arguments = parser.parse_args()
    tell, reporter = Narrator(Console(highlight=False)), ConsoleReporter(sys.stdout)
    try:
        cluster = open_cluster(Request(CLUSTER, Provider(arguments.provider)), reporter)
        if arguments.what == "up":
            return attempt(cluster, tell, reporter)
        with reporter.step(f"Removing the cluster {CLUSTER} and everything in it"):
            cluster.delete()
    except DevclusterError as error:
        tell.say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
