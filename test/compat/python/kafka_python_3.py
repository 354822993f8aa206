"""Transactions and the admin of kafka-python 3."""
from checks import check, equal, logins, unique, until
from kafka import IsolationLevel, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, ConfigResource, ConfigResourceType, OffsetSpec, ResourcePattern,
                         ResourcePatternFilter, ResourceType, ScramMechanism, UserScramCredentialDeletion, UserScramCredentialUpsertion)
from kafka.errors import (InvalidReplicationFactorError, InvalidTopicError, KafkaError, NonEmptyGroupError, TopicAlreadyExistsError, TopicAuthorizationFailedError)
from kafka.structs import OffsetAndMetadata


def new_checks(base, admin, create_topic, produce, read):
    def transactional(transactional_id, **options):
        producer = KafkaProducer(**base, transactional_id=transactional_id, **options)
        producer.init_transactions()
        return producer

    def put(producer, topic, value, partition=0):
        return producer.send(topic, value=value.encode(), partition=partition).get(30)

    def idempotent():
        topic = create_topic(1)
        producer = KafkaProducer(**base, enable_idempotence=True, max_in_flight_requests_per_connection=5, batch_size=500)
        for n in range(2000):
            producer.send(topic, value=str(n).encode())
        producer.flush(30)
        producer.close()
        equal([int(r.value) for r in read(topic, 2000)], list(range(2000)))

    check("an idempotent producer writes each record once, in order", idempotent)

    def commit_and_abort():
        topic = create_topic(2)
        producer = transactional(unique("tx"))
        wanted = [[], []]
        for n in range(12):
            producer.begin_transaction()
            for i in range(10):
                producer.send(topic, value=f"{n}.{i}".encode(), partition=i % 2)
                if n % 3 != 1:
                    wanted[i % 2].append(f"{n}.{i}".encode())
            if n % 3 != 1:
                producer.commit_transaction()
            else:
                producer.flush(30)
                producer.abort_transaction()
        producer.close()
        got = read(topic, len(wanted[0]) + len(wanted[1]), 2, isolation_level="read_committed")
        equal([[r.value for r in got if r.partition == p] for p in range(2)], wanted)

    check("committed transactions are read, aborted ones are not", commit_and_abort)

    def open_transaction():
        topic = create_topic(1)
        producer = transactional(unique("tx"))
        producer.begin_transaction()
        put(producer, topic, "open")
        produce(topic, [(None, b"behind it", None, 0, None)])
        equal([r.value for r in read(topic, 2, isolation_level="read_uncommitted")], [b"open", b"behind it"])
        place = TopicPartition(topic, 0)
        latest = lambda level: admin.list_partition_offsets({place: OffsetSpec.LATEST}, isolation_level=level)[place].offset
        equal((latest(IsolationLevel.READ_COMMITTED), latest(IsolationLevel.READ_UNCOMMITTED)), (0, 2))
        producer.commit_transaction()
        producer.close()
        equal([r.value for r in read(topic, 2, isolation_level="read_committed")], [b"open", b"behind it"])

    check("a reader of committed records waits at an open transaction, another does not", open_transaction)

    def fenced():
        topic, transactional_id = create_topic(1), unique("tx")
        first = transactional(transactional_id)
        first.begin_transaction()
        put(first, topic, "of the first")
        second = transactional(transactional_id)
        second.begin_transaction()
        put(second, topic, "of the second")
        second.commit_transaction()
        try:
            first.commit_transaction()
        except KafkaError:
            pass
        else:
            raise AssertionError("the first committed")
        first.close(timeout=1)
        second.close()
        equal([r.value for r in read(topic, 1, isolation_level="read_committed")], [b"of the second"])

    check("a second producer with the same transactional id fences the first", fenced)

    def timed_out():
        topic, transactional_id = create_topic(1), unique("tx")
        producer = transactional(transactional_id, transaction_timeout_ms=1000)
        producer.begin_transaction()
        put(producer, topic, "too late")
        produce(topic, [(None, b"behind it", None, 0, None)])
        equal([r.value for r in read(topic, 1, isolation_level="read_committed")], [b"behind it"])
        try:
            producer.commit_transaction()
        except KafkaError:
            pass
        else:
            raise AssertionError("it was committed")
        producer.close(timeout=1)
        after = transactional(transactional_id)
        after.begin_transaction()
        put(after, topic, "in time")
        after.commit_transaction()
        after.close()
        equal([r.value for r in read(topic, 2, isolation_level="read_committed")], [b"behind it", b"in time"])

    check("a transaction beyond its timeout is aborted, and its producer cannot commit it", timed_out)

    def offsets_in_transactions():
        source, target, group_id = create_topic(1), create_topic(1), unique("group")
        produce(source, [(None, str(n).encode(), None, 0, None) for n in range(40)])
        place = TopicPartition(source, 0)
        for commits in (False, True):
            consumer = KafkaConsumer(source, **base, group_id=group_id, auto_offset_reset="earliest", enable_auto_commit=False, isolation_level="read_committed")
            got = []
            until("40 records", lambda: [got.extend(r) for r in consumer.poll(200).values()] is not None and len(got) >= 40, 60)
            producer = transactional(unique("tx"))
            producer.begin_transaction()
            for record in got:
                producer.send(target, value=record.value, partition=0)
            producer.send_offsets_to_transaction({place: OffsetAndMetadata(40, "", -1)}, consumer.group_metadata())
            if commits:
                producer.commit_transaction()
            else:
                producer.flush(30)
                producer.abort_transaction()
            producer.close()
            equal(consumer.committed(place), 40 if commits else None, "committed offset")
            consumer.close()
        equal([r.value for r in read(target, 40, isolation_level="read_committed")], [str(n).encode() for n in range(40)])

    check("consume, transform, produce: offsets are those of committed transactions", offsets_in_transactions)

    def described_transactions():
        topic, transactional_id = create_topic(1), unique("tx")
        producer = transactional(transactional_id)
        producer.begin_transaction()
        put(producer, topic, "open")
        described = admin.describe_transactions([transactional_id])[transactional_id]
        equal(str(described.state.value), "Ongoing")
        listed = [t for transactions in admin.list_transactions().values() for t in transactions]
        assert any(t.transactional_id == transactional_id for t in listed), listed
        place = TopicPartition(topic, 0)
        producers = admin.describe_producers([place])[place].active_producers
        equal([(p.producer_id, p.current_transaction_start_offset) for p in producers], [(described.producer_id, 0)])
        producer.abort_transaction()
        producer.close()

    check("admin describes and lists transactions and producers", described_transactions)

    def topics():
        topic = unique("kpy")
        admin.create_topics({topic: {"num_partitions": 3, "replication_factor": 1, "configs": {"retention.ms": "3600000"}}}, validate_only=True)
        assert topic not in admin.list_topics()
        admin.create_topics({topic: {"num_partitions": 3, "replication_factor": 1, "configs": {"retention.ms": "3600000"}}})
        admin.create_partitions({topic: 5})
        until("five partitions", lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 5)
        names = {"num_partitions": 1, "replication_factor": 1}
        for name, options, error in [(topic, names, TopicAlreadyExistsError), ("a b", names, InvalidTopicError), (unique("t"), {**names, "replication_factor": 3}, InvalidReplicationFactorError)]:
            try:
                admin.create_topics({name: options})
            except error:
                continue
            raise AssertionError(f"no {error}")
        paged = admin.describe_topic_partitions([topic], response_partition_limit=2)
        assert paged, "a page of partitions"
        admin.delete_topics([topic])
        until("the topic to be gone", lambda: topic not in admin.list_topics())

    check("admin makes, widens and deletes a topic, and is refused with Kafka's codes", topics)

    def configs():
        topic = create_topic(1)

        def look(key):
            described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
            return described["TOPIC" if "TOPIC" in described else "topic"][topic][key]["value"]

        def alter(**changes):
            return admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {key.replace("_", "."): value for key, value in changes.items()})])

        alter(retention_ms="1234567")
        until("the change", lambda: look("retention.ms") == "1234567")
        alter(cleanup_policy=("APPEND", "compact"))
        until("the change", lambda: look("cleanup.policy") == "delete,compact")
        admin.reset_configs([ConfigResource(ConfigResourceType.TOPIC, topic, ["retention.ms"])])
        until("the default", lambda: look("retention.ms") == "604800000")
        assert len(admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, str(admin.describe_cluster()["controller_id"]))], config_filter="all")) > 0

    check("admin reads, changes and resets configs", configs)

    def groups():
        topic, group_id = create_topic(2), unique("group")
        produce(topic, [(None, b"x", None, n % 2, None) for n in range(20)])
        one = KafkaConsumer(topic, **base, group_id=group_id, auto_offset_reset="earliest")
        got = []
        until("20 records", lambda: [got.extend(r) for r in one.poll(200).values()] is not None and len(got) >= 20, 60)
        described = admin.describe_groups([group_id])[group_id]
        equal((described["group_state"], len(described["members"])), ("Stable", 1))
        assert any(g["group_id"] == group_id for g in admin.list_groups())
        equal(admin.delete_groups([group_id])[group_id], NonEmptyGroupError.__name__)
        one.close()
        place = TopicPartition(topic, 0)
        equal(admin.list_group_offsets([group_id])[group_id][place].offset, 10)
        admin.alter_group_offsets(group_id, {place: OffsetAndMetadata(3, "moved, größe", -1)})
        moved = admin.list_group_offsets([group_id])[group_id][place]
        equal((moved.offset, moved.metadata), (3, "moved, größe"))
        admin.delete_group_offsets(group_id, [place])
        assert place not in admin.list_group_offsets([group_id])[group_id]
        equal(admin.delete_groups([group_id])[group_id], "OK")
        assert not any(g["group_id"] == group_id for g in admin.list_groups())

    check("admin lists, describes, moves and deletes groups and their offsets", groups)

    def records():
        topic = create_topic(1)
        produce(topic, [(None, str(n).encode(), None, 0, None) for n in range(20)])
        place = TopicPartition(topic, 0)
        admin.delete_records({place: 12})
        at = lambda spec: admin.list_partition_offsets({place: spec})[place].offset
        equal((at(OffsetSpec.EARLIEST), at(OffsetSpec.LATEST)), (12, 20))
        equal(read(topic, 8)[0].value, b"12")
        assert len(admin.describe_log_dirs()) == 1
        equal(len(admin.list_partition_reassignments()), 0)
        assert admin.describe_features() and admin.api_versions() and admin.describe_metadata_quorum()

    check("admin deletes records, lists offsets, and sees log directories, features and quorum", records)

    if logins():
        security(logins())


def security(peer):
    def as_user(kind, user, **options):
        return kind(bootstrap_servers=peer["sasl"], security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-512", sasl_plain_username=user["name"], sasl_plain_password=user["password"], **options)

    root = as_user(KafkaAdminClient, peer["root"])

    def rights():
        topic = unique("kpy")
        root.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})

        def write():
            producer = as_user(KafkaProducer, peer["bob"], enable_idempotence=False, max_block_ms=5000, retries=1)
            try:
                producer.send(topic, value=b"of bob", partition=0).get(10)
                return True
            except (TopicAuthorizationFailedError, KafkaError):
                return False
            finally:
                producer.close(timeout=5)

        assert not write(), "bob wrote without a right"
        principal = "User:" + peer["bob"]["name"]
        may = ACL(principal, "*", ACLOperation.WRITE, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, topic))
        may_not = ACL(principal, "*", ACLOperation.WRITE, ACLPermissionType.DENY, ResourcePattern(ResourceType.TOPIC, topic))
        made = root.create_acls([may])
        equal(len(made["succeeded"]), 1, "made")
        assert write(), "bob could not write"
        which = ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY, ResourcePatternFilter(ResourceType.TOPIC, topic, ACLResourcePatternType.MATCH))
        equal(len(root.describe_acls(which)[0]), 1, "rights")
        root.create_acls([may_not])
        assert not write(), "bob wrote although it was denied"
        root.delete_acls([which])
        equal(len(root.describe_acls(which)[0]), 0, "rights left")
        assert not write(), "bob wrote after his right was taken"

    check("admin gives and takes rights: what bob may is what he was given", rights)

    def scram_users():
        user = {"name": unique("user"), "password": "a password of its own"}
        equal(root.alter_user_scram_credentials([UserScramCredentialUpsertion(user["name"], ScramMechanism.SCRAM_SHA_512, user["password"], iterations=4096)]), {user["name"]: None})
        equal(root.describe_user_scram_credentials([user["name"]])[user["name"]]["credential_infos"], [{"mechanism": ScramMechanism.SCRAM_SHA_512, "iterations": 4096}])
        client = as_user(KafkaAdminClient, user)
        equal(client.list_topics(), [])
        client.close()
        equal(root.alter_user_scram_credentials([UserScramCredentialDeletion(user["name"], ScramMechanism.SCRAM_SHA_512)]), {user["name"]: None})
        try:
            as_user(KafkaAdminClient, user, request_timeout_ms=5000, bootstrap_timeout_ms=3000).list_topics()
        except Exception:
            return
        raise AssertionError("a deleted user logged in")

    check("admin makes a user who logs in, and none after it is deleted", scram_users)
