"""kafka-python (2.0.2 and 3) through the APIs whose frames are recorded. Arguments: bootstrap servers, topic prefix, plain|sasl."""

import sys

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic

bootstrap, prefix, mode = sys.argv[1:4]
common = {"bootstrap_servers": bootstrap, "client_id": "golden"}
if mode != "plain":
    common |= {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "alice", "sasl_plain_password": "wonderland"}


def attempt(call):
    try:
        return call()
    except Exception as error:
        print("answered:", repr(error)[:200])


admin = KafkaAdminClient(**common)
if mode != "plain":
    sys.exit(0)
topic = f"{prefix}-orders"
attempt(lambda: admin.create_topics([NewTopic(name=topic, num_partitions=2, replication_factor=1)]))
producer = KafkaProducer(**common)
for i in range(4):
    producer.send(topic, key=f"k{i}".encode(), value=b"value", partition=i % 2)
producer.flush(10)
producer.close()
for _ in range(2):
    consumer = KafkaConsumer(topic, group_id=f"{prefix}-group", auto_offset_reset="earliest", enable_auto_commit=False, consumer_timeout_ms=3000, **common)
    next(iter(consumer), None)
    attempt(lambda: consumer.end_offsets([TopicPartition(topic, 0)]))
    attempt(lambda: consumer.offsets_for_times({TopicPartition(topic, 0): 1000}))
    attempt(lambda: consumer.commit())
    attempt(lambda: consumer.committed(TopicPartition(topic, 0)))
    attempt(lambda: admin.describe_consumer_groups([f"{prefix}-group"]) if hasattr(admin, "describe_consumer_groups") else admin.describe_groups([f"{prefix}-group"]))
    consumer.close()
attempt(lambda: admin.list_consumer_groups() if hasattr(admin, "list_consumer_groups") else admin.list_groups())
attempt(lambda: admin.list_consumer_group_offsets(f"{prefix}-group") if hasattr(admin, "list_consumer_group_offsets") else admin.list_group_offsets(f"{prefix}-group"))
attempt(lambda: admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
attempt(lambda: admin.create_partitions({topic: NewPartitions(3)}))
attempt(lambda: admin.describe_cluster())
attempt(lambda: admin.delete_topics([topic]))
admin.close()
