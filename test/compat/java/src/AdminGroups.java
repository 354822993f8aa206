import java.time.Duration;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

/** Consumer groups, classic and of KIP-848: who is in them, and what they committed. */
class AdminGroups {
  static void add(Map<String, AdminChecks.Check> checks) {
    checks.put("listGroups", AdminGroups::list);
    checks.put("listConsumerGroups", AdminGroups::listConsumer);
    checks.put("describeConsumerGroups", AdminGroups::describe);
    checks.put("describeClassicGroups", AdminGroups::describeClassic);
    checks.put("listConsumerGroupOffsets", AdminGroups::offsets);
    checks.put("alterConsumerGroupOffsets", AdminGroups::alter);
    checks.put("deleteConsumerGroupOffsets", AdminGroups::deleteOffsets);
    checks.put("removeMembersFromConsumerGroup", AdminGroups::remove);
    checks.put("deleteConsumerGroups", AdminGroups::delete);
    checks.put("describeStreamsGroups", facts -> facts.outcome("described", AdminChecks.admin.describeStreamsGroups(List.of("streams")).all()));
    checks.put("listStreamsGroupOffsets", facts -> facts.outcome("listed", AdminChecks.admin.listStreamsGroupOffsets(Map.of("streams", new ListStreamsGroupOffsetsSpec())).all()));
    checks.put("alterStreamsGroupOffsets", facts -> facts.outcome("altered",
        AdminChecks.admin.alterStreamsGroupOffsets("streams", Map.of(new TopicPartition("groups", 0), new OffsetAndMetadata(1))).all()));
    checks.put("deleteStreamsGroupOffsets", facts -> facts.outcome("deleted", AdminChecks.admin.deleteStreamsGroupOffsets("streams", Set.of(new TopicPartition("groups", 0))).all()));
    checks.put("deleteStreamsGroups", facts -> facts.outcome("deleted", AdminChecks.admin.deleteStreamsGroups(List.of("streams")).all()));
  }

  /** A member that holds both partitions of a topic; it is polled by whoever waits. */
  static KafkaConsumer<byte[], byte[]> member(String topic, String groupId, Map<String, Object> more) throws Exception {
    var options = AdminChecks.clientOptions(Map.of("group.id", groupId, "auto.offset.reset", "earliest", "enable.auto.commit", "false", "client.id", "member of " + groupId));
    options.putAll(more);
    var consumer = new KafkaConsumer<>(options, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    consumer.subscribe(List.of(topic));
    long end = System.nanoTime() + 30_000_000_000L;
    while (consumer.assignment().size() < 2) {
      if (System.nanoTime() > end) throw new AssertionError("no partitions");
      consumer.poll(Duration.ofMillis(20));
    }
    return consumer;
  }

  private static final Map<String, Object> MODERN = Map.of("group.protocol", "consumer");
  private static final Map<String, Object> STATIC = Map.of("group.instance.id", "the-one");

  static void list(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("groups", 2, Map.of());
    try (var classic = member("groups", "listed-classic", Map.of()); var modern = member("groups", "listed-modern", MODERN)) {
      var all = AdminChecks.get(AdminChecks.admin.listGroups().all());
      for (var name : List.of("listed-classic", "listed-modern")) {
        var group = all.stream().filter(each -> each.groupId().equals(name)).findFirst().orElseThrow();
        facts.say(name, group.type() + " " + group.protocol() + " " + group.groupState() + " " + group.isSimpleConsumerGroup());
      }
      var options = new LinkedHashMap<String, ListGroupsOptions>();
      options.put("stable", new ListGroupsOptions().inGroupStates(Set.of(GroupState.STABLE)));
      options.put("empty", new ListGroupsOptions().inGroupStates(Set.of(GroupState.EMPTY)));
      options.put("classic", new ListGroupsOptions().withTypes(Set.of(GroupType.CLASSIC)));
      options.put("of KIP-848", new ListGroupsOptions().withTypes(Set.of(GroupType.CONSUMER)));
      options.put("of consumers", ListGroupsOptions.forConsumerGroups());
      options.put("of connectors", new ListGroupsOptions().withProtocolTypes(Set.of("connect")));
      for (var option : options.entrySet()) facts.say(option.getKey(), listed(AdminChecks.admin.listGroups(option.getValue())));
    }
  }

  private static Object listed(ListGroupsResult result) throws Exception {
    return AdminChecks.get(result.all()).stream().map(GroupListing::groupId).filter(name -> name.startsWith("listed-")).sorted().toList();
  }

  @SuppressWarnings("removal")
  static void listConsumer(AdminChecks.Facts facts) throws Exception {
    try (var classic = member("groups", "old-listed", Map.of())) {
      var found = AdminChecks.get(AdminChecks.admin.listConsumerGroups().all()).stream().filter(each -> each.groupId().equals("old-listed")).findFirst().orElseThrow();
      facts.say("listed", found.state() + " " + found.type() + " " + found.isSimpleConsumerGroup());
    }
  }

  static void describe(AdminChecks.Facts facts) throws Exception {
    for (var kind : Map.of("classic", Map.<String, Object>of(), "modern", MODERN).entrySet().stream().sorted(Map.Entry.comparingByKey()).toList()) {
      String name = "described-" + kind.getKey();
      var more = new HashMap<String, Object>(kind.getValue());
      more.putAll(STATIC);
      try (var consumer = member("groups", name, more)) {
        var group = AdminChecks.get(AdminChecks.admin.describeConsumerGroups(List.of(name), new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).all()).get(name);
        facts.say(name, group.type() + " " + group.groupState() + " " + group.partitionAssignor() + " simple " + group.isSimpleConsumerGroup());
        facts.say("operations", new TreeSet<>(group.authorizedOperations()));
        facts.say("coordinator", group.coordinator().id() == AdminTopics.nodeId());
        facts.say("epochs", group.groupEpoch().isPresent() + " " + group.groupEpoch().equals(group.targetAssignmentEpoch()));
        var member = group.members().iterator().next();
        facts.say("member", member.clientId() + " " + member.host() + " " + member.groupInstanceId() + " " + member.upgraded() + " " + member.memberEpoch().isPresent());
        facts.say("has", member.assignment().topicPartitions().stream().map(TopicPartition::toString).sorted().toList());
        facts.say("shall have", member.targetAssignment().map(target -> target.topicPartitions().stream().map(TopicPartition::toString).sorted().toList()));
      }
    }
    facts.outcome("an absent one", AdminChecks.admin.describeConsumerGroups(List.of("absent")).all());
  }

  static void describeClassic(AdminChecks.Facts facts) throws Exception {
    try (var consumer = member("groups", "described-2", STATIC); var modern = member("groups", "described-3", MODERN)) {
      var group = AdminChecks.get(AdminChecks.admin.describeClassicGroups(List.of("described-2"), new DescribeClassicGroupsOptions().includeAuthorizedOperations(true)).all()).get("described-2");
      facts.say("group", group.state() + " " + group.protocol() + " " + group.protocolData() + " simple " + group.isSimpleConsumerGroup());
      facts.say("operations", new TreeSet<>(group.authorizedOperations()));
      var member = group.members().iterator().next();
      facts.say("member", member.clientId() + " " + member.host() + " " + member.groupInstanceId() + " " + member.assignment().topicPartitions().stream().map(TopicPartition::toString).sorted().toList());
      facts.outcome("one of KIP-848", AdminChecks.admin.describeClassicGroups(List.of("described-3")).all());
    }
    facts.outcome("an absent one", AdminChecks.admin.describeClassicGroups(List.of("absent")).all());
  }

  private static void commit(String groupId, Map<TopicPartition, OffsetAndMetadata> offsets) throws Exception {
    AdminChecks.get(AdminChecks.admin.alterConsumerGroupOffsets(groupId, offsets).all());
  }

  private static Object committed(String groupId) throws Exception {
    var found = AdminChecks.get(AdminChecks.admin.listConsumerGroupOffsets(groupId).partitionsToOffsetAndMetadata());
    return found.entrySet().stream().map(each -> each.getKey() + "=" + (each.getValue() == null ? "none" : each.getValue().offset() + " " + each.getValue().metadata() + " " + each.getValue().leaderEpoch())).sorted().toList();
  }

  static void offsets(AdminChecks.Facts facts) throws Exception {
    var zero = new TopicPartition("groups", 0);
    var one = new TopicPartition("groups", 1);
    commit("offsets-1", Map.of(zero, new OffsetAndMetadata(5, Optional.of(0), "where I was")));
    commit("offsets-2", Map.of(zero, new OffsetAndMetadata(6), one, new OffsetAndMetadata(7)));
    facts.say("all of one", committed("offsets-1"));
    var specs = Map.of("offsets-1", new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(one)), "offsets-2", new ListConsumerGroupOffsetsSpec(), "absent", new ListConsumerGroupOffsetsSpec());
    var many = AdminChecks.admin.listConsumerGroupOffsets(specs, new ListConsumerGroupOffsetsOptions().requireStable(true));
    facts.say("one that is not committed", AdminChecks.get(many.partitionsToOffsetAndMetadata("offsets-1")).get(one));
    facts.say("of many", AdminChecks.get(many.partitionsToOffsetAndMetadata("offsets-2")).size());
    facts.say("of an absent group", AdminChecks.get(many.partitionsToOffsetAndMetadata("absent")));
  }

  static void alter(AdminChecks.Facts facts) throws Exception {
    var place = new TopicPartition("groups", 0);
    facts.outcome("of a group that was not", AdminChecks.admin.alterConsumerGroupOffsets("altered", Map.of(place, new OffsetAndMetadata(1))).all());
    facts.say("committed", committed("altered"));
    facts.outcome("of an absent topic", AdminChecks.admin.alterConsumerGroupOffsets("altered", Map.of(new TopicPartition("absent", 0), new OffsetAndMetadata(1))).all());
    facts.outcome("of an absent partition", AdminChecks.admin.alterConsumerGroupOffsets("altered", Map.of(new TopicPartition("groups", 9), new OffsetAndMetadata(1))).all());
    facts.outcome("long metadata", AdminChecks.admin.alterConsumerGroupOffsets("altered", Map.of(place, new OffsetAndMetadata(1, "m".repeat(5000)))).all());
    for (var kind : Map.of("classic", Map.<String, Object>of(), "modern", MODERN).entrySet().stream().sorted(Map.Entry.comparingByKey()).toList()) {
      try (var consumer = member("groups", "altered-" + kind.getKey(), kind.getValue())) {
        facts.outcome(kind.getKey() + ", with a member", AdminChecks.admin.alterConsumerGroupOffsets("altered-" + kind.getKey(), Map.of(place, new OffsetAndMetadata(1))).all());
      }
      facts.outcome(kind.getKey() + ", its member left", AdminChecks.admin.alterConsumerGroupOffsets("altered-" + kind.getKey(), Map.of(place, new OffsetAndMetadata(1))).all());
    }
  }

  static void deleteOffsets(AdminChecks.Facts facts) throws Exception {
    var zero = new TopicPartition("groups", 0);
    var one = new TopicPartition("groups", 1);
    commit("forgets", Map.of(zero, new OffsetAndMetadata(5), one, new OffsetAndMetadata(6)));
    facts.outcome("one", AdminChecks.admin.deleteConsumerGroupOffsets("forgets", Set.of(zero)).all());
    facts.say("left", committed("forgets"));
    facts.outcome("of an absent topic", AdminChecks.admin.deleteConsumerGroupOffsets("forgets", Set.of(new TopicPartition("absent", 0))).all());
    facts.outcome("of an absent group", AdminChecks.admin.deleteConsumerGroupOffsets("absent", Set.of(zero)).all());
    AdminChecks.topic("other-groups", 2, Map.of());
    try (var consumer = member("groups", "forgets", Map.of())) {
      facts.outcome("of a topic that is read", AdminChecks.admin.deleteConsumerGroupOffsets("forgets", Set.of(one)).all());
    }
    facts.outcome("of a topic that is read no more", AdminChecks.admin.deleteConsumerGroupOffsets("forgets", Set.of(one)).all());
  }

  static void remove(AdminChecks.Facts facts) throws Exception {
    for (var kind : Map.of("classic", Map.<String, Object>of(), "modern", MODERN).entrySet().stream().sorted(Map.Entry.comparingByKey()).toList()) {
      String name = "removes-" + kind.getKey();
      var more = new HashMap<String, Object>(kind.getValue());
      more.putAll(STATIC);
      try (var consumer = member("groups", name, more)) {
        facts.outcome(kind.getKey() + ", one that is not", AdminChecks.admin.removeMembersFromConsumerGroup(name, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("nobody")))).all());
        facts.outcome(kind.getKey() + ", one", AdminChecks.admin.removeMembersFromConsumerGroup(name, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("the-one")))).all());
        facts.say(kind.getKey() + ", then", AdminChecks.get(AdminChecks.admin.describeConsumerGroups(List.of(name)).all()).get(name).groupState());
      }
      try (var consumer = member("groups", name + "-all", kind.getValue())) {
        facts.outcome(kind.getKey() + ", all", AdminChecks.admin.removeMembersFromConsumerGroup(name + "-all", new RemoveMembersFromConsumerGroupOptions()).all());
        facts.say(kind.getKey() + ", then", AdminChecks.get(AdminChecks.admin.describeConsumerGroups(List.of(name + "-all")).all()).get(name + "-all").groupState());
      }
    }
  }

  static void delete(AdminChecks.Facts facts) throws Exception {
    commit("deleted", Map.of(new TopicPartition("groups", 0), new OffsetAndMetadata(5)));
    facts.outcome("with offsets alone", AdminChecks.admin.deleteConsumerGroups(List.of("deleted")).all());
    facts.say("offsets then", committed("deleted"));
    facts.outcome("again", AdminChecks.admin.deleteConsumerGroups(List.of("deleted")).all());
    for (var kind : Map.of("classic", Map.<String, Object>of(), "modern", MODERN).entrySet().stream().sorted(Map.Entry.comparingByKey()).toList()) {
      String name = "deleted-" + kind.getKey();
      try (var consumer = member("groups", name, kind.getValue())) {
        facts.outcome(kind.getKey() + ", with a member", AdminChecks.admin.deleteConsumerGroups(List.of(name)).all());
      }
      facts.outcome(kind.getKey() + ", its member left", AdminChecks.admin.deleteConsumerGroups(List.of(name)).all());
    }
  }
}
