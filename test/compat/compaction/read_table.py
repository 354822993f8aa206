"""Prints a partition from its start to its end as lines `offset key=value`, by the client that is named."""

import asyncio
import sys

client, servers, topic = sys.argv[1:4]


def show(offset, key, value):
    print(f"{offset} {key.decode()}={'null' if value is None else value.decode()}", flush=True)


def read_confluent():
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": servers, "group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    while True:
        message = consumer.poll(10)
        if message is None:
            raise SystemExit("nothing for ten seconds")
        if message.error():
            if message.error().name() == "_PARTITION_EOF":
                break
            raise SystemExit(str(message.error()))
        show(message.offset(), message.key(), message.value())
    consumer.close()


def read_kafka_python():
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    end = consumer.end_offsets([partition])[partition]
    while consumer.position(partition) < end:
        for records in consumer.poll(timeout_ms=1000).values():
            for record in records:
                show(record.offset, record.key, record.value)
    consumer.close()


async def read_aiokafka():
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    end = (await consumer.end_offsets([partition]))[partition]
    while await consumer.position(partition) < end:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                show(record.offset, record.key, record.value)
    await consumer.stop()


if client == "confluent-kafka":
    read_confluent()
elif client == "kafka-python":
    read_kafka_python()
else:
    asyncio.run(read_aiokafka())
