"""Produces rows with confluent-kafka: HOST:PORT TOPIC; stdin has {"key", "value", "headers"} a line; all must be acknowledged."""
import json
import sys

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:3]
failures = []
producer = Producer({"bootstrap.servers": bootstrap, "compression.type": "zstd", "enable.idempotence": True, "linger.ms": 5})
for line in sys.stdin:
    row = json.loads(line)
    headers = [(name, value.encode()) for name, value in row["headers"].items()]
    producer.produce(topic, key=row["key"].encode(), value=row["value"].encode(), headers=headers,
                     on_delivery=lambda err, _m: failures.append(str(err)) if err else None)
    producer.poll(0)
left = producer.flush(30)
if left or failures:
    sys.exit(f"{left} unsent, failures {failures[:3]}")
