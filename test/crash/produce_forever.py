"""An idempotent confluent-kafka producer that outlives its broker: HOST:PORT TOPIC.

Prints "ack KEY N PARTITION OFFSET" for each acknowledged record, "fail REASON" for each that is not; SIGTERM flushes and ends it.
"""
import signal
import sys
import time

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:3]
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 1, "batch.num.messages": 20, "compression.type": "gzip",
                     "delivery.timeout.ms": 120000, "socket.timeout.ms": 5000, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 300,
                     "retry.backoff.ms": 50, "log_level": 0})


def acknowledged(error, message):
    if error:
        print(f"fail {error.name()}", flush=True)
    else:
        key, n = message.value().decode().split("|")[:2]
        print(f"ack {key} {n} {message.partition()} {message.offset()}")


n = 0
while running:
    for _ in range(8):
        key = f"k{n % 8}"
        producer.produce(topic, key=key, value=f"{key}|{n}|{'x' * (n % 300)}", on_delivery=acknowledged)
        n += 1
    producer.poll(0)
    time.sleep(0.005)
    sys.stdout.flush()
    # Not more in flight than a round can acknowledge.
    while running and len(producer) > 500:
        producer.poll(0.02)
        sys.stdout.flush()
left = producer.flush(60)
print(f"done {n} {left}", flush=True)
