"""What confluent-kafka's admin can ask beyond topics: configs, groups, offsets, records, rights, users."""
from checks import check, equal, logins, unique, until
from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
                                   NewTopic, OffsetSpec, ResourcePatternType, ResourceType, ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion,
                                   UserScramCredentialUpsertion)


def admin_checks(admin, create_topic, produce, transactional, read, member):
    def timed_out():
        topic, transactional_id = create_topic(1), unique("tx")
        late = transactional(transactional_id, **{"transaction.timeout.ms": 1000, "message.timeout.ms": 1000})
        late.begin_transaction()
        late.produce(topic, value="too late")
        late.flush(15)
        produce(topic, [(None, "behind it", None, 0)])
        equal([message.value() for message in read(topic, 1, 1)], [b"behind it"])
        try:
            late.commit_transaction(15)
        except KafkaException:
            pass
        else:
            raise AssertionError("it was committed")
        after = transactional(transactional_id)
        after.begin_transaction()
        after.produce(topic, value="in time")
        after.commit_transaction(15)
        equal([message.value() for message in read(topic, 2, 1)], [b"behind it", b"in time"])

    check("a transaction beyond its timeout is aborted, and its producer cannot commit it", timed_out)

    def configs():
        topic = create_topic(1)

        def alter(name, value, operation):
            entry = ConfigEntry(name, value, incremental_operation=operation)
            (future,) = admin.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])]).values()
            future.result(15)

        def look(name):
            (future,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
            return future.result(15)[name].value

        alter("retention.ms", "1234567", AlterConfigOpType.SET)
        until("the change", lambda: look("retention.ms") == "1234567")
        alter("cleanup.policy", "compact", AlterConfigOpType.APPEND)
        until("the change", lambda: look("cleanup.policy") == "delete,compact")
        alter("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT)
        until("the change", lambda: look("cleanup.policy") == "compact")
        alter("retention.ms", None, AlterConfigOpType.DELETE)
        until("the default", lambda: look("retention.ms") == "604800000")
        try:
            alter("retention.ms", "soon", AlterConfigOpType.SET)
        except KafkaException as error:
            equal(error.args[0].code(), KafkaError.INVALID_CONFIG)
        else:
            raise AssertionError("a bad value was taken")
        (future,) = admin.create_partitions([NewPartitions(topic, 3)]).values()
        future.result(15)
        until("three partitions", lambda: len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 3)

    check("admin changes configs and adds partitions", configs)

    def groups():
        topic, group_id = create_topic(2), unique("group")
        produce(topic, [(None, str(n), None, n % 2) for n in range(20)])
        leave = member(topic, group_id, 20)
        described = admin.describe_consumer_groups([group_id])[group_id].result(15)
        equal((described.state.name, len(described.members)), ("STABLE", 1))
        equal(sorted(p.partition for p in described.members[0].assignment.topic_partitions), [0, 1])
        assert any(g.group_id == group_id for g in admin.list_consumer_groups().result(15).valid)
        try:
            admin.delete_consumer_groups([group_id])[group_id].result(15)
        except KafkaException as error:
            equal(error.args[0].code(), KafkaError.NON_EMPTY_GROUP)
        else:
            raise AssertionError("a group with members was deleted")
        leave()
        admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group_id, [TopicPartition(topic, 0, 3)])])[group_id].result(15)
        offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group_id)])[group_id].result(15)
        equal(sorted((p.partition, p.offset) for p in offsets.topic_partitions), [(0, 3), (1, 10)])
        admin.delete_consumer_groups([group_id])[group_id].result(15)
        assert not any(g.group_id == group_id for g in admin.list_consumer_groups().result(15).valid)

    check("admin describes, moves and deletes groups and their offsets", groups)

    def records():
        topic = create_topic(1)
        produce(topic, [(None, str(n), None, 0) for n in range(20)])
        (future,) = admin.delete_records([TopicPartition(topic, 0, 12)]).values()
        equal(future.result(15).low_watermark, 12)
        place = TopicPartition(topic, 0)

        def at(spec):
            (future,) = admin.list_offsets({place: spec}, isolation_level=IsolationLevel.READ_COMMITTED).values()
            return future.result(15).offset

        equal((at(OffsetSpec.earliest()), at(OffsetSpec.latest())), (12, 20))
        equal(read(topic, 8, 1)[0].value(), b"12")

    check("admin deletes records and lists offsets", records)
    if logins():
        security(logins())


def security(peer):
    def settings(user, mechanism="SCRAM-SHA-512", transport="SASL_PLAINTEXT"):
        tls = transport == "SASL_SSL"
        return {"bootstrap.servers": peer["tls" if tls else "sasl"], "security.protocol": transport, "sasl.mechanisms": mechanism, "sasl.username": user["name"],
                "sasl.password": user["password"], "log_level": 0, **({"ssl.ca.location": peer["ca"]} if tls else {})}

    def login(mechanism, transport):
        def run():
            equal(len(AdminClient(settings(peer["root"], mechanism, transport)).list_topics(timeout=15).brokers), 1)
            try:
                AdminClient(settings({**peer["root"], "password": "wrong"}, mechanism, transport)).list_topics(timeout=2)
            except KafkaException:
                return
            raise AssertionError("a wrong password was taken")

        return run

    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]:
        for transport in ["SASL_PLAINTEXT", "SASL_SSL"]:
            check(f"{transport} by {mechanism}, and not with a wrong password", login(mechanism, transport))
    root = AdminClient(settings(peer["root"]))

    def rights():
        topic = unique("confluent")
        root.create_topics([NewTopic(topic, 1, 1)])[topic].result(15)

        def write():
            errors = []
            producer = Producer({**settings(peer["bob"]), "message.timeout.ms": 5000})
            producer.produce(topic, b"of bob", partition=0, on_delivery=lambda error, _: errors.append(error))
            producer.flush(15)
            return errors[0] is None

        assert not write(), "bob wrote without a right"
        principal = "User:" + peer["bob"]["name"]
        may = [AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, principal, "*", operation, AclPermissionType.ALLOW) for operation in (AclOperation.WRITE, AclOperation.DESCRIBE)]
        for future in root.create_acls(may).values():
            future.result(15)
        assert write(), "bob could not write"
        which = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.MATCH, principal, None, AclOperation.ANY, AclPermissionType.ANY)
        equal(len(root.describe_acls(which).result(15)), 2, "rights")
        (future,) = root.delete_acls([which]).values()
        equal(len(future.result(15)), 2, "rights taken")
        assert not write(), "bob wrote after his right was taken"

    check("admin gives and takes rights: what bob may is what he was given", rights)

    def scram_users():
        user = {"name": unique("user"), "password": "a password of its own"}
        made = UserScramCredentialUpsertion(user["name"], ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), user["password"].encode())
        root.alter_user_scram_credentials([made])[user["name"]].result(15)
        described = root.describe_user_scram_credentials([user["name"]])[user["name"]].result(15)
        equal([(c.mechanism, c.iterations) for c in described.scram_credential_infos], [(ScramMechanism.SCRAM_SHA_512, 4096)])
        equal(len(AdminClient(settings(user)).list_topics(timeout=15).brokers), 1)
        root.alter_user_scram_credentials([UserScramCredentialDeletion(user["name"], ScramMechanism.SCRAM_SHA_512)])[user["name"]].result(15)
        try:
            AdminClient(settings(user)).list_topics(timeout=2)
        except KafkaException:
            return
        raise AssertionError("a deleted user logged in")

    check("admin makes a user who logs in, and none after it is deleted", scram_users)
