"""confluent-kafka's share consumer (librdkafka's preview of KIP-932): implicit and explicit acknowledgement, several consumers. Argument: HOST:PORT."""
import sys
import threading

from checks import check, done, equal, unique, until
from confluent_kafka import AcknowledgeType, Producer, ShareConsumer
from confluent_kafka.admin import (AdminClient, AlterConfigOpType,
                                   ConfigEntry, ConfigResource, NewTopic,
                                   ResourceType)

BOOTSTRAP = sys.argv[1]
admin = AdminClient({"bootstrap.servers": BOOTSTRAP})


def create_topic(partitions):
    topic = unique("share")
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])[topic].result(15)
    return topic


def group():
    """A group that begins at the beginning."""
    name = unique("share-group")
    entry = ConfigEntry("share.auto.offset.reset", "earliest", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.GROUP, name, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(15)
    return name


def produce(topic, values):
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for value in values:
        producer.produce(topic, value=value)
    equal(producer.flush(30), 0, "unflushed")


def consumer(group_id, topic, mode):
    made = ShareConsumer({"bootstrap.servers": BOOTSTRAP, "group.id": group_id, "share.acknowledgement.mode": mode})
    made.subscribe([topic])
    return made


def records(share):
    """What one poll gives."""
    got = share.poll(0.5) or []
    for message in got:
        equal(message.error(), None, "error of a message")
    return got


def implicit():
    topic, group_id, values = create_topic(2), group(), [b"%d" % n for n in range(500)]
    read, failures, stop = [], [], threading.Event()

    def work():
        try:
            with consumer(group_id, topic, "implicit") as share:
                while not stop.is_set():
                    read.extend(message.value() for message in records(share))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    produce(topic, values)
    until("500 records", lambda: len(read) >= 500 or failures, 60)
    stop.set()
    for thread in threads:
        thread.join()
    equal(failures, [], "failures")
    equal(sorted(read), sorted(values), "records")


def explicit():
    topic, group_id = create_topic(1), group()
    produce(topic, [b"%d" % n for n in range(9)])
    types = [AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT]
    given = []
    with consumer(group_id, topic, "explicit") as share:

        def take():
            for message in records(share):
                again = any(message.offset() == offset for offset in given)
                share.acknowledge(message, AcknowledgeType.ACCEPT if again else types[message.offset() % 3])
                given.append(message.offset())
            for partition, error in share.commit_sync(15.0).items():
                equal(error, None, f"acknowledgement of {partition}")
            return len(given) >= 12

        until("12 deliveries", take, 60)
    equal(sorted(given), sorted([*range(9), 1, 4, 7]), "deliveries")


def left_behind():
    topic, group_id = create_topic(1), group()
    produce(topic, [b"a", b"b"])
    first = consumer(group_id, topic, "explicit")
    got = []
    until("two records", lambda: got.extend(records(first)) or len(got) == 2, 60)
    for message in got:
        first.acknowledge(message, AcknowledgeType.RELEASE)
    first.close()
    with consumer(group_id, topic, "implicit") as second:
        again = []
        until("the same two", lambda: again.extend(message.value() for message in records(second)) or len(again) == 2, 60)
        equal(sorted(again), [b"a", b"b"], "records")


check("three share consumers: every record once", implicit)
check("accepted and rejected records do not come again, released ones do", explicit)
check("what a share consumer releases goes to another", left_behind)
done()
