"""Conditions and their reasons."""

from collections.abc import Mapping

from delivery_operator.api.reasons import CONDITIONS, ENVIRONMENT, EVENTS, OTHERS, PROBLEMS, STANDING, TASK, Reason
from docs.markdown import code, page, prose, table


def conditions_page() -> str:
    """The page of conditions."""
    return page(
        "Conditions and reasons",
        "operator/delivery_operator/api/reasons.py",
        "The conditions in `status.conditions` of a DeliveryService follow "
        "[kstatus](https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md), so Flux, Argo CD "
        "and `kubectl wait` understand them. Each names in `observedGeneration` the `metadata.generation` it answers "
        "to. They change only when what they tell changes.",
        table(
            ("condition", "`True`", "`False`"),
            [(code(kind), prose(told.when_true), prose(told.when_false)) for kind, told in CONDITIONS.items()],
        ),
        "## Reasons of Ready",
        "`Reconciling` has the same reason while something goes on by itself, `Stalled` when somebody has to act.",
        _reasons(STANDING),
        "## Reasons of the others",
        table(
            ("condition", "reason", "what it says", "what to do"),
            [
                (code(kind), code(name), prose(reason.happened), prose(reason.remedy))
                for kind, reasons in OTHERS.items()
                for name, reason in reasons.items()
            ],
        ),
        "## Reasons of problems",
        "`status.problems` has the reasons above that are problems, and some of its own.",
        _reasons(PROBLEMS),
        "## Reasons of a DeliveryEnvironment's Ready",
        _reasons(ENVIRONMENT),
        "## Reasons of a DeliveryTask",
        "In `status.reason`, beside those of a service that are about its pods, Secrets and templates.",
        _reasons(TASK),
        "## Reasons of Events",
        "`kubectl describe deliveryservice NAME` shows them. Warnings have the reasons of Ready that are problems.",
        _reasons(EVENTS),
    )


def _reasons(reasons: Mapping[str, Reason]) -> str:
    rows = [(code(name), prose(reason.happened), prose(reason.remedy)) for name, reason in reasons.items()]
    return table(("reason", "what happened", "what to do"), rows)
