"""Every condition and every reason, told once: the reference page is made of it, and a test holds the engine to it.

A reason is for programs: once published it keeps its meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from delivery_operator.api.release import Reason as ReleaseReason
from delivery_operator.api.status import ConditionType, Severity


@dataclass(frozen=True)
class Meaning:
    """What a condition says in either state."""

    when_true: str
    when_false: str


@dataclass(frozen=True)
class Reason:
    """What a reason says, and what a person does about it; nothing where there is nothing to be done.

    Attributes:
        severity: of the problem that it is; None for what is no problem, but the course of things.
    """

    happened: str
    remedy: str = ""
    severity: Severity | None = Severity.ERROR


Failure = Literal["MigrationFailed", "MigrationLost", "RolloutFailed"]
"""Why a release failed."""
FAILURES: Final[frozenset[str]] = frozenset(get_args(Failure))

CONDITIONS: Final[Mapping[ConditionType, Meaning]] = {
    ConditionType.READY: Meaning(
        "the newest release serves, with all of its pods", "the reason and the message say why not"
    ),
    ConditionType.RECONCILING: Meaning(
        "something is under way, or is waited for, and goes on by itself", "nothing is under way"
    ),
    ConditionType.STALLED: Meaning("nothing will change until somebody acts", "nothing is in the way"),
    ConditionType.CONFIG_READY: Meaning(
        "every Secret and ConfigMap key that is referenced is there",
        "the message names the object, the key and the variable",
    ),
    ConditionType.MIGRATION_SUCCEEDED: Meaning(
        "the newest release's migration succeeded, or it has none",
        "it failed; the message has the exit code and the end of its output. `Unknown` until it has ended",
    ),
    ConditionType.CONTRACT_SUCCEEDED: Meaning(
        "the newest release's contract step succeeded; the condition is there only with one",
        "it failed, and the release serves on. `Unknown` until it has ended",
    ),
    ConditionType.IN_SYNC: Meaning(
        "never told: the condition is there only while it is False",
        "somebody changed what the operator made, and the change stands; the message has the object, the field and the "
        "field manager",
    ),
    ConditionType.SHUTDOWN_CLEAN: Meaning(
        "pods that were asked to end did so by themselves in time; the condition is there once one was seen to end",
        "one was killed at its deadline, or ended with an error; it stays until a pod of a newer release ended well",
    ),
    ConditionType.TEMPLATES_CURRENT: Meaning(
        "of a DeliveryEnvironment: every service that names it runs with its templates of today",
        "the message names those that do not. `Unknown` while its templates are not whole",
    ),
}

_RELEASED_AGAIN: Final = "mend it, and change the spec or `kubectl delivery retry NAME`: either makes a new release"

STANDING: Final[Mapping[str, Reason]] = {
    "Serving": Reason("all is well", severity=None),
    "Releasing": Reason("a release is being made", "wait", severity=None),
    "Migrating": Reason("the release's migration runs; none of its pods has been started", "wait", severity=None),
    "RollingOut": Reason(
        "pods of the release are started; those of the release before serve until they are ready",
        "wait",
        None,
    ),
    "Superseding": Reason("the release gives way to a newer one", "wait", severity=None),
    "SecretMissing": Reason(
        "no release is made until the Secret is there; what runs stays",
        "create it; the release follows within seconds",
    ),
    "SecretKeyMissing": Reason("as SecretMissing: the Secret is there, the key is not", "add the key"),
    "ConfigMapMissing": Reason("as SecretMissing, for a ConfigMap", "create it"),
    "ConfigMapKeyMissing": Reason("as SecretMissing: the ConfigMap is there, the key is not", "add the key"),
    "BindingNotReady": Reason(
        "as SecretMissing: a provisioned service does not name its Secret yet",
        "see the object that `backingServices[].provisionedService` names",
        Severity.WARNING,
    ),
    "EnvironmentMissing": Reason(
        "the DeliveryEnvironment that the service names does not exist; no release is made",
        "apply the environment, or name another in `spec.environment`",
    ),
    "EnvironmentInvalid": Reason(
        "the operator cannot read that DeliveryEnvironment",
        "mend it, or update the operator if it is older than the CRD",
    ),
    "ExposureMissing": Reason(
        "the environment has no gateway and no ingress to expose a process by",
        "remove `expose`, or add `exposure` to the environment",
    ),
    "DomainMissing": Reason(
        "the environment has no domain to make a host name of", "write `expose.host`, or add `exposure.domain`"
    ),
    "GatewayApiNotServed": Reason(
        "the environment names a gateway, and the cluster does not know the Gateway API",
        "install the Gateway API, or name an ingress in the environment",
    ),
    "RouteAmbiguous": Reason(
        "two processes are exposed under one host and path",
        "give each a `host` or a `path` of its own in `expose`",
    ),
    "RollbackTargetMissing": Reason(
        "`release.rollbackTo` names a release that is not there", "name one that is, or remove `rollbackTo`"
    ),
    "RollbackTargetMigrating": Reason(
        "the release that `release.rollbackTo` names has not migrated yet", "wait", Severity.INFO
    ),
    "RollbackRefused": Reason(
        "the release that `release.rollbackTo` names needs what a contract step has removed from the schema, or was "
        "never migrated itself",
        "name another one, or remove `rollbackTo`",
    ),
    "Paused": Reason("`spec.paused` is set: nothing is released, repaired or run", "remove it to go on", Severity.INFO),
    "MigrationFailed": Reason(
        "the Job failed; no pod of the release was started", f"read the output in the message, {_RELEASED_AGAIN}"
    ),
    "MigrationLost": Reason(
        "the Job was deleted before its result was recorded",
        "check the schema, then change the spec or `kubectl delivery retry NAME`: either makes a new release",
    ),
    "MigrationSuspended": Reason(
        "somebody suspended the Job of the migration while it ran", "resume it; the message has the command"
    ),
    "MigrationOfOlderRelease": Reason(
        "two migrations never run at the same time; one that cannot start is taken away",
        "wait for the older one; where it cannot begin, the message says why, and what gives it up",
        Severity.INFO,
    ),
    "WaitingForDatabase": Reason(
        "a release of another service changes the schema of a database that this one is bound to, or the Secret that "
        "says where that is is away; the message names it",
        "wait; where the other one cannot end, see to that one",
        Severity.INFO,
    ),
    "ImagePullFailed": Reason("a pod cannot get the image", "check tag, registry, `spec.imagePullSecrets`, node disk"),
    "CrashLoop": Reason(
        "a container ends and is restarted",
        "the message has its exit code, the end of its output and the command for the log",
    ),
    "ContainerConfigInvalid": Reason("a container cannot be started as configured", "read the message"),
    "Unschedulable": Reason("a pod fits on no node", "make room, or lower `resources.requests`", Severity.WARNING),
    "RolloutPaused": Reason(
        "somebody paused a Deployment (`kubectl rollout pause`): it gets no new pods",
        "resume it; the message has the command",
    ),
    "PodsRefused": Reason("the API server refuses the pods: a quota, a policy", "read the message"),
    "SidecarRunsOn": Reason(
        "the program of a Job has ended, and a container that was put beside it keeps its pod, and so the Job, from "
        "ending",
        "have it injected as a native sidecar, or not into Jobs; at its deadline the Job fails otherwise",
    ),
    "PodsUnavailable": Reason(
        "pods of the serving release are not available",
        "`kubectl get pods -l delivery.dev/service=NAME`",
        Severity.WARNING,
    ),
    "RolloutFailed": Reason(
        "no progress within `release.progressDeadlineSeconds`, or waiting cannot help; with `onFailure: rollback` the "
        "release before is back",
        _RELEASED_AGAIN,
    ),
    "NameTaken": Reason(
        "a child's name belongs to something else; it is left alone", "rename the service, or remove the other object"
    ),
    "WaitingForRemoval": Reason("a deleted service of this name is still being removed", "wait", Severity.INFO),
    "WriteRefused": Reason("the API server does not take a write", "read the message; it is tried again now and then"),
    "InvalidSpec": Reason(
        "the operator cannot read the spec", "mend it, or update the operator if it is older than the CRD"
    ),
    "TemplateInvalid": Reason(
        "a template of the environment cannot be rendered", "mend the template; the service is not at fault"
    ),
}
"""Reasons of Ready, and of Reconciling or Stalled, whichever of them is True."""

OTHERS: Final[Mapping[ConditionType, Mapping[str, Reason]]] = {
    ConditionType.RECONCILING: {"Idle": Reason("nothing is under way")},
    ConditionType.STALLED: {"NotStalled": Reason("nothing is in the way")},
    ConditionType.CONFIG_READY: {"Resolved": Reason("every referenced Secret and ConfigMap key is there")},
    ConditionType.MIGRATION_SUCCEEDED: {
        "NoRelease": Reason("there is no release yet"),
        "NoMigration": Reason("the release has no migration"),
        "NotFinished": Reason("the migration has not ended"),
        "Succeeded": Reason("it succeeded"),
    },
    ConditionType.CONTRACT_SUCCEEDED: {
        "WaitingForDatabase": Reason(
            "a release of another service changes the schema of a database that this one is bound to, or the Secret "
            "that says where that is is away",
            "wait, or make the Secret again",
        ),
        "NotFinished": Reason("the contract step has not ended; it waits for the last pod of an older release to go"),
        "Succeeded": Reason("it succeeded"),
        "ContractFailed": Reason(
            "it failed, or its Job was deleted before its result was recorded; it is not run again",
            "read the output in the message, check the schema, mend it and change the spec: that makes a new release",
            Severity.WARNING,
        ),
    },
    ConditionType.IN_SYNC: {
        "Drifted": Reason(
            "a change of somebody else's is left as it is, because the environment says so (`spec.drift`) or cannot be "
            "read",
            "put the change into the service or the templates, or let the environment say `repair`",
            Severity.WARNING,
        ),
        "Contested": Reason(
            "what the operator sets back is changed again each time; it is set back ever more rarely",
            "have the other manager leave the field alone, or let the environment say `warn` for the kind",
            Severity.WARNING,
        ),
    },
    ConditionType.SHUTDOWN_CLEAN: {
        "InTime": Reason(
            "every pod that was asked to end has ended by itself in time; the message has the times", severity=None
        ),
        "KilledAtDeadline": Reason(
            "a pod did not end by itself within its grace, and was killed with all that it had in hand",
            "let the process end on SIGTERM, or raise `shutdown.drainSeconds`: "
            "[Drain a worker](../how-to/drain-a-worker.md#see-how-pods-end)",
            Severity.WARNING,
        ),
        "EndedWithError": Reason(
            "a pod ended in time, with an exit code other than 0 or for want of memory",
            "the message has the code: see the end of the pod's log, or raise `resources`",
            Severity.WARNING,
        ),
    },
}
"""Reasons that only one condition has; ConfigReady and MigrationSucceeded also take those above that are about them."""

PROBLEMS: Final[Mapping[str, Reason]] = {
    "ScheduledRunFailed": Reason(
        "the last run of a process with a schedule failed; what serves goes on",
        "the message has its exit code and the command for the log; `kubectl get jobs -l delivery.dev/service=NAME` "
        "has the runs",
        Severity.WARNING,
    ),
    "OlderReleaseRuns": Reason(
        "pods of a release that was replaced run on, and those of a process with a port get calls: what made them is "
        "gone, or does not end them",
        "see whether the Deployment that the ReplicaSet names as its owner is still there, with that UID; if not, "
        "`kubectl delete` the ReplicaSet",
        Severity.WARNING,
    ),
}
"""Reasons that only `status.problems` has: no condition changes for them."""

ENVIRONMENT: Final[Mapping[str, Reason]] = {
    "TemplatesReady": Reason("its templates are there and whole"),
    "TemplateInvalid": Reason(
        "one of its templates is not; its services keep what runs and get no release",
        "the message has template, line and variable: mend it",
    ),
    "InvalidSpec": Reason("the operator cannot read it", "mend it, or update the operator if it is older than the CRD"),
    "Current": Reason("every service runs with the environment's templates of today"),
    "OnNextRelease": Reason(
        "services run with other templates, and take those of today with their next release",
        "wait, or have them roll with `upgrade.mode: waves`",
    ),
    "InProgress": Reason("services are taking the templates of today, some at a time", "wait"),
    "WaitingForWindow": Reason("others take them when the maintenance window opens", "wait, or widen the window"),
    "UpgradePaused": Reason(
        "as many services as `upgrade.stopAfterFailures` have failed to take them; they serve with what they had",
        "see why, and mend the templates; or `kubectl delivery retry NAME` each, or raise `stopAfterFailures`",
    ),
    "Incomplete": Reason(
        "every service that could has taken them; the others are paused, rolled back, not healthy, or failed to",
        "see the services that the message names; each takes them when it can",
    ),
}
"""Reasons of Ready and TemplatesCurrent of a DeliveryEnvironment."""

TASK: Final[Mapping[str, Reason]] = {
    "ServiceMissing": Reason("the service it names does not exist", "create the service, or delete the task"),
    "NoActiveRelease": Reason("no release of the service serves yet", "wait; the task starts when one does"),
    "ReleaseUnreadable": Reason(
        "the release that serves was made by another version of the operator, which this one cannot read",
        "release anew; the task starts then",
    ),
    "Paused": Reason("the service is paused", "wait until it is not"),
    "InvalidSpec": Reason(
        "the operator cannot read it, or the service's spec", "use another DeliveryTask, or mend the service"
    ),
    "TaskUnknown": Reason("the service has no task of that name; it is not run", "see `spec.tasks` of the service"),
    "JobRefused": Reason("the API server refuses its Job", "read the message; it is tried again now and then"),
    "NameTaken": Reason("a Job of its name belongs to something else", "use another name for the task"),
    "TaskFailed": Reason("the command failed", "exit code and output are in the status; run another task"),
    "TimedOut": Reason("it was stopped after its `timeoutSeconds`", "raise them, and run another task"),
    "TaskLost": Reason(
        "its Job, or its service, was deleted before its result was recorded",
        "check how far it came, then run another task",
    ),
}
"""Reasons in the status of a DeliveryTask, beside those of a service that are about its pods, Secrets and templates."""

EVENTS: Final[Mapping[str, Reason]] = {
    ReleaseReason.SPEC_CHANGED: Reason("a release is made: of a new service, or since its spec has changed"),
    ReleaseReason.IMAGE_CHANGED: Reason("a release is made, since the image has changed"),
    ReleaseReason.CONFIG_CHANGED: Reason("a release is made, since config, or a ConfigMap that it names, has changed"),
    ReleaseReason.SECRET_ROTATED: Reason("a release is made, since a Secret that is referenced has changed"),
    ReleaseReason.ROLLBACK: Reason("a release is made as a copy of an earlier one"),
    ReleaseReason.RETRY: Reason("a release is made to try a failed one again"),
    ReleaseReason.TEMPLATES_CHANGED: Reason("a release is made by a wave of the environment, for its new templates"),
    "MigrationStarted": Reason("the release's migration runs", "wait"),
    "MigrationSucceeded": Reason("its migration succeeded; its pods are started"),
    "ReleaseActive": Reason("the release serves, with all of its pods"),
    "ReleaseSuperseded": Reason("a newer release came before it served"),
    "ContractSucceeded": Reason("the release's contract step succeeded"),
    "SafeToRevoke": Reason(
        "a Secret's new value serves, and no pod holds an older one", "revoke the old credential at its source"
    ),
    "DriftRepaired": Reason(
        "somebody changed or deleted what the operator made, and it is set back",
        "the message has the field and the field manager; change the service instead, or see `spec.drift` of its "
        "environment",
    ),
}
"""Reasons of Events about what goes as it should; of what does not, Events have the reason of the condition."""
