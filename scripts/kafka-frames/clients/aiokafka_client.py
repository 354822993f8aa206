"""aiokafka through the APIs whose frames are recorded. Arguments: bootstrap servers, topic prefix, plain|sasl."""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

bootstrap, prefix, mode = sys.argv[1:4]


async def main():
    common = {"bootstrap_servers": bootstrap, "client_id": "golden"}
    if mode != "plain":
        common |= {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "alice", "sasl_plain_password": "wonderland"}
    admin = AIOKafkaAdminClient(**common)
    await admin.start()
    if mode != "plain":
        await admin.close()
        return
    topic = f"{prefix}-orders"
    await admin.create_topics([NewTopic(topic, 2, 1)])
    producer = AIOKafkaProducer(enable_idempotence=True, **common)
    await producer.start()
    for i in range(4):
        await producer.send_and_wait(topic, key=f"k{i}".encode(), value=b"value", partition=i % 2)
    await producer.stop()
    for _ in range(2):
        consumer = AIOKafkaConsumer(topic, group_id=f"{prefix}-group", auto_offset_reset="earliest", enable_auto_commit=False, **common)
        await consumer.start()
        await asyncio.wait_for(consumer.getone(), 10)
        await consumer.end_offsets(list(consumer.assignment()))
        await consumer.offsets_for_times({tp: 1000 for tp in consumer.assignment()})
        await consumer.commit()
        await admin.describe_consumer_groups([f"{prefix}-group"])
        await consumer.stop()
    await admin.list_consumer_groups()
    await admin.list_consumer_group_offsets(f"{prefix}-group")
    await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    await admin.delete_topics([topic])
    await admin.close()


asyncio.run(main())
