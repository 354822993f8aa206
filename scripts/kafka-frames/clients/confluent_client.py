"""librdkafka through the APIs whose frames are recorded. Arguments: bootstrap servers, topic prefix, plain|sasl."""

import sys

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
    UserScramCredentialDeletion,
)

bootstrap, prefix, mode = sys.argv[1:4]
common = {"bootstrap.servers": bootstrap, "client.id": "golden"}
if mode != "plain":
    common |= {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "alice", "sasl.password": "wonderland"}
    admin = AdminClient(common)
    print(len(admin.list_topics(timeout=10).brokers))
    # Only a broker with an authorizer has rights.
    words = (ResourceType.TOPIC, "orders", ResourcePatternType.PREFIXED, "User:carol", "*", AclOperation.READ, AclPermissionType.ALLOW)
    for future in admin.create_acls([AclBinding(*words)]).values():
        future.result(timeout=15)
    admin.describe_acls(AclBindingFilter(*words)).result(timeout=15)
    for future in admin.delete_acls([AclBindingFilter(*words)]).values():
        future.result(timeout=15)
    sys.exit(0)

admin = AdminClient(common)


def each(futures):
    for future in futures.values() if isinstance(futures, dict) else [futures]:
        try:
            future.result(timeout=15)
        except Exception as error:
            print("answered:", error)


topic = f"{prefix}-orders"
codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
each(admin.create_topics([NewTopic(topic, 2, 1, config={"retention.ms": "3600000"})] + [NewTopic(f"{prefix}-golden-{codec}", 1, 1) for codec in codecs]))
each(admin.create_topics([NewTopic(topic, 2, 1)]))
for codec in codecs:
    producer = Producer(common | {"compression.type": codec, "linger.ms": 500, "enable.idempotence": codec != "gzip"})
    for i in range(10):
        producer.produce(f"{prefix}-golden-{codec}", key=f"key-{i}", value=f"value {i} " + "abc" * 30, headers={"origin": b"golden"}, timestamp=1700000000000 + i)
    producer.flush(15)
producer = Producer(common)
for i in range(4):
    producer.produce(topic, key=f"k{i}", value=f"v{i}", partition=i % 2)
producer.flush(15)
for instance in [None, "static-1"]:
    settings = common | {"group.id": f"{prefix}-group", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer(settings | ({"group.instance.id": instance} if instance else {}))
    consumer.subscribe([topic])
    read = 0
    while read < 4 and instance is None or read < 1:
        message = consumer.poll(10)
        if message is None:
            break
        read += 1
        if instance is not None:
            break
    if instance is None:
        consumer.commit(asynchronous=False)
        consumer.seek(TopicPartition(topic, 0, 0))
    each(admin.describe_consumer_groups([f"{prefix}-group"]))
    consumer.offsets_for_times([TopicPartition(topic, 0, 1000)], timeout=10)
    consumer.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], timeout=10)
    consumer.close()
    producer.produce(topic, key="again", value="x", partition=0)
    producer.flush(15)
admin.list_topics(timeout=10)
each(admin.list_consumer_groups())
each(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(f"{prefix}-group")]))
each(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(f"{prefix}-other", [TopicPartition(topic, 0, 1)])]))
each(admin.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[ConfigEntry("retention.ms", "3600000", incremental_operation=AlterConfigOpType.SET)])]))
each(admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]))
each(admin.create_partitions([NewPartitions(topic, 3)]))
each(admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}, isolation_level=IsolationLevel.READ_COMMITTED))
each(admin.delete_records([TopicPartition(topic, 0, 1)]))
each(admin.describe_cluster())
each(admin.alter_user_scram_credentials([UserScramCredentialUpsertion("bob", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), b"secret", b"saltsaltsalt")]))
each(admin.describe_user_scram_credentials(["bob"]))
each(admin.alter_user_scram_credentials([UserScramCredentialDeletion("bob", ScramMechanism.SCRAM_SHA_256)]))
each(admin.delete_consumer_groups([f"{prefix}-other", "no-such-group"]))
each(admin.delete_topics([topic, "no-such-topic"]))
