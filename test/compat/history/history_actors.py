"""Transactional producers and a reader, or a transformer, on librdkafka, which write down what they did and saw: see HistoryActors.java.

Arguments: HOST:PORT, a name, a seed, the file that says stop, how many producers; none is a transformer.
"""
import json
import os
import random
import sys
import threading
import time

from confluent_kafka import (OFFSET_BEGINNING, Consumer, KafkaError,
                             KafkaException, Producer, TopicPartition)

BOOTSTRAP, NAME, SEED, STOP, PRODUCERS = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
IN, OUT, PARTITIONS = "history-in", "history-out", 3
COMMON = {"bootstrap.servers": BOOTSTRAP, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200, "log_level": 0}
_lock = threading.Lock()
# When send_offsets_to_transaction was called that has not returned.
_called_at = None


def say(event, by, **more):
    with _lock:
        print(json.dumps({"e": event, "at": int(time.time() * 1000), "by": by, **more}), flush=True)


def new_producer(transactional_id):
    producer = Producer({**COMMON, "transactional.id": transactional_id, "transaction.timeout.ms": 4000, "socket.timeout.ms": 3000, "linger.ms": 2})
    producer.init_transactions(15)
    return producer


def commit(producer):
    """A commit whose answer is late is asked for again, as its contract says."""
    for tries in range(6):
        try:
            producer.commit_transaction(5)
            return
        except KafkaException as failed:
            if not failed.args[0].retriable() or tries == 5:
                raise


class Transactor:
    def __init__(self, own, rng):
        self.own, self.rng, self.producer, self.number = own, rng, None, 0

    def run(self):
        while not os.path.exists(STOP):
            try:
                if self.producer is None:
                    self.producer = new_producer("tx-" + self.own)
                self.transact()
            except (KafkaException, BufferError) as failed:
                say("note", self.own, text=str(failed))
                self.producer = None
            time.sleep(0.01 + self.rng.random() * 0.06)
        say("done", self.own)

    def transact(self):
        self.number += 1
        kind, ids, end = self.rng.randrange(20), [], "aborted"
        try:
            self.producer.begin_transaction()
            for i in range(1 + self.rng.randrange(8)):
                record, partition = f"{self.own}.{self.number}.{i}", self.rng.randrange(PARTITIONS)
                ids.append([partition, record])
                self.producer.produce(IN, record.encode(), partition=partition)
            if self.rng.randrange(8) == 0:
                time.sleep(self.rng.random() / 2)
            if kind < 5:
                self.producer.abort_transaction(8)
            else:
                # From here on it may be committed, whatever is said of it.
                end = "unknown"
                if kind == 5:
                    self.overtake()
                commit(self.producer)
                end = "committed"
        finally:
            say("txn", self.own, end=end, ids=ids)

    def overtake(self):
        """Another producer takes the name: what the first one had begun is aborted, and it must hear so."""
        first, self.producer = self.producer, None
        self.producer = new_producer("tx-" + self.own)
        try:
            first.commit_transaction(8)
            say("broken", self.own, text="a producer committed that had been fenced")
        except KafkaException:
            pass
        raise KafkaException(KafkaError(KafkaError._FENCED))


def transform(rng):
    own = NAME
    while True:
        consumer = None
        try:
            producer = new_producer("tx-" + own)
            consumer = Consumer({**COMMON, "group.id": "history-transform", "isolation.level": "read_committed", "enable.auto.commit": False,
                                 "auto.offset.reset": "earliest", "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000,
                                 "partition.assignment.strategy": "range"})
            consumer.subscribe([IN])
            while True:
                transform_some(rng, producer, consumer)
        except KafkaException as failed:
            global _called_at
            _called_at = None
            say("note", own, text=str(failed))
            time.sleep(0.1)
        finally:
            if consumer is not None:
                consumer.close()


def transform_some(rng, producer, consumer):
    records = [record for record in consumer.consume(25, 0.1)]
    for record in records:
        if record.error():
            raise KafkaException(record.error())
    if not records:
        return
    first, following = {}, {}
    producer.begin_transaction()
    for record in records:
        producer.produce(OUT, record.value(), partition=record.partition())
        first.setdefault(record.partition(), record.offset())
        following[record.partition()] = record.offset() + 1
    global _called_at
    _called_at = time.monotonic()
    producer.send_offsets_to_transaction([TopicPartition(IN, p, o) for p, o in following.items()], consumer.consumer_group_metadata(), 8)
    _called_at = None
    if rng.randrange(5) != 0:
        commit(producer)
    else:
        producer.abort_transaction(8)
        for p, o in first.items():
            consumer.seek(TopicPartition(IN, p, o))


def read():
    consumer = Consumer({**COMMON, "group.id": NAME + "-reader", "isolation.level": "read_committed", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for topic in (IN, OUT) for p in range(PARTITIONS)])
    while True:
        for record in consumer.consume(100, 0.2):
            if record.error():
                say("note", NAME, text=str(record.error()))
            else:
                say("saw", NAME, t=record.topic(), p=record.partition(), o=record.offset(), id=record.value().decode())


def watch():
    """librdkafka does not heed the timeout when the group's coordinator goes down (its issue 5456): the program begins anew then."""
    while True:
        time.sleep(0.2)
        called_at = _called_at
        if called_at is not None and time.monotonic() - called_at > 10:
            say("note", NAME, text="send_offsets_to_transaction did not come back")
            os.execv(sys.executable, [sys.executable, *sys.argv])


if PRODUCERS == 0:
    threading.Thread(target=watch, daemon=True).start()
    transform(random.Random(SEED))
threads = [threading.Thread(target=Transactor(f"{NAME}-{i}", random.Random(SEED * 31 + i)).run) for i in range(PRODUCERS)]
threading.Thread(target=read, daemon=True).start()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
# The reader goes on until the process is killed.
while True:
    time.sleep(1)
