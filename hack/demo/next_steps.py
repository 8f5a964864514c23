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
        "kubectl wait -n shop --for=jsonpath='{.status.activeRelease}'=order-r2 deliveryservice/order --timeout=2m",
        "kubectl get -n shop deliveryservices,deliveryreleases,pods",
    ),
    (
        "Make a mistake: an image that is not there. The status names the cause, the old pods go on serving",
        "kubectl patch -n shop deliveryservice order --type=merge -p "
        """'{"spec":{"image":"registry.example.com/shop/order:v9.9.9"}}'""",
        "kubectl describe -n shop deliveryservice order",
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
        "Go back to where the demo ended, or remove everything",
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
