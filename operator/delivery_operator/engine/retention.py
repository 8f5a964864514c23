"""How many releases the journal keeps (F5-2): bounded in every state of a service, of one that never gets well, too."""

from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine.history import History
from delivery_operator.engine.objects import labels
from delivery_operator.engine.plan import Delete
from delivery_operator.engine.pods import living
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names


def let_go(snapshot: Snapshot, history: History, spec: DeliveryServiceSpec) -> list[Delete]:
    """Delete releases that are too old to be kept; one of which a pod lives stays as long as that.

    How many are kept is the environment's to say: without a usable one none goes.
    """
    if snapshot.obstacle:
        return []
    keep = snapshot.platform.environment.releases.keep
    alive = {labels(pod).get(names.RELEASE) for pod in living(snapshot.pods)}
    ended = history.ended(keep, spec.release.rollback_to)
    return [Delete(each.body) for each in ended if str(each.number) not in alive]
