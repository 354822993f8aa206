"""kafka-python, 2.0.2 (found first by PYTHONPATH) and the newest: codecs, acks, groups, times, admin, logins; of 3.x transactions too.
Arguments: HOST:PORT, and a JSON of a broker with users (lib/secured-peer.ts)."""
import sys
import threading
import time

import kafka
from checks import check, done, equal, logins, unique, until
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.structs import OffsetAndMetadata

BOOTSTRAP = sys.argv[1]
NEW = not kafka.__version__.startswith("2.0.")
BASE = {"bootstrap_servers": BOOTSTRAP} if NEW else {"bootstrap_servers": BOOTSTRAP, "api_version": (2, 5, 0)}
admin = KafkaAdminClient(**BASE)


def create_topic(partitions=1):
    topic = unique("kpy")
    admin.create_topics([NewTopic(topic, partitions, 1)])
    return topic


def produce(topic, records, **options):
    """records: (key, value, headers, partition, timestamp); all must be acknowledged."""
    producer = KafkaProducer(**BASE, **{"acks": "all", "linger_ms": 2, **options})
    futures = [producer.send(topic, key=k, value=v, headers=h, partition=p, timestamp_ms=t) for k, v, h, p, t in records]
    producer.flush(30)
    got = [future.get(30) for future in futures]
    producer.close()
    return got


def plain(count, partitions=1, first=0):
    return [(None, str(n).encode(), None, n % partitions, None) for n in range(first, first + count)]


def drain(consumer, count, timeout_s=60):
    got = []

    def enough():
        for records in consumer.poll(200).values():
            got.extend(records)
        return len(got) >= count

    until(f"{count} records", enough, timeout_s)
    equal(len(got), count, "records read")
    return got


def read(topic, count, partitions=1, **options):
    consumer = KafkaConsumer(**BASE, **{"group_id": None, **options})
    places = [TopicPartition(topic, p) for p in range(partitions)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    got = drain(consumer, count)
    consumer.close()
    return got


def codec(name):
    def run():
        topic = create_topic(2)
        base = 1_700_000_000_000
        sent = [(f"k{n % 9}".encode(), f"{n} {'käfer ' * (n % 40)}".encode(), [("n", str(n).encode())], n % 2, base + n) for n in range(1000)]
        produce(topic, sent, compression_type=name)
        got = read(topic, 1000, 2)
        for p in range(2):
            mine = [(r.key, r.value, list(r.headers), p, r.timestamp) for r in got if r.partition == p]
            equal(mine, [r for r in sent if r[3] == p], f"partition {p}")
            equal([r.offset for r in got if r.partition == p], list(range(500)), "offsets")

    return run


for name in [None, "gzip", "snappy", "lz4", "zstd"]:
    check(f"records through {name or 'none'} come back as sent", codec(name))


def acks():
    for wanted in [1, 0]:
        topic = create_topic(1)
        produce(topic, plain(300), acks=wanted, **({"enable_idempotence": False} if NEW else {}))
        equal([r.value for r in read(topic, 300)], [r[1] for r in plain(300)])


check("acks=1 and acks=0, in order", acks)


def nulls():
    topic = create_topic(1)
    produce(topic, [(b"k", None, None, 0, None), (b"", b"", [("h", b""), ("h", b"\xff\x00")], 0, None)])
    got = read(topic, 2)
    equal([(r.key, r.value) for r in got], [(b"k", None), (b"", b"")])
    equal(list(got[1].headers), [("h", b""), ("h", b"\xff\x00")])


check("null and empty keys, values and headers stay apart", nulls)


def by_time():
    topic = create_topic(1)
    base = int(time.time() * 1000) - 600_000
    produce(topic, [(None, str(n).encode(), None, 0, base + n * 1000) for n in range(100)])
    consumer = KafkaConsumer(**BASE)
    place = TopicPartition(topic, 0)
    equal(consumer.offsets_for_times({place: base + 41_500})[place].offset, 42)
    equal((consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]), (0, 100))
    consumer.assign([place])
    consumer.seek(place, 42)
    equal(drain(consumer, 58)[0].value, b"42")
    consumer.close()


check("offsets by time, from the start and the end; reading from one", by_time)


class Member:
    """A consumer in a thread of its own; what it holds and what it has read can be asked at any time."""

    def __init__(self, topic, group, **options):
        self.seen, self.held, self._stop = [], set(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(topic, group, options), daemon=True)
        self._thread.start()

    def _run(self, topic, group, options):
        consumer = KafkaConsumer(topic, **BASE, group_id=group, auto_offset_reset="earliest", heartbeat_interval_ms=300, session_timeout_ms=10_000, **options)
        while not self._stop.is_set():
            for records in consumer.poll(200).values():
                self.seen.extend((r.partition, r.offset) for r in records)
            self.held = {p.partition for p in consumer.assignment()}
        self.held = set()
        consumer.close()

    def leave(self):
        self._stop.set()
        self._thread.join(30)


def group(**options):
    def run():
        topic, group_id = create_topic(4), unique("group")
        first = Member(topic, group_id, **options)
        until("the first to hold all", lambda: len(first.held) == 4, 60)
        produce(topic, plain(200, 4))
        second = Member(topic, group_id, **options)
        until("both to hold two", lambda: len(first.held) == 2 and len(second.held) == 2 and not first.held & second.held, 60)
        produce(topic, plain(200, 4))
        until("400 records", lambda: len(set(first.seen + second.seen)) == 400, 60)
        assert second.seen, "the second read nothing"
        first.leave()
        until("the second to hold all", lambda: len(second.held) == 4, 60)
        produce(topic, plain(200, 4))
        until("600 records", lambda: len(set(first.seen + second.seen)) == 600, 60)
        second.leave()
        consumer = KafkaConsumer(**BASE, group_id=group_id)
        equal([consumer.committed(TopicPartition(topic, p)) for p in range(4)], [150] * 4, "committed offsets")
        consumer.close()

    return run


def assignors():
    if NEW:
        from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
        from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
    from kafka.coordinator.assignors.range import RangePartitionAssignor
    from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

    yield from [("range", RangePartitionAssignor), ("roundrobin", RoundRobinPartitionAssignor)]
    # The sticky one of 2.0.2 fails by itself, with a TypeError, when a second member comes.
    if NEW:
        yield from [("sticky", StickyPartitionAssignor), ("cooperative-sticky", CooperativeStickyAssignor)]


for name, assignor in assignors():
    check(f"members come and go, and each record is read: {name}", group(partition_assignment_strategy=[assignor]))


def manual_commit():
    topic, group_id = create_topic(1), unique("group")
    produce(topic, plain(10))
    consumer = KafkaConsumer(topic, **BASE, group_id=group_id, auto_offset_reset="earliest", enable_auto_commit=False)
    drain(consumer, 10)
    place = TopicPartition(topic, 0)
    consumer.commit({place: OffsetAndMetadata(7, "größe", -1) if NEW else OffsetAndMetadata(7, "größe")})
    consumer.close()
    again = KafkaConsumer(topic, **BASE, group_id=group_id, enable_auto_commit=False)
    equal(again.committed(place, metadata=True)[:2], (7, "größe"))
    equal([r.value for r in drain(again, 3)], [b"7", b"8", b"9"], "what is read again")
    again.close()


check("what was committed is where the next one begins, with metadata", manual_commit)


def secured(peer):
    def login(mechanism, transport):
        def run():
            options = {"sasl_mechanism": mechanism, "security_protocol": transport, "bootstrap_servers": peer["tls" if transport == "SASL_SSL" else "sasl"]}
            if transport == "SASL_SSL":
                options["ssl_cafile"] = peer["ca"]
            if not NEW:
                options["api_version"] = (2, 5, 0)

            def connect(name, password):
                client = KafkaAdminClient(**options, sasl_plain_username=name, sasl_plain_password=password, request_timeout_ms=5000, **({"bootstrap_timeout_ms": 3000} if NEW else {}))
                try:
                    return client.list_topics()
                finally:
                    client.close()

            assert isinstance(connect(peer["root"]["name"], peer["root"]["password"]), list)
            try:
                connect(peer["root"]["name"], "wrong")
            except Exception:
                pass
            else:
                raise AssertionError("a wrong password was taken")

        return run

    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]:
        for transport in ["SASL_PLAINTEXT", "SASL_SSL"]:
            check(f"{transport} by {mechanism}, and not with a wrong password", login(mechanism, transport))

    def certificate():
        options = {"bootstrap_servers": peer["tls"], "security_protocol": "SSL", "ssl_cafile": peer["ca"], "ssl_certfile": peer["certificate"], "ssl_keyfile": peer["key"]}
        if not NEW:
            options["api_version"] = (2, 5, 0)
        client = KafkaAdminClient(**options)
        # Whoever has no right to any sees none.
        equal(client.list_topics(), [])
        client.close()

    check("SSL: by a client certificate", certificate)


if NEW:
    from kafka_python_3 import new_checks

    new_checks(BASE, admin, create_topic, produce, read)
else:
    from kafka_python_2 import old_checks

    old_checks(admin, create_topic, produce, Member)
if logins():
    secured(logins())
done()
