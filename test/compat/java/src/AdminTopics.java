import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;

/** Topics, partitions, records, leaders. */
class AdminTopics {
  static void add(Map<String, AdminChecks.Check> checks) {
    checks.put("createTopics", AdminTopics::create);
    checks.put("listTopics", AdminTopics::list);
    checks.put("describeTopics", AdminTopics::describe);
    checks.put("createPartitions", AdminTopics::grow);
    checks.put("listOffsets", AdminTopics::offsets);
    checks.put("deleteRecords", AdminTopics::deleteRecords);
    checks.put("electLeaders", AdminTopics::elect);
    checks.put("listPartitionReassignments", AdminTopics::reassignments);
    checks.put("alterPartitionReassignments", AdminTopics::reassign);
    checks.put("describeReplicaLogDirs", AdminTopics::replicaDirs);
    checks.put("alterReplicaLogDirs", AdminTopics::moveDirs);
    checks.put("describeLogDirs", AdminTopics::dirs);
    checks.put("deleteTopics", AdminTopics::delete);
  }

  static void create(AdminChecks.Facts facts) throws Exception {
    var admin = AdminChecks.admin;
    var made = admin.createTopics(List.of(new NewTopic("create", 3, (short) 1).configs(Map.of("retention.ms", "1000000", "cleanup.policy", "delete"))));
    facts.outcome("made", made.all());
    facts.say("partitions", AdminChecks.get(made.numPartitions("create")));
    facts.say("replicas", AdminChecks.get(made.replicationFactor("create")));
    facts.say("has an id", !AdminChecks.get(made.topicId("create")).equals(Uuid.ZERO_UUID));
    var config = AdminChecks.get(made.config("create"));
    for (var name : List.of("retention.ms", "cleanup.policy", "max.message.bytes")) {
      facts.say(name, config.get(name).value() + " " + config.get(name).source() + " " + config.get(name).isReadOnly());
    }
    var defaults = admin.createTopics(List.of(new NewTopic("create-defaults", Optional.empty(), Optional.empty())));
    facts.say("default partitions", AdminChecks.get(defaults.numPartitions("create-defaults")));
    var assigned = admin.createTopics(List.of(new NewTopic("create-assigned", Map.of(0, List.of(nodeId()), 1, List.of(nodeId())))));
    facts.outcome("assigned by hand", assigned.all());
    facts.say("its partitions", AdminChecks.get(assigned.numPartitions("create-assigned")));
    facts.outcome("assigned to a broker that is not", admin.createTopics(List.of(new NewTopic("nowhere", Map.of(0, List.of(4711))))).all());
    facts.outcome("assigned with a hole", admin.createTopics(List.of(new NewTopic("hole", Map.of(1, List.of(nodeId()))))).all());
    AdminChecks.awaitTopic("create", 3);
    facts.outcome("the same again", admin.createTopics(List.of(new NewTopic("create", 3, (short) 1))).all());
    facts.outcome("a name with a space", admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all());
    facts.outcome("a name of 250", admin.createTopics(List.of(new NewTopic("x".repeat(250), 1, (short) 1))).all());
    facts.outcome("no partitions", admin.createTopics(List.of(new NewTopic("none", 0, (short) 1))).all());
    facts.outcome("three replicas", admin.createTopics(List.of(new NewTopic("three", 1, (short) 3))).all());
    facts.outcome("an unknown config", admin.createTopics(List.of(new NewTopic("unknown", 1, (short) 1).configs(Map.of("no.such", "1")))).all());
    facts.outcome("a bad value", admin.createTopics(List.of(new NewTopic("bad", 1, (short) 1).configs(Map.of("retention.ms", "soon")))).all());
    var only = new CreateTopicsOptions().validateOnly(true);
    facts.outcome("validated only", admin.createTopics(List.of(new NewTopic("validated", 1, (short) 1)), only).all());
    facts.outcome("validated only, in vain", admin.createTopics(List.of(new NewTopic("create", 1, (short) 1)), only).all());
    facts.say("not made", !AdminChecks.get(admin.listTopics().names()).contains("validated"));
    var some = admin.createTopics(List.of(new NewTopic("some-good", 1, (short) 1), new NewTopic("some bad", 1, (short) 1))).values();
    facts.outcome("the good of two", some.get("some-good"));
    facts.outcome("the bad of two", some.get("some bad"));
  }

  static int nodeId() throws Exception {
    return AdminChecks.get(AdminChecks.admin.describeCluster().nodes()).iterator().next().id();
  }

  static void list(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("list", 1, Map.of());
    facts.say("named", AdminChecks.get(AdminChecks.admin.listTopics().names()).contains("list"));
    var listing = AdminChecks.get(AdminChecks.admin.listTopics().namesToListings()).get("list");
    facts.say("internal", listing.isInternal());
    facts.say("the id is that described", listing.topicId().equals(AdminChecks.get(AdminChecks.admin.describeTopics(List.of("list")).allTopicNames()).get("list").topicId()));
    facts.say("none is internal unless asked", AdminChecks.get(AdminChecks.admin.listTopics().listings()).stream().noneMatch(TopicListing::isInternal));
    facts.outcome("internal ones too", AdminChecks.admin.listTopics(new ListTopicsOptions().listInternal(true)).names());
  }

  static void describe(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("describe", 5, Map.of());
    var options = new DescribeTopicsOptions().includeAuthorizedOperations(true).partitionSizeLimitPerResponse(2);
    var described = AdminChecks.get(AdminChecks.admin.describeTopics(List.of("describe"), options).allTopicNames()).get("describe");
    facts.say("partitions, two an answer", described.partitions().stream().map(TopicPartitionInfo::partition).toList());
    facts.say("replicas", described.partitions().stream().map(partition -> partition.replicas().size()).toList());
    facts.say("in sync", described.partitions().stream().map(partition -> partition.isr().size()).toList());
    facts.say("eligible", described.partitions().stream().map(TopicPartitionInfo::elr).toList());
    facts.say("operations", new TreeSet<>(described.authorizedOperations()));
    facts.say("internal", described.isInternal());
    facts.say("unasked operations", AdminChecks.get(AdminChecks.admin.describeTopics(List.of("describe")).allTopicNames()).get("describe").authorizedOperations());
    var byId = AdminChecks.admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId())));
    facts.say("by id", AdminChecks.get(byId.allTopicIds()).get(described.topicId()).name());
    facts.outcome("an absent one", AdminChecks.admin.describeTopics(List.of("absent")).allTopicNames());
    facts.outcome("an absent id", AdminChecks.admin.describeTopics(TopicCollection.ofTopicIds(List.of(new Uuid(1, 2)))).allTopicIds());
    facts.outcome("no name", AdminChecks.admin.describeTopics(List.of("")).allTopicNames());
    var many = AdminChecks.admin.describeTopics(List.of("describe", "absent")).topicNameValues();
    facts.outcome("the present of two", many.get("describe"));
    facts.outcome("the absent of two", many.get("absent"));
  }

  static void grow(AdminChecks.Facts facts) throws Exception {
    var admin = AdminChecks.admin;
    AdminChecks.topic("grow", 2, Map.of());
    facts.outcome("validated only", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(4)), new CreatePartitionsOptions().validateOnly(true)).all());
    facts.outcome("to 4", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(4))).all());
    AdminChecks.awaitTopic("grow", 4);
    facts.outcome("to 4 again", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(4))).all());
    facts.outcome("to 3", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(3))).all());
    facts.outcome("to 0", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(0))).all());
    facts.outcome("with an assignment", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(5, List.of(List.of(nodeId()))))).all());
    facts.outcome("with too few assignments", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(8, List.of(List.of(nodeId()))))).all());
    facts.outcome("to a broker that is not", admin.createPartitions(Map.of("grow", NewPartitions.increaseTo(6, List.of(List.of(4711))))).all());
    facts.outcome("of an absent topic", admin.createPartitions(Map.of("absent", NewPartitions.increaseTo(6))).all());
    AdminChecks.awaitTopic("grow", 5);
  }

  /** 20 records, a second apart, in batches of their own. */
  private static long fill(String topic) throws Exception {
    long from = System.currentTimeMillis() - 3_600_000;
    try (var producer = new KafkaProducer<String, String>(AdminChecks.clientOptions(Map.of(
        "key.serializer", "org.apache.kafka.common.serialization.StringSerializer", "value.serializer", "org.apache.kafka.common.serialization.StringSerializer")))) {
      for (int n = 0; n < 20; n++) producer.send(new ProducerRecord<>(topic, 0, from + n * 1000L, "key", "" + n)).get();
    }
    return from;
  }

  private static String offset(String topic, OffsetSpec spec, ListOffsetsOptions options) {
    var place = new TopicPartition(topic, 0);
    var future = AdminChecks.admin.listOffsets(Map.of(place, spec), options).partitionResult(place);
    var failed = AdminChecks.error(future);
    if (failed.isPresent()) return AdminChecks.Facts.named(failed.get());
    try {
      return "" + future.get().offset() + (future.get().timestamp() == -1 ? "" : " with its time");
    } catch (Exception never) {
      throw new AssertionError(never);
    }
  }

  static void offsets(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("offsets", 1, Map.of());
    long from = fill("offsets");
    var specs = new LinkedHashMap<String, OffsetSpec>();
    specs.put("earliest", OffsetSpec.earliest());
    specs.put("latest", OffsetSpec.latest());
    specs.put("largest time", OffsetSpec.maxTimestamp());
    specs.put("earliest local", OffsetSpec.earliestLocal());
    specs.put("latest tiered", OffsetSpec.latestTiered());
    specs.put("at a time", OffsetSpec.forTimestamp(from + 7_500));
    specs.put("before all", OffsetSpec.forTimestamp(from - 1));
    specs.put("after all", OffsetSpec.forTimestamp(from + 1_000_000));
    for (var level : IsolationLevel.values()) {
      for (var spec : specs.entrySet()) facts.say(level + " " + spec.getKey(), offset("offsets", spec.getValue(), new ListOffsetsOptions(level)));
    }
    facts.say("of no such topic", offset("absent", OffsetSpec.latest(), new ListOffsetsOptions().timeoutMs(700)));
  }

  static void deleteRecords(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("delete-records", 2, Map.of());
    fill("delete-records");
    var place = new TopicPartition("delete-records", 0);
    for (long before : List.of(5L, 5L, 3L, 21L, -1L, 0L)) {
      var result = AdminChecks.admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(before))).lowWatermarks().get(place);
      var failed = AdminChecks.error(result);
      facts.say("before " + before, failed.isPresent() ? AdminChecks.Facts.named(failed.get()) : AdminChecks.get(result).lowWatermark());
    }
    facts.say("earliest", offset("delete-records", OffsetSpec.earliest(), new ListOffsetsOptions()));
    facts.outcome("of an absent topic", AdminChecks.admin.deleteRecords(Map.of(new TopicPartition("absent", 0), RecordsToDelete.beforeOffset(1)), new DeleteRecordsOptions().timeoutMs(700)).all());
    facts.outcome("of an absent partition", AdminChecks.admin.deleteRecords(Map.of(new TopicPartition("delete-records", 9), RecordsToDelete.beforeOffset(1)), new DeleteRecordsOptions().timeoutMs(700)).all());
    AdminChecks.topic("delete-compacted", 1, Map.of("cleanup.policy", "compact"));
    fill("delete-compacted");
    facts.outcome("of a compacted topic", AdminChecks.admin.deleteRecords(Map.of(new TopicPartition("delete-compacted", 0), RecordsToDelete.beforeOffset(1))).all());
  }

  static void elect(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("elect", 2, Map.of());
    for (var type : ElectionType.values()) {
      facts.say(type + " of one", elected(type, Set.of(new TopicPartition("elect", 0))));
      facts.say(type + " of absent ones", elected(type, Set.of(new TopicPartition("elect", 9), new TopicPartition("absent", 0))));
      facts.outcome(type + " of all", AdminChecks.admin.electLeaders(type, null).all());
    }
  }

  private static Object elected(ElectionType type, Set<TopicPartition> places) throws Exception {
    var found = new TreeMap<String, String>();
    for (var one : AdminChecks.get(AdminChecks.admin.electLeaders(type, places).partitions()).entrySet()) {
      found.put(one.getKey().toString(), one.getValue().map(AdminChecks.Facts::named).orElse("elected"));
    }
    return found;
  }

  static void reassignments(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("reassignments", 1, Map.of());
    facts.say("all", AdminChecks.get(AdminChecks.admin.listPartitionReassignments().reassignments()));
    facts.say("of one", AdminChecks.get(AdminChecks.admin.listPartitionReassignments(Set.of(new TopicPartition("reassignments", 0))).reassignments()));
    facts.outcome("of an absent topic", AdminChecks.admin.listPartitionReassignments(Set.of(new TopicPartition("absent", 0))).reassignments());
    facts.outcome("of an absent partition", AdminChecks.admin.listPartitionReassignments(Set.of(new TopicPartition("reassignments", 7))).reassignments());
  }

  static void reassign(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("reassign", 1, Map.of());
    var place = new TopicPartition("reassign", 0);
    facts.outcome("to where it is", AdminChecks.admin.alterPartitionReassignments(Map.of(place, Optional.of(new NewPartitionReassignment(List.of(nodeId()))))).all());
    facts.outcome("cancelled", AdminChecks.admin.alterPartitionReassignments(Map.of(place, Optional.empty())).all());
  }

  static void dirs(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("dirs", 2, Map.of());
    fill("dirs");
    var found = AdminChecks.get(AdminChecks.admin.describeLogDirs(List.of(nodeId())).allDescriptions());
    facts.say("brokers", found.size());
    var dirs = found.values().iterator().next();
    facts.say("directories", dirs.size());
    var dir = dirs.values().iterator().next();
    facts.say("error", dir.error());
    facts.say("space is known", dir.totalBytes().isPresent() && dir.usableBytes().isPresent() && dir.totalBytes().getAsLong() > dir.usableBytes().getAsLong());
    for (var place : AdminChecks.partitions("dirs", 2)) {
      var replica = dir.replicaInfos().get(place);
      facts.say(place.toString(), (replica.size() > 0 ? "has bytes" : "empty") + ", lag " + replica.offsetLag() + ", future " + replica.isFuture());
    }
    facts.outcome("of a broker that is not", AdminChecks.admin.describeLogDirs(List.of(4711), new DescribeLogDirsOptions().timeoutMs(700)).allDescriptions());
  }

  static void replicaDirs(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("replica-dirs", 1, Map.of());
    var here = new TopicPartitionReplica("replica-dirs", 0, nodeId());
    var absent = new TopicPartitionReplica("absent", 0, nodeId());
    var found = AdminChecks.get(AdminChecks.admin.describeReplicaLogDirs(List.of(here, absent)).all());
    facts.say("is somewhere", found.get(here).getCurrentReplicaLogDir() != null);
    facts.say("where the broker says", AdminChecks.get(AdminChecks.admin.describeLogDirs(List.of(nodeId())).allDescriptions()).get(nodeId()).containsKey(found.get(here).getCurrentReplicaLogDir()));
    facts.say("lag", found.get(here).getCurrentReplicaOffsetLag());
    facts.say("moves to", found.get(here).getFutureReplicaLogDir() + " " + found.get(here).getFutureReplicaOffsetLag());
    facts.say("an absent one", found.get(absent).getCurrentReplicaLogDir() + " " + found.get(absent).getCurrentReplicaOffsetLag());
  }

  static void moveDirs(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("move-dirs", 1, Map.of());
    facts.outcome("to a directory that is not", AdminChecks.admin.alterReplicaLogDirs(Map.of(new TopicPartitionReplica("move-dirs", 0, nodeId()), "/no/such/place")).all());
  }

  static void delete(AdminChecks.Facts facts) throws Exception {
    var admin = AdminChecks.admin;
    AdminChecks.topic("delete-one", 1, Map.of());
    AdminChecks.topic("delete-two", 1, Map.of());
    var id = AdminChecks.get(admin.describeTopics(List.of("delete-two")).allTopicNames()).get("delete-two").topicId();
    facts.outcome("by name", admin.deleteTopics(List.of("delete-one")).all());
    facts.outcome("by id", admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
    AdminChecks.until("both are gone", () -> Collections.disjoint(AdminChecks.get(admin.listTopics().names()), Set.of("delete-one", "delete-two")));
    facts.outcome("by name again", admin.deleteTopics(List.of("delete-one")).all());
    facts.outcome("by id again", admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
    facts.outcome("no name", admin.deleteTopics(List.of("")).all());
    AdminChecks.topic("delete-one", 2, Map.of());
    facts.say("made again, with no records", offset("delete-one", OffsetSpec.latest(), new ListOffsetsOptions()));
    facts.outcome("its configs", admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.TOPIC, "delete-one"))).all());
  }
}
