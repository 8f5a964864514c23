"""Reading from Kafka as one of a group: all partitions, from the first message on, committed after the work (W-12).

Messages of different keys are worked at the same time, those of one key in their order. When the process is to end, or
a partition goes to another member, what is begun is finished if there is time; what is not is read again by whoever has
the partition then (SD-5). So a message may come twice, and work on it must stand that.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from prometheus_client import Gauge

from chassis.errors import CommandError, line
from chassis.kafka.handling import Handle, Handler, Received
from chassis.kafka.producer import Producer, producing
from chassis.kafka.progress import Progress
from chassis.shutdown import Shutdown

log = structlog.get_logger(__name__)

WORKERS = 100
"""So many messages are worked at the same time (X-15)."""
MOST_TAKEN = 1000
"""So many are taken; the others stay with Kafka."""
POLL_SECONDS = 0.25
COMMIT_TIMEOUT_SECONDS = 5.0
LEAVE_TIMEOUT_SECONDS = 5.0
REVOKED_SECONDS = 5.0
"""How long another member waits for what this one has begun on a partition."""

_in_flight = Gauge("kafka_messages_in_flight", "Messages that are taken and not done with")
_lag = Gauge("kafka_consumer_lag", "Messages that wait in a partition that this process reads", ["topic", "partition"])


class Consumer:
    """A member of a group."""

    def __init__(self, client: AIOKafkaConsumer, group: str, producer: Producer, slow_seconds: float) -> None:
        """Read through a client that has not subscribed yet."""
        self._client = client
        self._group = group
        self._producer = producer
        self._slow = slow_seconds
        self._progress: dict[TopicPartition, Progress] = {}
        self._tasks: dict[TopicPartition, set[asyncio.Task[None]]] = defaultdict(set)
        self._last_of_key: dict[tuple[TopicPartition, str], asyncio.Task[None]] = {}
        self._workers = asyncio.Semaphore(WORKERS)
        self._leave_seconds = LEAVE_TIMEOUT_SECONDS

    async def ping(self) -> None:
        """Ask a broker what there is.

        Raises:
            KafkaUnavailableError: none answers in time.
        """
        await self._producer.ping()

    async def leave(self) -> None:
        """Tell the group, which then does not wait for this member, and close the connections."""
        stopping = asyncio.create_task(self._client.stop())
        # A task of its own: where no broker answers, it ends as if somebody had cancelled it (aiokafka 0.14).
        await asyncio.wait({stopping}, timeout=max(1, min(LEAVE_TIMEOUT_SECONDS, self._leave_seconds)))
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait({stopping})
        if stopping.cancelled() or stopping.exception() is not None:
            log.warning("kafka did not answer the good-bye; the group notices by itself")
            await self._client._client.close()  # noqa: SLF001 - what a `stop` that is cut short leaves open

    async def run(self, topics: Sequence[str], handle: Handle, shutdown: Shutdown) -> None:
        """Read and work until the process is to end; then finish what is begun within the drain, and leave the group.

        Args:
            topics: to read.
            handle: works a message. RejectedError makes it a dead letter; UnavailableError is waited for.
            shutdown: when to end.

        Raises:
            CommandError: Kafka refuses for good, such as for missing rights.
        """
        handler = Handler(self._group, handle, self._producer, self._slow)
        self._client.subscribe(topics, listener=_Listener(self._revoked, self._assigned))
        log.info("reading", topics=list(topics), group=self._group)
        committing: asyncio.Task[None] | None = None
        try:
            while not shutdown.begun:
                for partition, records in (await self._next(shutdown)).items():
                    for record in records:
                        self._take(partition, record, handler)
                if committing is None or committing.done():  # beside the reading: it may take long
                    committing = asyncio.create_task(self._commit(self._progress))
        except KafkaError as error:
            raise CommandError(f"kafka refuses: {line(error)}") from error
        finally:
            log.info("draining", limit_seconds=shutdown.remaining_seconds, in_flight=self._taken)
            if committing is not None:
                committing.cancel()
                await asyncio.wait({committing})
            await self._finish(list(self._tasks), shutdown.remaining_seconds / 2 if shutdown.begun else 0)
            await self._commit(self._progress, min(COMMIT_TIMEOUT_SECONDS, shutdown.remaining_seconds / 2))
            self._leave_seconds = shutdown.remaining_seconds

    async def _next(self, shutdown: Shutdown) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Take more if there is room. Kafka is asked in any case: a member that asks nothing is taken for stuck."""
        room = MOST_TAKEN - self._taken
        if room <= 0:
            self._client.pause(*self._client.assignment())
        getting = asyncio.ensure_future(
            self._client.getmany(timeout_ms=round(POLL_SECONDS * 1000), max_records=max(room, 1))
        )
        ended = asyncio.ensure_future(shutdown.wait())
        try:
            await asyncio.wait({getting, ended}, return_when=asyncio.FIRST_COMPLETED)
            return await getting if getting.done() else {}
        finally:
            getting.cancel()
            ended.cancel()
            if room <= 0:
                self._client.resume(*self._client.paused())

    def _take(self, partition: TopicPartition, record: ConsumerRecord, handler: Handler) -> None:
        progress = self._progress.setdefault(partition, Progress())
        progress.take(record.offset)
        message = _received(record)
        key = (partition, message.key)
        before = self._last_of_key.get(key) if message.key else None
        task = asyncio.create_task(self._work(message, before, handler, progress))
        self._tasks[partition].add(task)
        self._last_of_key[key] = task
        task.add_done_callback(lambda done: self._forget(partition, key, done))
        _in_flight.inc()
        highwater = self._client.highwater(partition)
        if highwater is not None:
            _lag.labels(partition.topic, partition.partition).set(highwater - record.offset - 1)

    async def _work(
        self, message: Received, before: asyncio.Task[None] | None, handler: Handler, progress: Progress
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
            if before.cancelled():  # it is to be read again, and this one after it
                raise asyncio.CancelledError
        async with self._workers:
            await handler.work(message)
        progress.end(message.offset)

    def _forget(self, partition: TopicPartition, key: tuple[TopicPartition, str], task: asyncio.Task[None]) -> None:
        _in_flight.dec()
        self._tasks[partition].discard(task)
        if self._last_of_key.get(key) is task:
            del self._last_of_key[key]
        if not task.cancelled() and task.exception() is not None:
            log.error("a message could not be handled", exc_info=task.exception())

    @property
    def _taken(self) -> int:
        return sum(map(len, self._tasks.values()))

    async def _revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Let go of partitions: finish, commit, forget."""
        gone = [each for each in partitions if each in self._progress]
        await self._finish(gone, REVOKED_SECONDS)
        await self._commit({each: self._progress.pop(each) for each in gone})

    def _assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Begin where the group is: what was taken just as a partition went is taken again, by whoever has it."""
        for each in partitions:
            self._progress.pop(each, None)

    async def _finish(self, partitions: Sequence[TopicPartition], seconds: float) -> None:
        tasks = {task for each in partitions for task in self._tasks[each]}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        if late:
            log.warning("given back", messages=len(late))
            for task in late:
                task.cancel()
            await asyncio.wait(late)

    async def _commit(self, progress: dict[TopicPartition, Progress], seconds: float = COMMIT_TIMEOUT_SECONDS) -> None:
        # A partition may be revoked meanwhile, so what is noted is noted here; and of one that is gone nothing may be.
        mine = self._client.assignment()
        ready = [
            (each, of, place) for each, of in progress.items() if each in mine and (place := of.to_commit) is not None
        ]
        if not ready:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._client.commit({each: place for each, _, place in ready})
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("not committed: the partition went to another member", error=line(error))
        except (TimeoutError, KafkaError) as error:
            log.warning("not committed, tried again", error=line(error))
        else:
            for _, of, place in ready:
                of.committed(place)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the package has no types
    def __init__(
        self,
        revoked: Callable[[Iterable[TopicPartition]], Any],
        given: Callable[[Iterable[TopicPartition]], None],
    ) -> None:
        self._revoked = revoked
        self._given = given

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._revoked(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._given(assigned)
        log.info("partitions", assigned=sorted(f"{each.topic}/{each.partition}" for each in assigned))


@asynccontextmanager
async def consuming(brokers: str, client_id: str, group: str, slow_seconds: float) -> AsyncIterator[Consumer]:
    """Be connected while this is open.

    Args:
        brokers: some of them, as `host:port,host:port`.
        client_id: of the process, such as `delivery-worker`.
        group: whose offsets these are, such as `delivery`.
        slow_seconds: a message that takes longer is logged as a warning.

    Raises:
        CommandError: no broker answers.
    """
    async with producing(brokers, client_id) as producer:
        client = AIOKafkaConsumer(
            bootstrap_servers=[each.strip() for each in brokers.split(",")],
            client_id=client_id,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # a new group misses nothing
            heartbeat_interval_ms=1_000,  # members that come and go are noticed so soon; crashed ones after ten seconds
            isolation_level="read_committed",
            metadata_max_age_ms=5_000,  # a topic that is made later is found so soon
        )
        try:
            await client.start()
        except KafkaError as error:
            raise CommandError(f"no kafka: {line(error)}") from error
        consumer = Consumer(client, group, producer, slow_seconds)
        try:
            yield consumer
        finally:
            await consumer.leave()


def _received(record: ConsumerRecord) -> Received:
    return Received(
        record.topic,
        record.partition,
        record.offset,
        (record.key or b"").decode(errors="replace"),
        record.value or b"",
        {name: (value or b"").decode(errors="replace") for name, value in record.headers},
    )
