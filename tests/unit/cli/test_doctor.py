"""`doctor` on a cluster where nothing is installed; what it finds on a sound one is shown on a real API server."""

from delivery_operator.cli.checks import ACCESS_REVIEWS, of_service
from delivery_operator.cluster.resources import DEPLOYMENTS
from tests.unit.cli import world
from tests.unit.cli.apiserver import Object, Server
from tests.unit.cli.conftest import Delivery


def test_what_is_not_installed_is_a_problem_with_a_remedy(server: Server, delivery: Delivery) -> None:
    server.objects["/version"] = {"gitVersion": "v1.36.3", "major": "1", "minor": "36"}
    server.objects[DEPLOYMENTS.path(None)] = {"items": [], "metadata": {"resourceVersion": "1"}}
    server.objects[ACCESS_REVIEWS.path(None)] = {"status": {"allowed": True}}
    ended = delivery("doctor")
    told = ended.out
    assert (ended.code, ended.err) == (1, "")
    assert "ok       cluster: Kubernetes v1.36.3" in told
    assert "problem  operator: no operator is installed in any namespace" in told
    assert "install or upgrade the chart: docs/how-to/install.md" in told
    assert (
        "problem  environments: the API server does not serve GET /apis/delivery.dev/v1alpha1/deliveryservices" in told
    )


def test_a_cluster_that_is_too_old_is_named(server: Server, delivery: Delivery) -> None:
    server.objects["/version"] = {"gitVersion": "v1.30.9", "major": "1", "minor": "30"}
    assert "problem  cluster: Kubernetes v1.30.9" in delivery("doctor").out


def told(body: Object) -> list[tuple[str, str, str]]:
    return [(each.grade.value, each.says, each.remedy) for each in of_service(body, "services")]


def test_problems_of_a_service_are_told_by_their_gravity() -> None:
    assert told(world.service()) == [
        (
            "problem",
            "order: MigrationFailed, DeliveryRelease order-r2: the migration failed with exit code 7; the end of its "
            "output: no such table: orders",
            "read the output in the message, mend it, and `kubectl delivery retry order`",
        ),
        ("warning", "order: PodsUnavailable: release order-r1 waits for pods of web", ""),
    ]


def test_a_service_that_is_under_way_is_a_warning_and_one_that_is_well_is_nothing() -> None:
    body = world.ready()
    assert told(body) == []
    body["status"]["conditions"][0] = world.condition("Ready", "False", "RollingOut", "release order-r1 waits for pods")
    says = "order is Not Ready: RollingOut: release order-r1 waits for pods"
    assert told(body) == [("warning", says, "kubectl delivery describe order")]
