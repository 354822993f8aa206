"""aiokafka: codecs, acks, idempotence, groups, times, transactions, admin, logins.
Arguments: HOST:PORT, and a JSON of a broker with users (lib/secured-peer.ts)."""
import asyncio
import logging
import ssl
import sys
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import InvalidReplicationFactorError, InvalidTopicError, KafkaError, ProducerFenced, TopicAlreadyExistsError, for_code
from aiokafka.structs import OffsetAndMetadata
from checks import check as check_sync
from checks import done, equal, logins, unique

logging.disable(logging.CRITICAL)
BOOTSTRAP = sys.argv[1]
LIMIT_S = 60


def check(name, run):
    check_sync(name, lambda: asyncio.run(asyncio.wait_for(run(), 2 * LIMIT_S)))


async def until(what, condition):
    end = time.monotonic() + LIMIT_S
    while True:
        answer = condition()
        if await answer if asyncio.iscoroutine(answer) else answer:
            return
        if time.monotonic() > end:
            raise TimeoutError(f"waited {LIMIT_S} s for {what}")
        await asyncio.sleep(0.02)


def raised(error):
    """create_topics and others tell errors in their answers."""
    if error[1] != 0:
        raise for_code(error[1])(error)


async def with_admin(run, **options):
    admin = AIOKafkaAdminClient(**{"bootstrap_servers": BOOTSTRAP, **options})
    await admin.start()
    try:
        return await run(admin)
    finally:
        await admin.close()


async def create_topic(partitions=1):
    topic = unique("aio")

    async def create(admin):
        for error in (await admin.create_topics([NewTopic(topic, partitions, 1)])).topic_errors:
            raised(error)

    await with_admin(create)
    return topic


async def produce(topic, records, **options):
    """records: (key, value, headers, partition, timestamp); all must be acknowledged."""
    async with AIOKafkaProducer(**{"bootstrap_servers": BOOTSTRAP, "acks": "all", "linger_ms": 2, **options}) as producer:
        futures = [await producer.send(topic, v, key=k, headers=h, partition=p, timestamp_ms=t) for k, v, h, p, t in records]
        await asyncio.gather(*futures)


def plain(count, partitions=1):
    return [(None, str(n).encode(), None, n % partitions, None) for n in range(count)]


async def read(topic, count, partitions=1, isolation="read_committed"):
    consumer = AIOKafkaConsumer(bootstrap_servers=BOOTSTRAP, isolation_level=isolation, auto_offset_reset="earliest", fetch_max_wait_ms=200)
    consumer.assign([TopicPartition(topic, p) for p in range(partitions)])
    await consumer.start()
    got = []
    try:
        end = time.monotonic() + LIMIT_S
        while len(got) < count and time.monotonic() < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                got.extend(records)
    finally:
        await consumer.stop()
    equal(len(got), count, "records read")
    return got


def codec(name):
    async def run():
        topic = await create_topic(2)
        sent = [(f"k{n % 9}".encode(), f"{n} {'käfer ' * (n % 40)}".encode(), [("n", str(n).encode())], n % 2, 1_700_000_000_000 + n) for n in range(1000)]
        await produce(topic, sent, compression_type=name)
        got = await read(topic, 1000, 2)
        for p in range(2):
            equal([(r.key, r.value, list(r.headers), p, r.timestamp) for r in got if r.partition == p], [r for r in sent if r[3] == p], f"partition {p}")
            equal([r.offset for r in got if r.partition == p], list(range(500)), "offsets")

    return run


for name in [None, "gzip", "snappy", "lz4", "zstd"]:
    check(f"records through {name or 'none'} come back as sent", codec(name))


async def acks():
    for wanted in [1, 0]:
        topic = await create_topic(1)
        await produce(topic, plain(300), acks=wanted)
        equal([r.value for r in await read(topic, 300)], [r[1] for r in plain(300)])


check("acks=1 and acks=0, in order", acks)


async def idempotent():
    topic = await create_topic(1)
    await produce(topic, plain(2000), enable_idempotence=True, max_batch_size=1000)
    equal([int(r.value) for r in await read(topic, 2000)], list(range(2000)))


check("an idempotent producer writes each record once, in order", idempotent)


async def by_time():
    topic = await create_topic(1)
    base = int(time.time() * 1000) - 600_000
    await produce(topic, [(None, str(n).encode(), None, 0, base + n * 1000) for n in range(100)])
    place = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=BOOTSTRAP, fetch_max_wait_ms=200)
    consumer.assign([place])
    async with consumer:
        equal((await consumer.offsets_for_times({place: base + 41_500}))[place].offset, 42)
        equal(((await consumer.beginning_offsets([place]))[place], (await consumer.end_offsets([place]))[place]), (0, 100))
        consumer.seek(place, 42)
        equal((await asyncio.wait_for(consumer.getone(), 20)).value, b"42")


check("offsets by time, from the start and the end; reading from one", by_time)


class Member(ConsumerRebalanceListener):
    """A consumer in a task of its own; what it holds and what it has read can be asked at any time."""

    def __init__(self, topic, group, assignor, **options):
        self.seen, self.held, self.topic = [], set(), topic
        self.consumer = AIOKafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id=group, auto_offset_reset="earliest", heartbeat_interval_ms=300, session_timeout_ms=10_000,
                                         auto_commit_interval_ms=200, fetch_max_wait_ms=200, partition_assignment_strategy=[assignor], **options)

    async def start(self):
        await self.consumer.start()
        self.consumer.subscribe([self.topic], listener=self)
        self.task = asyncio.create_task(self._run())
        return self

    async def _run(self):
        while True:
            for records in (await self.consumer.getmany(timeout_ms=100)).values():
                self.seen.extend((r.partition, r.offset) for r in records)

    def on_partitions_revoked(self, revoked):
        self.held = set()

    def on_partitions_assigned(self, assigned):
        self.held = {p.partition for p in assigned}

    async def leave(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.consumer.stop()


def group(assignor):
    async def run():
        topic, group_id = await create_topic(4), unique("group")
        first = await Member(topic, group_id, assignor).start()
        await until("the first to hold all", lambda: len(first.held) == 4)
        await produce(topic, plain(200, 4))
        second = await Member(topic, group_id, assignor).start()
        await until("both to hold two", lambda: len(first.held) == 2 and len(second.held) == 2 and not first.held & second.held)
        await produce(topic, plain(200, 4))
        await until("400 records", lambda: len(set(first.seen + second.seen)) == 400)
        assert second.seen, "the second read nothing"
        await first.leave()
        await until("the second to hold all", lambda: len(second.held) == 4)
        await produce(topic, plain(200, 4))
        await until("600 records", lambda: len(set(first.seen + second.seen)) == 600)
        await second.leave()
        offsets = await with_admin(lambda admin: admin.list_consumer_group_offsets(group_id))
        equal(sorted(o.offset for o in offsets.values()), [150] * 4, "committed offsets")

    return run


for assignor in [RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor]:
    check(f"members come and go, and each record is read: {assignor.name}", group(assignor))


async def manual_commit():
    topic, group_id = await create_topic(1), unique("group")
    await produce(topic, plain(10))
    place = TopicPartition(topic, 0)

    async def consume(count, commit):
        async with AIOKafkaConsumer(topic, bootstrap_servers=BOOTSTRAP, group_id=group_id, auto_offset_reset="earliest", enable_auto_commit=False) as consumer:
            got = [await asyncio.wait_for(consumer.getone(), 30) for _ in range(count)]
            await consumer.commit({place: OffsetAndMetadata(commit, "größe")})
            equal(await consumer.committed(place), commit)
            return [r.value for r in got]

    await consume(10, 7)
    equal(await consume(3, 10), [b"7", b"8", b"9"], "what is read again")
    offsets = await with_admin(lambda admin: admin.list_consumer_group_offsets(group_id))
    equal((offsets[place].offset, offsets[place].metadata), (10, "größe"))


check("what was committed is where the next one begins, with metadata", manual_commit)


async def static_member():
    topic, group_id = await create_topic(4), unique("group")
    a = await Member(topic, group_id, RangePartitionAssignor, group_instance_id="a").start()
    b = await Member(topic, group_id, RangePartitionAssignor, group_instance_id="b").start()
    await until("both to hold two", lambda: len(a.held) == 2 and len(b.held) == 2)
    held = a.held
    await a.leave()
    again = await Member(topic, group_id, RangePartitionAssignor, group_instance_id="a").start()
    await until("it to hold the same two", lambda: again.held == held)
    await again.leave()
    await b.leave()


check("a static member that restarts keeps its partitions", static_member)


def transactional(transactional_id, **options):
    return AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=transactional_id, **options)


async def commit_and_abort():
    topic = await create_topic(2)
    wanted = [[], []]
    async with transactional(unique("tx")) as producer:
        for n in range(12):
            await producer.begin_transaction()
            for i in range(10):
                await producer.send_and_wait(topic, f"{n}.{i}".encode(), partition=i % 2)
                if n % 3 != 1:
                    wanted[i % 2].append(f"{n}.{i}".encode())
            await (producer.commit_transaction() if n % 3 != 1 else producer.abort_transaction())
    got = await read(topic, len(wanted[0]) + len(wanted[1]), 2)
    equal([[r.value for r in got if r.partition == p] for p in range(2)], wanted)


check("committed transactions are read, aborted ones are not", commit_and_abort)


async def open_transaction():
    topic = await create_topic(1)
    async with transactional(unique("tx")) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"open", partition=0)
        await produce(topic, [(None, b"behind it", None, 0, None)])
        equal([r.value for r in await read(topic, 2, isolation="read_uncommitted")], [b"open", b"behind it"])
        place = TopicPartition(topic, 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=BOOTSTRAP, isolation_level="read_committed", auto_offset_reset="earliest", fetch_max_wait_ms=200)
        consumer.assign([place])
        async with consumer:
            equal(await consumer.getmany(timeout_ms=600), {}, "before its end")
            equal((consumer.last_stable_offset(place), consumer.highwater(place)), (0, 2))
            await producer.commit_transaction()
            equal([(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(2)], [b"open", b"behind it"])


check("a reader of committed records waits at an open transaction, another does not", open_transaction)


async def fenced():
    topic, transactional_id = await create_topic(1), unique("tx")
    first = transactional(transactional_id)
    await first.start()
    await first.begin_transaction()
    await first.send_and_wait(topic, b"of the first", partition=0)
    async with transactional(transactional_id) as second:
        await second.begin_transaction()
        await second.send_and_wait(topic, b"of the second", partition=0)
        await second.commit_transaction()
    try:
        await first.commit_transaction()
    except (ProducerFenced, KafkaError):
        pass
    else:
        raise AssertionError("the first committed")
    await asyncio.wait_for(asyncio.gather(first.stop(), return_exceptions=True), 20)
    equal([r.value for r in await read(topic, 1)], [b"of the second"])


check("a second producer with the same transactional id fences the first", fenced)


async def timed_out():
    topic, transactional_id = await create_topic(1), unique("tx")
    late = transactional(transactional_id, transaction_timeout_ms=1000)
    await late.start()
    await late.begin_transaction()
    await late.send_and_wait(topic, b"too late", partition=0)
    await produce(topic, [(None, b"behind it", None, 0, None)])
    equal([r.value for r in await read(topic, 1)], [b"behind it"])
    try:
        await asyncio.wait_for(late.commit_transaction(), 20)
    except (KafkaError, asyncio.TimeoutError):
        pass
    else:
        raise AssertionError("it was committed")
    await asyncio.wait_for(asyncio.gather(late.stop(), return_exceptions=True), 20)
    async with transactional(transactional_id) as after:
        async with after.transaction():
            await after.send_and_wait(topic, b"in time", partition=0)
    equal([r.value for r in await read(topic, 2)], [b"behind it", b"in time"])


check("a transaction beyond its timeout is aborted, and its producer cannot commit it", timed_out)


async def offsets_in_transactions():
    source, target, group_id = await create_topic(1), await create_topic(1), unique("group")
    await produce(source, plain(40))
    place = TopicPartition(source, 0)
    for commits in (False, True):
        async with AIOKafkaConsumer(source, bootstrap_servers=BOOTSTRAP, group_id=group_id, auto_offset_reset="earliest", enable_auto_commit=False) as consumer:
            got = [await asyncio.wait_for(consumer.getone(), 30) for _ in range(40)]
            async with transactional(unique("tx")) as producer:
                await producer.begin_transaction()
                for record in got:
                    await producer.send_and_wait(target, record.value, partition=0)
                await producer.send_offsets_to_transaction({place: OffsetAndMetadata(40, "")}, group_id)
                await (producer.commit_transaction() if commits else producer.abort_transaction())
            equal(await consumer.committed(place), 40 if commits else None, "committed offset")
    equal([r.value for r in await read(target, 40)], [r[1] for r in plain(40)])


check("consume, transform, produce: offsets are those of committed transactions", offsets_in_transactions)


async def topics():
    topic = unique("aio")

    async def run(admin):
        async def create(new):
            for error in (await admin.create_topics([new])).topic_errors:
                raised(error)

        await create(NewTopic(topic, 3, 1, topic_configs={"retention.ms": "3600000"}))
        await admin.create_partitions({topic: NewPartitions(5)})

        async def widened():
            return len((await admin.describe_topics([topic]))[0]["partitions"]) == 5

        await until("five partitions", widened)
        for new, error in [(NewTopic(topic, 1, 1), TopicAlreadyExistsError), (NewTopic("a b", 1, 1), InvalidTopicError), (NewTopic(unique("t"), 1, 3), InvalidReplicationFactorError)]:
            try:
                await create(new)
            except error:
                continue
            raise AssertionError(f"no {error}")

        async def look(key):
            (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            return {entry[0]: entry[1] for entry in response.resources[0][4]}[key]

        equal(await look("retention.ms"), "3600000")
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1234567"})])

        async def changed():
            return await look("retention.ms") == "1234567"

        await until("the change", changed)
        equal(len((await admin.describe_cluster())["brokers"]), 1)
        await produce(topic, plain(20))
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(12)})
        equal([r.value for r in await read(topic, 8)], [str(n).encode() for n in range(12, 20)], "records left")
        await admin.delete_topics([topic])

        async def gone():
            return topic not in await admin.list_topics()

        await until("the topic to be gone", gone)

    await with_admin(run)


check("admin makes, widens, changes, trims and deletes a topic, and is refused with Kafka's codes", topics)


async def group_admin():
    topic, group_id = await create_topic(2), unique("group")
    await produce(topic, plain(20, 2))
    one = await Member(topic, group_id, RangePartitionAssignor).start()
    await until("20 records", lambda: len(one.seen) == 20)

    async def run(admin):
        (response,) = await admin.describe_consumer_groups([group_id])
        described = response.groups[0]
        equal((described[0], described[1], described[2], len(described[5])), (0, group_id, "Stable", 1))
        assert (group_id, "consumer") in [tuple(g)[:2] for g in await admin.list_consumer_groups()]

    await with_admin(run)
    await one.leave()


check("admin lists and describes groups", group_admin)


def login(peer, mechanism, transport):
    async def run():
        options = {"sasl_mechanism": mechanism, "security_protocol": transport, "bootstrap_servers": peer["tls" if transport == "SASL_SSL" else "sasl"], "sasl_plain_username": peer["root"]["name"]}
        if transport == "SASL_SSL":
            options["ssl_context"] = ssl.create_default_context(cafile=peer["ca"])
        assert isinstance(await with_admin(lambda admin: admin.list_topics(), **options, sasl_plain_password=peer["root"]["password"]), list)
        try:
            await with_admin(lambda admin: admin.list_topics(), **options, sasl_plain_password="wrong")
        except KafkaError:
            return
        raise AssertionError("a wrong password was taken")

    return run


if logins():
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]:
        for transport in ["SASL_PLAINTEXT", "SASL_SSL"]:
            check(f"{transport} by {mechanism}, and not with a wrong password", login(logins(), mechanism, transport))

    async def certificate():
        context = ssl.create_default_context(cafile=logins()["ca"])
        context.load_cert_chain(logins()["certificate"], logins()["key"])
        # Whoever has no right to any sees none.
        equal(await with_admin(lambda admin: admin.list_topics(), bootstrap_servers=logins()["tls"], security_protocol="SSL", ssl_context=context), [])

    check("SSL: by a client certificate", certificate)

done()
