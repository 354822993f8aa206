"""confluent-kafka (librdkafka): every codec, acks, idempotence, groups (both assignors), seek by time, admin. Argument: HOST:PORT."""
import sys
import threading
import time

from checks import check, done, equal, unique, until
from confluent_kafka import (OFFSET_BEGINNING, OFFSET_INVALID, Consumer,
                             KafkaError, KafkaException, Producer,
                             TopicPartition)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

BOOTSTRAP = sys.argv[1]
admin = AdminClient({"bootstrap.servers": BOOTSTRAP})


def create_topic(partitions=1, **config):
    topic = unique("confluent")
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)])[topic].result(15)
    return topic


def produce(topic, records, **options):
    """records: (key, value, headers, partition); all must be acknowledged."""
    failures = []
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 2, **options})
    for key, value, headers, partition in records:
        kwargs = {} if partition is None else {"partition": partition}
        producer.produce(topic, key=key, value=value, headers=headers, on_delivery=lambda err, _m: failures.append(err) if err else None, **kwargs)
        producer.poll(0)
    equal(producer.flush(30), 0, "unflushed")
    equal(failures, [], "delivery failures")


def read(topic, count, partitions, isolation="read_committed"):
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": unique("reader"), "enable.auto.commit": False, "isolation.level": isolation})
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])
    got = []
    end = time.monotonic() + 30
    while len(got) < count and time.monotonic() < end:
        for message in consumer.consume(500, 0.5):
            if message.error():
                raise AssertionError(message.error())
            got.append(message)
    consumer.close()
    equal(len(got), count, "records read")
    return got


def codec(name):
    def run():
        topic = create_topic(2)
        records = [(f"k{n % 9}".encode(), (f"{n} " + "käfer " * (n % 40)).encode(), [("n", str(n).encode())], n % 2) for n in range(2000)]
        produce(topic, records, **{"compression.type": name})
        got = read(topic, 2000, 2)
        for p in range(2):
            mine = [(m.key(), m.value(), m.headers(), p) for m in got if m.partition() == p]
            equal(mine, [r for r in records if r[3] == p], f"partition {p}")
            equal([m.offset() for m in got if m.partition() == p], list(range(1000)), "offsets")

    return run


for name in ["none", "gzip", "snappy", "lz4", "zstd"]:
    check(f"2000 records through {name} come back as sent", codec(name))


def acks(value):
    def run():
        topic = create_topic(1)
        produce(topic, [(None, f"{n}".encode(), None, 0) for n in range(500)], acks=value)
        equal([m.value() for m in read(topic, 500, 1)], [f"{n}".encode() for n in range(500)])

    return run


for value in ["all", "1", "0"]:
    check(f"500 records with acks={value} are there in order", acks(value))


def idempotent():
    topic = create_topic(3)
    produce(topic, [(b"k", f"{n}".encode(), None, n % 3) for n in range(3000)], **{"enable.idempotence": True, "max.in.flight": 5, "batch.num.messages": 50})
    got = read(topic, 3000, 3)
    for p in range(3):
        equal([int(m.value()) for m in got if m.partition() == p], list(range(p, 3000, 3)), f"partition {p}")


check("an idempotent producer with five requests in flight writes each record once, in order", idempotent)


def nulls():
    topic = create_topic(1)
    produce(topic, [(None, None, None, 0), (b"", b"", [("h", None), ("h", b""), ("h", b"\xff\x00")], 0)])
    got = read(topic, 2, 1)
    equal([(m.key(), m.value()) for m in got], [(None, None), (b"", b"")])
    equal(got[1].headers(), [("h", None), ("h", b""), ("h", b"\xff\x00")])


check("null and empty keys, values and headers stay apart", nulls)


def large():
    topic = create_topic(1)
    value = bytes(range(256)) * 3900
    produce(topic, [(b"large", value, None, 0)])
    equal(read(topic, 1, 1)[0].value(), value)


check("a record of 998,400 bytes comes back whole", large)


def too_large():
    topic = create_topic(1, **{"max.message.bytes": "1000"})
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    errors = []
    producer.produce(topic, value=b"x" * 5000, on_delivery=lambda err, _m: errors.append(err))
    producer.flush(20)
    equal([e.code() for e in errors], [KafkaError.MSG_SIZE_TOO_LARGE])


check("a record beyond max.message.bytes is refused with MESSAGE_TOO_LARGE", too_large)


def by_time():
    topic = create_topic(1)
    base = int(time.time() * 1000) - 600_000
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for n in range(100):
        producer.produce(topic, value=str(n).encode(), partition=0, timestamp=base + n * 1000)
    producer.flush(20)
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": unique("reader")})
    at = lambda ms: consumer.offsets_for_times([TopicPartition(topic, 0, ms)], 10)[0].offset
    equal(at(base + 41_500), 42)
    equal(at(base + 42_000), 42)
    equal(at(0), 0)
    equal(consumer.get_watermark_offsets(TopicPartition(topic, 0), 10), (0, 100))
    consumer.assign([TopicPartition(topic, 0, 42)])
    message = consumer.poll(10)
    equal((message.value(), message.timestamp()[1]), (b"42", base + 42_000))
    consumer.close()


check("offsets for times are those of the records", by_time)


def group(strategy):
    def run():
        topic = create_topic(4)
        group_id = unique("group")
        seen = [[], []]
        stop = threading.Event()
        ready = [threading.Event(), threading.Event()]

        def consume(index):
            consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id, "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
                                 "heartbeat.interval.ms": 500, "partition.assignment.strategy": strategy})
            consumer.subscribe([topic])
            while not stop.is_set():
                message = consumer.poll(0.1)
                if len(consumer.assignment()) == 2:
                    ready[index].set()
                if message is not None and not message.error():
                    seen[index].append((message.partition(), message.offset()))
            consumer.close()

        threads = [threading.Thread(target=consume, args=(i,), daemon=True) for i in range(2)]
        for thread in threads:
            thread.start()
        until("both members to hold two partitions", lambda: all(e.is_set() for e in ready))
        produce(topic, [(str(n).encode(), b"v", None, n % 4) for n in range(400)])
        until("400 records", lambda: len(seen[0]) + len(seen[1]) >= 400)
        stop.set()
        for thread in threads:
            thread.join(15)
        assert seen[0] and seen[1], "both members get some"
        equal(len(seen[0] + seen[1]), 400, "records read")
        equal(len(set(seen[0] + seen[1])), 400, "distinct records")
        # What they committed when they left is where a third one begins.
        consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id})
        committed = consumer.committed([TopicPartition(topic, p) for p in range(4)], 10)
        equal([c.offset for c in committed], [100] * 4, "committed offsets")
        consumer.close()

    return run


check("two members share a topic, range assignor", group("range"))
check("two members share a topic, cooperative-sticky assignor", group("cooperative-sticky"))


def new_protocol(assignor):
    """KIP-848: members move by their heartbeats, every five seconds if the broker is not told otherwise."""

    def run():
        topic = create_topic(4)
        group_id = unique("group")
        seen = [[], [], []]
        stop = [threading.Event() for _ in seen]
        held = [set(), set(), set()]

        def consume(index):
            consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id, "auto.offset.reset": "earliest", "group.protocol": "consumer",
                                 "group.remote.assignor": assignor})
            consumer.subscribe([topic])
            while not stop[index].is_set():
                message = consumer.poll(0.1)
                held[index] = {p.partition for p in consumer.assignment()}
                if message is not None and not message.error():
                    seen[index].append((message.partition(), message.offset()))
            held[index] = set()
            consumer.close()

        threads = [threading.Thread(target=consume, args=(i,), daemon=True) for i in range(3)]
        threads[0].start()
        until("the first member to hold all", lambda: len(held[0]) == 4, 60)
        produce(topic, [(str(n).encode(), b"v", None, n % 4) for n in range(200)])
        threads[1].start()
        until("both members to hold two partitions", lambda: len(held[0]) == 2 and len(held[1]) == 2 and not held[0] & held[1], 60)
        produce(topic, [(str(n).encode(), b"v", None, n % 4) for n in range(200)])
        until("400 records", lambda: len(set(seen[0] + seen[1])) == 400, 60)
        stop[0].set()
        threads[0].join(30)
        until("the second member to hold all", lambda: len(held[1]) == 4, 60)
        produce(topic, [(str(n).encode(), b"v", None, n % 4) for n in range(200)])
        until("600 records", lambda: len(set(seen[0] + seen[1])) == 600, 60)
        stop[1].set()
        threads[1].join(30)
        equal(len(seen[0] + seen[1]), 600, "records read")
        consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id})
        committed = consumer.committed([TopicPartition(topic, p) for p in range(4)], 10)
        equal([c.offset for c in committed], [150] * 4, "committed offsets")
        consumer.close()

    return run


check("members of the new protocol come and go, uniform", new_protocol("uniform"))
check("members of the new protocol come and go, range", new_protocol("range"))


def new_protocol_regex():
    prefix = unique("rx")
    for name in [f"{prefix}-a", f"{prefix}-b", f"other-{prefix}"]:
        admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])[name].result(15)
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": unique("group"), "auto.offset.reset": "earliest", "group.protocol": "consumer"})
    consumer.subscribe([f"^{prefix}-.*"])
    got = set()
    until("two topics", lambda: consumer.poll(0.1) is None and len(consumer.assignment()) == 2, 60)
    equal({p.topic for p in consumer.assignment()}, {f"{prefix}-a", f"{prefix}-b"}, "topics")
    produce(f"{prefix}-b", [(None, b"x", None, 0)])

    def poll():
        message = consumer.poll(0.1)
        if message is not None and not message.error():
            got.add(message.value())
        return got

    until("the record", poll, 30)
    consumer.close()


check("a regular expression of the new protocol finds its topics", new_protocol_regex)


def new_protocol_static():
    topic = create_topic(2)
    config = {"bootstrap.servers": BOOTSTRAP, "group.id": unique("group"), "group.instance.id": "one", "auto.offset.reset": "earliest", "group.protocol": "consumer"}
    produce(topic, [(None, f"{n}".encode(), None, n % 2) for n in range(10)])
    for wanted in [10, 1]:
        consumer = Consumer(config)
        consumer.subscribe([topic])
        got = []

        def poll():
            message = consumer.poll(0.1)
            if message is not None and not message.error():
                got.append(message.value())
            return len(got) >= wanted

        until(f"{wanted} records", poll, 60)
        equal(len(got), wanted, "records read")
        consumer.close()
        produce(topic, [(None, b"next", None, 0)])


check("a static member of the new protocol that restarts goes on where it was", new_protocol_static)


def static_member():
    topic = create_topic(2)
    group_id = unique("group")
    config = {"bootstrap.servers": BOOTSTRAP, "group.id": group_id, "group.instance.id": "one", "auto.offset.reset": "earliest", "session.timeout.ms": 10000}
    produce(topic, [(None, f"{n}".encode(), None, n % 2) for n in range(10)])
    first = Consumer(config)
    first.subscribe([topic])
    got = []
    until("ten records", lambda: [got.append(m) for m in [first.poll(0.1)] if m is not None and not m.error()] is not None and len(got) >= 10)
    first.close()
    second = Consumer(config)
    second.subscribe([topic])
    produce(topic, [(None, b"next", None, 0)])
    more = []
    until("the record after the restart", lambda: [more.append(m) for m in [second.poll(0.1)] if m is not None and not m.error()] is not None and len(more) >= 1)
    equal([m.value() for m in more], [b"next"])
    second.close()


check("a static member that restarts goes on where it was", static_member)


def manual_commit():
    topic = create_topic(1)
    group_id = unique("group")
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id, "enable.auto.commit": False})
    wanted = TopicPartition(topic, 0, 7, metadata="chapter 7, größe")
    consumer.commit(offsets=[wanted], asynchronous=False)
    committed = consumer.committed([TopicPartition(topic, 0)], 10)[0]
    equal((committed.offset, committed.metadata), (7, "chapter 7, größe"))
    consumer.close()


check("a manual commit keeps offset and metadata", manual_commit)


def admin_views():
    topic = create_topic(3, **{"retention.ms": "1234567"})
    metadata = admin.list_topics(topic, timeout=10)
    equal(len(metadata.topics[topic].partitions), 3)
    equal(metadata.topics[topic].error, None)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    config = admin.describe_configs([resource])[resource].result(10)
    equal(config["retention.ms"].value, "1234567")
    equal(config["cleanup.policy"].value, "delete")
    cluster = admin.describe_cluster().result(10)
    equal(len(cluster.nodes), 1)
    assert cluster.cluster_id
    described = admin.describe_topics(__import__("confluent_kafka").TopicCollection([topic]))[topic].result(10)
    equal(len(described.partitions), 3)
    assert str(described.topic_id), "a topic id"
    groups = admin.list_consumer_groups().result(10)
    equal(groups.errors, [])
    admin.delete_topics([topic])[topic].result(10)
    until("the topic to be gone", lambda: topic not in admin.list_topics(timeout=10).topics)


check("admin sees partitions, settings, cluster and groups, and deletes a topic", admin_views)


def admin_errors():
    topic = create_topic(1)
    cases = [
        (NewTopic(topic, 1, 1), KafkaError.TOPIC_ALREADY_EXISTS),
        (NewTopic("a b", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic(unique("t"), 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
        (NewTopic(unique("t"), 1, 1, config={"no.such": "1"}), KafkaError.INVALID_CONFIG),
    ]
    for new, code in cases:
        try:
            admin.create_topics([new])[new.topic].result(10)
            raise AssertionError(f"{new} was made")
        except Exception as error:
            equal(error.args[0].code(), code, str(new))


check("topics that cannot be made are refused with Kafka's codes", admin_errors)


def transactional(transactional_id, **options):
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "transactional.id": transactional_id, "linger.ms": 2, **options})
    producer.init_transactions(15)
    return producer


def transactions():
    topic = create_topic(2)
    wanted = [[], []]
    producer = transactional(unique("tx"))
    for n in range(12):
        commits = n % 3 != 1
        producer.begin_transaction()
        for i in range(10):
            value = f"{n}.{i}"
            producer.produce(topic, value=value, partition=i % 2)
            if commits:
                wanted[i % 2].append(value.encode())
        if n % 2 == 0:
            producer.flush(15)
        if commits:
            producer.commit_transaction(15)
        else:
            producer.abort_transaction(15)
    got = read(topic, sum(map(len, wanted)), 2)
    for partition in range(2):
        equal([message.value() for message in got if message.partition() == partition], wanted[partition], "committed")


check("committed transactions are read, aborted ones are not", transactions)


def fenced_transaction():
    topic = create_topic(1)
    transactional_id = unique("tx")
    first = transactional(transactional_id)
    first.begin_transaction()
    first.produce(topic, value="of the first")
    first.flush(15)
    second = transactional(transactional_id)
    second.begin_transaction()
    second.produce(topic, value="of the second")
    second.commit_transaction(15)
    try:
        first.commit_transaction(15)
    except KafkaException as error:
        assert error.args[0].fatal(), error
    else:
        raise AssertionError("the first producer committed")
    equal([message.value() for message in read(topic, 1, 1)], [b"of the second"], "committed")


check("a second producer with the same transactional id fences the first", fenced_transaction)


def offsets_in_transactions():
    source, target = create_topic(1), create_topic(1)
    produce(source, [(None, str(n), None, 0) for n in range(40)])
    group_id = unique("tx-group")
    place = TopicPartition(source, 0)
    for commits in (False, True):
        consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id, "auto.offset.reset": "earliest", "enable.auto.commit": False})
        consumer.subscribe([source])
        messages = []
        until("40 records", lambda: messages.extend(consumer.consume(40, 0.2)) or len(messages) == 40, 30)
        producer = transactional(unique("tx"))
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, value=message.value(), partition=0)
        producer.send_offsets_to_transaction([TopicPartition(source, 0, 40)], consumer.consumer_group_metadata(), 15)
        if commits:
            producer.commit_transaction(15)
        else:
            producer.abort_transaction(15)
        equal(consumer.committed([place], 10)[0].offset, 40 if commits else OFFSET_INVALID, "committed offset")
        consumer.close()
    equal([message.value() for message in read(target, 40, 1)], [str(n).encode() for n in range(40)], "transformed")


check("offsets in a transaction are the group's when it commits", offsets_in_transactions)


def member(topic, group_id, count):
    """A member that has read so many; what is returned makes it commit and leave."""
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    got = []
    until(f"{count} records", lambda: got.extend(m for m in consumer.consume(100, 0.2) if not m.error()) or len(got) >= count, 60)
    return consumer.close


from confluent_admin_checks import admin_checks  # noqa: E402

admin_checks(admin, create_topic, produce, transactional, read, member)
done()
