"""`doctor`: is the cluster, and the installation, sound?"""

from rich.text import Text

from delivery_operator.cli.checks import Grade, findings
from delivery_operator.cli.exits import Exit
from delivery_operator.cli.options import Output
from delivery_operator.cli.output import write
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console, worded

EXAMPLES = ("kubectl delivery doctor", "kubectl delivery doctor -n shop -o json | jq '.[] | select(.grade != \"ok\")'")


@on_cluster
async def command(cluster: Cluster, output: Output = None) -> int:
    """Check the cluster and the operator's installation, and how the services of the namespace stand.

    Looks at the version of Kubernetes, the kinds and the policy of this version, the operator and its hash key, your
    rights, the optional APIs, and services that are not Ready. Then it compares services: two that name one codebase,
    pools that together open more connections than a database takes, and bindings of another version than those of the
    same service in another namespace. Each finding that is not well has a remedy; the exit
    code is 1 when there is a problem, while a warning leaves it 0.
    """
    screen = console()
    found = []
    async for each in findings(cluster):
        found.append(each)
        if output is None:
            screen.print(Text.assemble(worded(f"{each.grade.value:<8}"), f" {each.check}: {each.says}"))
            if each.remedy:
                screen.print(f"         {each.remedy}")
    if output:
        write([{**vars(each), "grade": each.grade.value} for each in found], output)
    return Exit.NO if any(each.grade is Grade.PROBLEM for each in found) else Exit.OK
