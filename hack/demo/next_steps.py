"""What to try next: commands that work as they are printed, after the demo."""

STEPS = (
    (
        "Call it again: with the service's own client, through the Service",
        "kubectl port-forward -n shop service/order-service 50051 & sleep 2",
        "hack/uv run --directory examples/order python ../../hack/demo/call.py 127.0.0.1:50051",
        "kill %1",
    ),
    (
        "Release v1.1.0: first its migration, then the rolling update; the old pods serve until the new ones do",
        "kubectl patch -n shop deliveryservice order --type=merge -p "
        """'{"spec":{"image":"registry.example.com/shop/order:v1.1.0"}}'""",
        "kubectl wait -n shop --for=condition=Ready deliveryservice/order --timeout=2m",
        "kubectl get -n shop deliveryservices,deliveryreleases,pods",
    ),
    (
        "Forget a Secret: the status names it, and what runs stays; create it, and the release follows",
        "kubectl patch -n shop deliveryservice order --type=merge -p "
        """'{"spec":{"config":{"API_KEY":{"secretKeyRef":{"name":"api","key":"key"}}}}}'""",
        "sleep 2; kubectl describe -n shop deliveryservice order | sed -n '/Conditions/,/Formation/p'",
        "kubectl create secret generic -n shop api --from-literal=key=abc",
        "kubectl wait -n shop --for=condition=Ready deliveryservice/order --timeout=2m",
    ),
    (
        "Be refused: an image without a fixed tag, and what to write instead",
        "kubectl patch -n shop deliveryservice order --type=merge -p "
        """'{"spec":{"image":"registry.example.com/shop/order:latest"}}'""",
    ),
    (
        "Delete a Deployment and see it come back",
        "kubectl delete -n shop deployment order-web",
        "kubectl get -n shop deployments,pods",
    ),
    (
        "Go back to v1.0.0, or remove everything",
        "make demo",
        "make demo-down",
    ),
)


def lines(environment: str) -> list[str]:
    """The text, a line each; comments and commands, so that all of it can be pasted into a shell."""
    text = ["# let kubectl and helm find this cluster", environment]
    for title, *commands in STEPS:
        text += ["", f"# {title}", *commands]
    return text
