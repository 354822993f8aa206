"""The admin of kafka-python 2.0.2."""
from checks import check, equal, unique, until
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import InvalidReplicationFactorError, InvalidTopicError, NonEmptyGroupError, TopicAlreadyExistsError, for_code


def old_checks(admin, create_topic, produce, member):
    def topics():
        topic = unique("kpy")
        admin.create_topics([NewTopic(topic, 3, 1, topic_configs={"retention.ms": "3600000"})])
        admin.create_partitions({topic: NewPartitions(5)})
        until("five partitions", lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 5)
        assert topic in admin.list_topics()
        for new, error in [(NewTopic(topic, 1, 1), TopicAlreadyExistsError), (NewTopic("a b", 1, 1), InvalidTopicError), (NewTopic(unique("t"), 1, 3), InvalidReplicationFactorError)]:
            try:
                admin.create_topics([new])
            except error:
                continue
            raise AssertionError(f"no {error}")
        admin.delete_topics([topic])
        until("the topic to be gone", lambda: topic not in admin.list_topics())

    check("admin makes, widens and deletes a topic, and is refused with Kafka's codes", topics)

    def configs():
        topic = create_topic(1)

        def look(key):
            (response,) = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            return {entry[0]: entry[1] for entry in response.resources[0][4]}[key]

        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1234567"})])
        until("the change", lambda: look("retention.ms") == "1234567")
        equal(look("cleanup.policy"), "delete")
        cluster = admin.describe_cluster()
        equal((len(cluster["brokers"]), cluster["controller_id"]), (1, cluster["brokers"][0]["node_id"]))

    check("admin reads and changes configs, and sees the cluster", configs)

    def groups():
        topic, group_id = create_topic(2), unique("group")
        produce(topic, [(None, b"x", None, n % 2, None) for n in range(20)])
        one = member(topic, group_id)
        until("20 records", lambda: len(one.seen) == 20, 60)
        (described,) = admin.describe_consumer_groups([group_id])
        equal((described.state, len(described.members), described.protocol_type), ("Stable", 1, "consumer"))
        equal([tuple(a) for a in described.members[0].member_assignment.assignment], [(topic, [0, 1])])
        assert (group_id, "consumer") in admin.list_consumer_groups()
        ((_, error),) = admin.delete_consumer_groups([group_id])
        equal(error, NonEmptyGroupError)
        one.leave()
        offsets = admin.list_consumer_group_offsets(group_id)
        equal(sorted(o.offset for o in offsets.values()), [10, 10], "offsets")
        ((_, error),) = admin.delete_consumer_groups([group_id])
        equal(error, for_code(0))
        assert (group_id, "consumer") not in admin.list_consumer_groups()

    check("admin lists, describes and deletes groups, and lists their offsets", groups)
