import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.token.delegation.DelegationToken;

/** Kafka's own client through the APIs whose frames are recorded. Arguments: bootstrap servers, topic prefix, plain|sasl. */
public class JavaClient {
    interface Call { Object run() throws Exception; }

    static void attempt(Call call) {
        try {
            call.run();
        } catch (Exception error) {
            System.out.println("answered: " + error.getMessage());
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, Object> common = new HashMap<>();
        common.put("bootstrap.servers", args[0]);
        common.put("client.id", "golden");
        String prefix = args[1];
        boolean sasl = !args[2].equals("plain");
        if (sasl) {
            common.put("security.protocol", "SASL_PLAINTEXT");
            common.put("sasl.mechanism", "PLAIN");
            common.put("sasl.jaas.config", "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\" password=\"wonderland\";");
        }
        try (Admin admin = Admin.create(common)) {
            attempt(() -> admin.describeCluster().nodes().get());
            if (sasl) {
                secure(admin);
                return;
            }
            String topic = prefix + "-orders";
            TopicPartition first = new TopicPartition(topic, 0);
            List<NewTopic> topics = new ArrayList<>(List.of(new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "3600000"))));
            List<String> codecs = List.of("none", "gzip", "snappy", "lz4", "zstd");
            for (String codec : codecs) topics.add(new NewTopic(prefix + "-golden-" + codec, 1, (short) 1));
            attempt(() -> admin.createTopics(topics).all().get());
            attempt(() -> admin.createTopics(topics.subList(0, 1)).all().get());
            for (String codec : codecs) produceGolden(common, prefix + "-golden-" + codec, codec);
            try (Producer<byte[], byte[]> producer = producer(common, Map.of())) {
                for (int i = 0; i < 4; i++) producer.send(new ProducerRecord<>(topic, i % 2, ("k" + i).getBytes(), "v".getBytes())).get();
            }
            transactions(common, admin, topic, prefix);
            for (String instance : Arrays.asList(null, "static-1")) consume(common, admin, prefix + "-group", topic, instance);
            for (String instance : Arrays.asList(null, "static-1")) consumeByNewProtocol(common, admin, prefix + "-new-group", topic, instance);
            share(common, admin, prefix + "-share-group", topic);
            attempt(() -> admin.listTopics().names().get());
            attempt(() -> admin.listGroups().all().get());
            attempt(() -> admin.describeConsumerGroups(List.of(prefix + "-group")).all().get());
            attempt(() -> admin.describeClassicGroups(List.of(prefix + "-group")).all().get());
            attempt(() -> admin.listConsumerGroupOffsets(prefix + "-group").partitionsToOffsetAndMetadata().get());
            attempt(() -> admin.alterConsumerGroupOffsets(prefix + "-other", Map.of(first, new OffsetAndMetadata(1, "a note"))).all().get());
            attempt(() -> admin.deleteConsumerGroupOffsets(prefix + "-other", Set.of(first)).all().get());
            attempt(() -> admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.TOPIC, topic)), new DescribeConfigsOptions().includeSynonyms(false)).all().get());
            AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET);
            AlterConfigOp append = new AlterConfigOp(new ConfigEntry("cleanup.policy", "delete"), AlterConfigOp.OpType.APPEND);
            attempt(() -> admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), List.of(set, append))).all().get());
            attempt(() -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get());
            for (OffsetSpec spec : List.of(OffsetSpec.latest(), OffsetSpec.maxTimestamp(), OffsetSpec.forTimestamp(Long.MAX_VALUE)))
                attempt(() -> admin.listOffsets(Map.of(first, spec)).all().get());
            attempt(() -> admin.deleteRecords(Map.of(first, RecordsToDelete.beforeOffset(1))).all().get());
            ScramCredentialInfo scram = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096);
            attempt(() -> admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion("carol", scram, "secret"))).all().get());
            attempt(() -> admin.describeUserScramCredentials(List.of("carol", "nobody")).all().get());
            attempt(() -> admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion("carol", ScramMechanism.SCRAM_SHA_512))).all().get());
            attempt(() -> admin.removeMembersFromConsumerGroup(prefix + "-group", new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("static-1")))).all().get());
            attempt(() -> admin.deleteConsumerGroups(List.of(prefix + "-other", "no-such-group")).all().get());
            attempt(() -> admin.describeTopics(List.of(topic, "no-such-topic")).allTopicNames().get());
            attempt(() -> admin.describeLogDirs(List.of(1)).allDescriptions().get());
            attempt(() -> admin.describeLogDirs(List.of(0)).allDescriptions().get());
            attempt(() -> admin.electLeaders(org.apache.kafka.common.ElectionType.PREFERRED, Set.of(first)).all().get());
            attempt(() -> admin.listPartitionReassignments(Set.of(first)).reassignments().get());
            attempt(() -> admin.describeMetadataQuorum().quorumInfo().get());
            attempt(() -> admin.updateFeatures(Map.of("no.such.feature", new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions().validateOnly(true)).all().get());
            attempt(() -> admin.describeProducers(List.of(first)).all().get());
            attempt(() -> admin.listConfigResources(Set.of(ConfigResource.Type.TOPIC), new ListConfigResourcesOptions()).all().get());
            ClientQuotaEntity entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, "alice", ClientQuotaEntity.CLIENT_ID, "c"));
            attempt(() -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1e6))))).all().get());
            attempt(() -> admin.describeClientQuotas(ClientQuotaFilter.contains(List.of(ClientQuotaFilterComponent.ofEntityType(ClientQuotaEntity.USER)))).entities().get());
            attempt(() -> admin.deleteTopics(List.of(topic, "no-such-topic")).all().get());
        }
    }

    /** Rights and delegation tokens: only a broker with an authorizer and logins has them. */
    static void secure(Admin admin) throws Exception {
        AclBinding allow = new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, "orders", PatternType.PREFIXED),
            new AccessControlEntry("User:carol", "*", AclOperation.READ, AclPermissionType.ALLOW));
        AclBinding deny = new AclBinding(
            new ResourcePattern(ResourceType.USER, "User:carol", PatternType.LITERAL),
            new AccessControlEntry("User:*", "10.1.2.3", AclOperation.CREATE_TOKENS, AclPermissionType.DENY));
        AclBinding wrong = new AclBinding(
            new ResourcePattern(ResourceType.CLUSTER, "other", PatternType.LITERAL),
            new AccessControlEntry("User:*", "*", AclOperation.ALTER, AclPermissionType.ALLOW));
        attempt(() -> admin.createAcls(List.of(allow, deny, wrong)).all().get());
        attempt(() -> admin.describeAcls(AclBindingFilter.ANY).values().get());
        attempt(() -> admin.deleteAcls(List.of(allow.toFilter(), AclBindingFilter.ANY)).all().get());
        KafkaPrincipal carol = new KafkaPrincipal("User", "carol");
        DelegationToken token = admin.createDelegationToken(
            new CreateDelegationTokenOptions().owner(carol).renewers(List.of(carol, new KafkaPrincipal("User", "alice"))).maxLifetimeMs(3_600_000)).delegationToken().get();
        // The broker knows it a moment after the controller has answered.
        DescribeDelegationTokenOptions ofCarol = new DescribeDelegationTokenOptions().owners(List.of(carol));
        for (int i = 0; i < 100 && admin.describeDelegationToken(ofCarol).delegationTokens().get().isEmpty(); i++) Thread.sleep(50);
        attempt(() -> admin.renewDelegationToken(token.hmac(), new RenewDelegationTokenOptions().renewTimePeriodMs(60_000)).expiryTimestamp().get());
        attempt(() -> admin.expireDelegationToken(token.hmac(), new ExpireDelegationTokenOptions().expiryTimePeriodMs(-1)).expiryTimestamp().get());
    }

    static Producer<byte[], byte[]> producer(Map<String, Object> common, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(common);
        settings.putAll(more);
        var serializer = new org.apache.kafka.common.serialization.ByteArraySerializer();
        return new KafkaProducer<>(settings, serializer, serializer);
    }

    /** One transaction that commits records and an offset, one that aborts, and what the admin client asks of them. */
    static void transactions(Map<String, Object> common, Admin admin, String topic, String prefix) {
        try (Producer<byte[], byte[]> producer = producer(common, Map.of("transactional.id", prefix + "-txn"))) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, "k".getBytes(), "committed".getBytes()));
            producer.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1)), new ConsumerGroupMetadata(prefix + "-txn-group"));
            attempt(() -> admin.describeTransactions(List.of(prefix + "-txn", "nobody")).all().get());
            attempt(() -> admin.listTransactions().all().get());
            producer.commitTransaction();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 1, "k".getBytes(), "aborted".getBytes()));
            producer.abortTransaction();
        }
    }

    static void produceGolden(Map<String, Object> common, String topic, String codec) {
        try (Producer<byte[], byte[]> producer = producer(common, Map.of("compression.type", codec, "linger.ms", 500))) {
            for (int i = 0; i < 10; i++) {
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, null, 1700000000000L + i, ("key-" + i).getBytes(), ("value " + i + " " + "abc".repeat(30)).getBytes());
                record.headers().add("origin", "golden".getBytes());
                producer.send(record);
            }
        }
    }

    /** KIP-848: joins by an expression or by a name, commits, is described, leaves. */
    static void consumeByNewProtocol(Map<String, Object> common, Admin admin, String group, String topic, String instance) {
        Map<String, Object> settings = new HashMap<>(common);
        settings.putAll(Map.of("group.id", group, "group.protocol", "consumer", "auto.offset.reset", "earliest", "enable.auto.commit", false));
        if (instance != null) settings.put("group.instance.id", instance);
        var deserializer = new org.apache.kafka.common.serialization.ByteArrayDeserializer();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, deserializer, deserializer)) {
            if (instance == null) consumer.subscribe(new SubscriptionPattern(topic.substring(0, topic.length() - 1) + "."));
            else consumer.subscribe(List.of(topic));
            int read = 0;
            for (int i = 0; i < 30 && read < 1; i++) read += consumer.poll(Duration.ofMillis(500)).count();
            consumer.commitSync();
            attempt(() -> admin.describeConsumerGroups(List.of(group, "no-such-group")).all().get());
            attempt(() -> consumer.committed(Set.of(new TopicPartition(topic, 0))));
        }
    }

    /** KIP-932: reads, accepts, rejects and releases; then its group is described, altered and deleted. */
    static void share(Map<String, Object> common, Admin admin, String group, String topic) {
        AlterConfigOp earliest = new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET);
        attempt(() -> admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, group), List.of(earliest))).all().get());
        Map<String, Object> settings = new HashMap<>(common);
        settings.putAll(Map.of("group.id", group, "share.acknowledgement.mode", "explicit", "client.rack", "r1"));
        var deserializer = new org.apache.kafka.common.serialization.ByteArrayDeserializer();
        TopicPartition first = new TopicPartition(topic, 0);
        AcknowledgeType[] types = { AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT };
        try (ShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(settings, deserializer, deserializer)) {
            consumer.subscribe(List.of(topic));
            int read = 0;
            for (int i = 0; i < 40 && read < 4; i++) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) consumer.acknowledge(record, types[read++ % types.length]);
                if (i % 2 == 0) consumer.commitSync();
            }
            attempt(() -> admin.describeShareGroups(List.of(group, "no-such-group"), new DescribeShareGroupsOptions().includeAuthorizedOperations(true)).all().get());
            attempt(() -> admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).all().get());
        }
        attempt(() -> admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec().topicPartitions(List.of(first)))).all().get());
        attempt(() -> admin.alterShareGroupOffsets(group, Map.of(first, 1L)).all().get());
        attempt(() -> admin.deleteShareGroupOffsets(group, Set.of(topic, "no-such-topic")).all().get());
        attempt(() -> admin.deleteShareGroups(List.of(group)).all().get());
    }

    static void consume(Map<String, Object> common, Admin admin, String group, String topic, String instance) {
        Map<String, Object> settings = new HashMap<>(common);
        settings.putAll(Map.of("group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit", false, "heartbeat.interval.ms", 300));
        if (instance != null) settings.put("group.instance.id", instance);
        else settings.put("isolation.level", "read_committed");
        var deserializer = new org.apache.kafka.common.serialization.ByteArrayDeserializer();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, deserializer, deserializer)) {
            consumer.subscribe(List.of(topic));
            int read = 0;
            for (int i = 0; i < 20 && read < 4; i++) read += consumer.poll(Duration.ofMillis(instance == null ? 500 : 100)).count();
            consumer.commitSync();
            attempt(() -> admin.describeConsumerGroups(List.of(group)).all().get());
            attempt(() -> consumer.offsetsForTimes(Map.of(new TopicPartition(topic, 0), 1000L)));
            attempt(() -> consumer.committed(Set.of(new TopicPartition(topic, 0))));
            consumer.seek(new TopicPartition(topic, 0), new OffsetAndMetadata(0, Optional.of(0), ""));
            consumer.poll(Duration.ofMillis(500));
        }
    }
}
