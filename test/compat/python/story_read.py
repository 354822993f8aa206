"""Reads a topic from its beginning with confluent-kafka: HOST:PORT TOPIC COUNT; prints {"key", "value"} a record, in the order read."""
import json
import sys
import time
import uuid

from confluent_kafka import Consumer

bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"story-{uuid.uuid4()}", "auto.offset.reset": "earliest"})
consumer.subscribe([topic])
got = 0
end = time.monotonic() + 40
# A second past the last record shows that none is there twice.
while time.monotonic() < end:
    for message in consumer.consume(1000, 0.5):
        if message.error():
            sys.exit(str(message.error()))
        got += 1
        print(json.dumps({"key": message.key().decode(), "value": message.value().decode()}))
        if got == count:
            end = time.monotonic() + 1
consumer.close()
