"""One run of a scenario with the real operator: with no fault for the reference, or with one."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.support.faults.process.faults import Fault, Strike
from tests.support.faults.process.forked import ForkedOperator, pod_name
from tests.support.faults.process.scenarios import Act, Scenario
from tests.support.kube import Object, wait_for
from tests.support.picture import picture
from tests.support.proxy import Proxy
from tests.support.site import Site

DEADLINE: Final = 90
CALM_SECONDS: Final = 2.0
"""How long nothing must change for a reference run to be at rest."""
QUIET_SECONDS: Final = 0.7
"""How long a run that is where it should be must make no write: longer than the first delay of a retry."""
LOG_TAIL: Final = 4000
STARTED: Final = '"message": "started"'
"""What an operator says that has looked at everything and goes to work; one that stands by does not."""


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        picture: the service and all that it became.
        started: how often pods of each Job, and of each process of a release, were started.
        writes: those that a plan may strike at, in words.
    """

    picture: dict[str, Any]
    started: Counter[str]
    writes: tuple[str, ...]


class Differs(AssertionError):
    """A run with a fault came to something else than the reference."""


class Play:
    """A scenario under way in a site."""

    def __init__(self, site: Site, scenario: Scenario, proxy: Proxy, kubeconfig: Object) -> None:
        self.site = site
        self.scenario = scenario
        self.proxy = proxy
        self._kubeconfig = kubeconfig
        self._operators: dict[str, ForkedOperator] = {}
        self._idle = 0.0
        """When it was last seen that no operator works yet, or that the proxy holds something back."""
        proxy.kill = self._kill
        self._alive()

    def reference(self) -> Result:
        """Play with no fault, until all is at rest."""
        self._before()
        self.proxy.begin(None)
        for act in self.scenario.acts:
            self._act(act)
        calm = Calm(self.site)
        wait_for(lambda: self._alive() and calm(), "the reference at rest", DEADLINE, self.detail)
        return Result(calm.seen, self.started(), tuple(self.proxy.writes))

    def struck(self, fault: Fault, reference: Result) -> bool:
        """Play with a fault, until all is as in the reference; whether it struck.

        Events may come together that came apart in the reference, and then a write less is made: a fault at the last of
        them may find none to strike.

        Raises:
            Differs: it does not become so, or does not stay so.
        """
        self._before()
        self.proxy.begin(Strike(fault))
        for act in self.scenario.acts:
            self._act(act)
        try:
            wait_for(lambda: self._alive() and self._as(reference, fault), "the reference's end", DEADLINE)
        except AssertionError:
            found = list(differences(reference.picture, picture(self.site.kube, self.site.namespace)))
            found += [f"started {reference.started - self.started()} less, {self.started() - reference.started} more"]
            raise Differs("\n".join([*found[:10], *map(str, self.proxy.writes), self.detail()])) from None
        return self.proxy.fired.is_set()

    def started(self) -> Counter[str]:
        """How often pods were started."""
        found: Counter[str] = Counter()
        for pod in list(self.site.kubelet.started.values()):
            labels = pod["metadata"]["labels"]
            found[labels.get("job-name") or f"{labels['delivery.dev/process']} r{labels['delivery.dev/release']}"] += 1
        return found

    def detail(self) -> str:
        """The end of the operators' logs."""
        return "\n".join(f"{pod}: {each.log()[-LOG_TAIL:]}" for pod, each in self._operators.items())

    def close(self) -> None:
        """End the operators."""
        self._kill()
        for each in self._operators.values():
            each.wait(10)

    def _kill(self) -> None:
        for each in self._operators.values():
            each.kill()

    def _before(self) -> None:
        self.site.kubelet.fate = self.scenario.fate
        for act in self.scenario.before:
            self._act(act)
        if self.scenario.before:
            wait_for(self._quiet, "rest before the scenario", DEADLINE, self.detail)

    def _act(self, act: Act) -> None:
        act.do(self.site)
        wait_for(lambda: self._alive() and act.then(self.site), f"what {act} leads to", DEADLINE, self.detail)

    def _alive(self) -> bool:
        """Start each replica that does not run, as a kubelet does; a restarted one holds the Lease it held."""
        for pod in map(pod_name, range(self.scenario.replicas)):
            if pod not in self._operators or not self._operators[pod].running():
                site = self.site
                self._operators[pod] = ForkedOperator(self._kubeconfig, site.namespace, site.folder, pod)
        return True

    def _quiet(self) -> bool:
        """Whether an operator works, knows all there is to know, and makes no write for a while.

        One that starts makes none either, and may yet; so may one that hears later of what a fault holds back.
        """
        if self.proxy.holds_back() or not any(STARTED in each.log() for each in self._operators.values()):
            self._idle = time.monotonic()
        return time.monotonic() - max(self.proxy.last_write, self._idle) > QUIET_SECONDS

    def _as(self, reference: Result, fault: Fault) -> bool:
        if not self._quiet() or picture(self.site.kube, self.site.namespace) != reference.picture:
            return False
        more, less = self.started() - reference.started, reference.started - self.started()
        return not less and (fault.twice or not more)


class Calm:
    """Whether nothing has changed for a while."""

    def __init__(self, site: Site) -> None:
        self.seen: dict[str, Any] = {}
        self._site = site
        self._since = 0.0

    def __call__(self) -> bool:
        found = picture(self._site.kube, self._site.namespace)
        if found != self.seen:
            self.seen, self._since = found, time.monotonic()
        return time.monotonic() - self._since > CALM_SECONDS


@contextlib.contextmanager
def played(site: Site, scenario: Scenario) -> Iterator[Play]:
    """Play a scenario in a site, and end its operator."""
    with site.proxied() as (proxy, kubeconfig), contextlib.closing(Play(site, scenario, proxy, kubeconfig)) as play:
        yield play


@contextlib.contextmanager
def operating(site: Site) -> Iterator[ForkedOperator]:
    """One operator for a site, with nothing in between, until the context ends."""
    operator = ForkedOperator(site.kubeconfig, site.namespace, site.folder, pod_name(0))
    try:
        yield operator
    finally:
        operator.kill()
        operator.wait(10)


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Say where two pictures differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted({*expected, *found}):
            if name not in found:
                yield f"{path}.{name} is missing"
            elif name not in expected:
                yield f"{path}.{name} is there, and is not in the reference: {json.dumps(found[name])[:200]}"
            else:
                yield from differences(expected[name], found[name], f"{path}.{name}")
    elif expected != found:
        yield f"{path}: {json.dumps(found)[:300]}, not {json.dumps(expected)[:300]}"
