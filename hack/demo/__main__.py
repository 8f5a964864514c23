"""`python -m demo up|down`."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from demo import backing, diagnose, images, install, next_steps, shop, story
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
SERVICES = ("order", "payment", "delivery", images.STAND_INS)
FULL = (*SERVICES, "user", "notification")
DEVELOPMENT = images.EXAMPLES / "environments" / "development.yaml"


def up(cluster: Cluster, tools: Tools, tell: Narrator, reporter: ConsoleReporter, services: Sequence[str]) -> None:
    """Everything, from the cluster to an order that is on its way."""
    embedded = isinstance(cluster, NodeCluster)
    if embedded:
        ensure_programs(Home.default(), reporter)  # before the builds: two package installations at once would collide
    builds = images.Builds(services, backing.images(services) if embedded else [])
    try:
        with tell.step(
            f"A Kubernetes cluster (provider {cluster.provider})",
            "so that real pods run, on this machine and apart from everything else on it",
        ):
            cluster.create()
        with tell.step(
            "Container images",
            "the operator and the examples are built from this working tree and loaded into the node",
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
        "The platform's part",
        f"namespace {shop.NAMESPACE}, Secrets with random passwords, an environment for development, and "
        f"{', '.join(each.name for each in backing.needed(services))}",
    ):
        backing.provide(tools, services)
        tools.kubectl("apply", "-f", str(DEVELOPMENT))
    with tell.step(
        f"kubectl apply -f examples/{{{','.join(services)}}}/deliveryservice.yaml",
        "all that developers write; the operator makes a release of each, migrates its database and starts its pods",
    ):
        shop.deploy(tools, tell.say, *services)
    with tell.step("An order", "placed, paid and given to a courier, by calls through the Services"):
        trace = story.play(tools, services, tell.say)
    with tell.step("What the logs say of it", f"in all pods, by its trace id {trace.id}"):
        for line in story.lines(tools, services, trace):
            tell.say(line)
    for command in SHOWN:
        tell.show(f"kubectl {command}", tools.kubectl(*command.split()))
    tell.finish("The shop is open.")
    tell.paste("What to try next", next_steps.lines(ENVIRONMENT))


def attempt(cluster: Cluster, tell: Narrator, reporter: ConsoleReporter, services: Sequence[str]) -> int:
    """Run the demo and explain a failure; returns the exit code."""
    tools = Tools(cluster, Home.default().logs / "demo.log")
    try:
        up(cluster, tools, tell, reporter, services)
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
    parser.add_argument("--full", action="store_true", help="all five services, and not only those an order needs")
    arguments = parser.parse_args()
    tell, reporter = Narrator(Console(highlight=False)), ConsoleReporter(sys.stdout)
    try:
        cluster = open_cluster(Request(CLUSTER, Provider(arguments.provider)), reporter)
        if arguments.what == "up":
            return attempt(cluster, tell, reporter, FULL if arguments.full else SERVICES)
        with reporter.step(f"Removing the cluster {CLUSTER} and everything in it"):
            cluster.delete()
    except DevclusterError as error:
        tell.say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
