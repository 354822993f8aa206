import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * Checks of KIP-848 with Java's own consumers (group.protocol=consumer), compiled once and run with kafka-clients 4.1.2 and
 * 4.4.0. Arguments: HOST:PORT, and part of the name of the only check wanted. Each check prints one JSON line.
 */
public class ConsumerProtocol {
  static String only;
  static final long PATIENCE_MS = 45_000;

  public static void main(String[] args) throws Exception {
    Compat.bootstrap = args[0];
    only = args.length > 1 ? args[1] : "";
    Compat.admin = Admin.create(Map.of("bootstrap.servers", args[0], "request.timeout.ms", "10000", "default.api.timeout.ms", "15000"));
    for (String assignor : List.of("uniform", "range")) {
      check("three consumers come and go, " + assignor + ": every record once", () -> comeAndGo(assignor));
    }
    check("a regular expression finds topics, also those made later", ConsumerProtocol::regex);
    check("an expression that is none is refused", ConsumerProtocol::badRegex);
    check("partitions that are added are consumed", ConsumerProtocol::growth);
    check("a static member that restarts keeps its partitions and its place", ConsumerProtocol::staticMember);
    check("a second holder of an instance id is refused", ConsumerProtocol::twoHolders);
    check("a group goes from the classic protocol to the new one and back, live", ConsumerProtocol::migration);
    check("admin sees and changes groups of the new protocol", ConsumerProtocol::administration);
    Compat.admin.close(Duration.ofSeconds(5));
    System.exit(0);
  }

  static void check(String name, Compat.Check check) {
    if (name.contains(only)) Compat.check(name, check);
  }

  /** A consumer in a thread of its own; what it read, and what it holds. */
  static class Member implements AutoCloseable {
    final Set<String> read = ConcurrentHashMap.newKeySet();
    final List<String> twice = new CopyOnWriteArrayList<>();
    volatile Set<TopicPartition> assigned = Set.of();
    volatile Throwable failure;
    volatile boolean stopped;
    final Thread thread;

    Member(Map<String, Object> options, java.util.function.Consumer<KafkaConsumer<byte[], byte[]>> subscribe) {
      thread = new Thread(() -> {
        try (var consumer = Compat.consumer(options)) {
          subscribe.accept(consumer);
          while (!stopped) {
            var records = consumer.poll(Duration.ofMillis(50));
            assigned = Set.copyOf(consumer.assignment());
            for (var record : records) {
              String id = record.topic() + "/" + record.partition() + "/" + record.offset();
              if (!read.add(id)) twice.add(id);
            }
            if (!records.isEmpty()) consumer.commitSync();
          }
        } catch (Throwable error) {
          failure = error;
        }
        assigned = Set.of();
      });
      thread.start();
    }

    static Member of(String groupId, String topic, Map<String, Object> options) {
      var config = new HashMap<String, Object>(Map.of("group.id", groupId, "group.protocol", "consumer"));
      config.putAll(options);
      return new Member(config, consumer -> consumer.subscribe(List.of(topic)));
    }

    static Member classic(String groupId, String topic) {
      return new Member(Map.of("group.id", groupId, "session.timeout.ms", "6000", "heartbeat.interval.ms", "300",
          "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"), consumer -> consumer.subscribe(List.of(topic)));
    }

    public void close() throws Exception {
      stopped = true;
      thread.join(20_000);
      if (thread.isAlive()) throw new AssertionError("a consumer does not close");
      if (failure != null) throw new AssertionError("a consumer failed", failure);
    }
  }

  interface Condition { boolean holds() throws Exception; }

  static void until(String what, Condition condition, Member... members) throws Exception {
    long end = System.currentTimeMillis() + PATIENCE_MS;
    while (!condition.holds()) {
      for (var member : members) if (member.failure != null) throw new AssertionError("while waiting for " + what, member.failure);
      if (System.currentTimeMillis() > end) {
        throw new AssertionError("no " + what + "; assigned " + Stream.of(members).map(member -> member.assigned + " " + member.read.size()).toList());
      }
      Thread.sleep(10);
    }
  }

  static void produce(String topic, int partitions, int count) throws Exception {
    try (var producer = Compat.producer(Map.of())) {
      for (int n = 0; n < count; n++) producer.send(new ProducerRecord<>(topic, n % partitions, null, ("" + n).getBytes(StandardCharsets.UTF_8)));
    }
  }

  /** Each of the members holds some, together all, none two. */
  static boolean share(int partitions, Member... members) {
    var all = new HashSet<TopicPartition>();
    int sum = 0;
    for (var member : members) {
      var assigned = member.assigned;
      if (assigned.isEmpty()) return false;
      all.addAll(assigned);
      sum += assigned.size();
    }
    return all.size() == partitions && sum == partitions;
  }

  static int distinct(Member... members) {
    return Stream.of(members).flatMap(member -> member.read.stream()).collect(Collectors.toSet()).size();
  }

  static int total(Member... members) {
    return Stream.of(members).mapToInt(member -> member.read.size() + member.twice.size()).sum();
  }

  static void comeAndGo(String assignor) throws Exception {
    String topic = Compat.createTopic(6, Map.of());
    String groupId = Compat.unique("g848");
    Map<String, Object> options = Map.of("group.remote.assignor", assignor);
    var one = Member.of(groupId, topic, options);
    until("member with all partitions", () -> one.assigned.size() == 6, one);
    produce(topic, 6, 300);
    var two = Member.of(groupId, topic, options);
    var three = Member.of(groupId, topic, options);
    until("three members with two partitions each", () -> share(6, one, two, three) && Stream.of(one, two, three).allMatch(m -> m.assigned.size() == 2), one, two, three);
    produce(topic, 6, 300);
    until("600 records", () -> distinct(one, two, three) == 600, one, two, three);
    two.close();
    until("two members with three partitions each", () -> share(6, one, three), one, three);
    produce(topic, 6, 300);
    until("900 records", () -> distinct(one, two, three) == 900, one, three);
    one.close();
    three.close();
    Compat.equal(900, total(one, two, three), "records read");
    var committed = Compat.admin.listConsumerGroupOffsets(groupId).partitionsToOffsetAndMetadata().get(10, TimeUnit.SECONDS);
    for (int p = 0; p < 6; p++) Compat.equal(150L, committed.get(new TopicPartition(topic, p)).offset(), "committed offset of partition " + p);
  }

  static void regex() throws Exception {
    String prefix = Compat.unique("rx");
    Compat.admin.createTopics(List.of(new NewTopic(prefix + "-a", 2, (short) 1), new NewTopic("not-" + prefix + "-a", 1, (short) 1))).all().get(15, TimeUnit.SECONDS);
    var member = new Member(Map.of("group.id", Compat.unique("g848"), "group.protocol", "consumer"),
        consumer -> consumer.subscribe(new SubscriptionPattern(prefix + "-(a|b)")));
    until("two partitions", () -> member.assigned.size() == 2, member);
    Compat.admin.createTopics(List.of(new NewTopic(prefix + "-b", 3, (short) 1))).all().get(15, TimeUnit.SECONDS);
    until("five partitions", () -> member.assigned.size() == 5, member);
    produce(prefix + "-b", 3, 30);
    until("30 records", () -> member.read.size() == 30, member);
    member.close();
  }

  static void badRegex() throws Exception {
    try (var consumer = Compat.consumer(Map.of("group.id", Compat.unique("g848"), "group.protocol", "consumer"))) {
      consumer.subscribe(new SubscriptionPattern("(unclosed"));
      long end = System.currentTimeMillis() + PATIENCE_MS;
      while (System.currentTimeMillis() < end) consumer.poll(Duration.ofMillis(100));
      throw new AssertionError("nobody refused it");
    } catch (InvalidRegularExpression expected) {
      // As it should be.
    }
  }

  static void growth() throws Exception {
    String topic = Compat.createTopic(2, Map.of());
    var member = Member.of(Compat.unique("g848"), topic, Map.of());
    until("two partitions", () -> member.assigned.size() == 2, member);
    Compat.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get(15, TimeUnit.SECONDS);
    until("five partitions", () -> member.assigned.size() == 5, member);
    produce(topic, 5, 50);
    until("50 records", () -> member.read.size() == 50, member);
    member.close();
  }

  static void staticMember() throws Exception {
    String topic = Compat.createTopic(4, Map.of());
    String groupId = Compat.unique("g848");
    var other = Member.of(groupId, topic, Map.of());
    var first = Member.of(groupId, topic, Map.of("group.instance.id", "one"));
    until("two members with two partitions each", () -> share(4, other, first), other, first);
    var mine = first.assigned;
    produce(topic, 4, 40);
    until("40 records", () -> distinct(other, first) == 40, other, first);
    first.close();
    Thread.sleep(1500);
    Compat.equal(2, other.assigned.size(), "partitions of the other while the static member is away");
    var again = Member.of(groupId, topic, Map.of("group.instance.id", "one"));
    until("its partitions", () -> again.assigned.equals(mine), other, again);
    produce(topic, 4, 40);
    until("80 records", () -> distinct(other, first, again) == 80, other, again);
    again.close();
    other.close();
    Compat.equal(80, total(other, first, again), "records read");
  }

  static void twoHolders() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String groupId = Compat.unique("g848");
    var first = Member.of(groupId, topic, Map.of("group.instance.id", "one"));
    until("its partition", () -> first.assigned.size() == 1, first);
    var second = Member.of(groupId, topic, Map.of("group.instance.id", "one"));
    until("refusal", () -> second.failure != null);
    if (!(second.failure instanceof UnreleasedInstanceIdException)) throw new AssertionError("another failure", second.failure);
    first.close();
  }

  static String typeOf(String groupId) throws Exception {
    return Compat.admin.describeConsumerGroups(List.of(groupId)).all().get(15, TimeUnit.SECONDS).get(groupId).type().toString();
  }

  static void migration() throws Exception {
    String topic = Compat.createTopic(4, Map.of());
    String groupId = Compat.unique("g848");
    var classic = Member.classic(groupId, topic);
    until("all partitions", () -> classic.assigned.size() == 4, classic);
    Compat.equal("Classic", typeOf(groupId), "type");
    produce(topic, 4, 100);
    until("100 records", () -> classic.read.size() == 100, classic);
    var modern = Member.of(groupId, topic, Map.of());
    until("one member of each protocol", () -> share(4, classic, modern), classic, modern);
    Compat.equal("Consumer", typeOf(groupId), "type");
    produce(topic, 4, 100);
    until("200 records", () -> distinct(classic, modern) == 200, classic, modern);
    var second = Member.classic(groupId, topic);
    until("two classic members and one other", () -> share(4, classic, modern, second), classic, modern, second);
    produce(topic, 4, 100);
    until("300 records", () -> distinct(classic, modern, second) == 300, classic, modern, second);
    modern.close();
    until("two classic members", () -> share(4, classic, second), classic, second);
    Compat.equal("Classic", typeOf(groupId), "type");
    produce(topic, 4, 100);
    until("400 records", () -> distinct(classic, modern, second) == 400, classic, second);
    var late = Member.of(groupId, topic, Map.of());
    until("one more upgrade", () -> share(4, classic, second, late), classic, second, late);
    classic.close();
    second.close();
    until("one member of the new protocol", () -> late.assigned.size() == 4, late);
    produce(topic, 4, 100);
    until("500 records", () -> distinct(classic, modern, second, late) == 500, late);
    late.close();
    Compat.equal("Consumer", typeOf(groupId), "type");
    Compat.equal(500, total(classic, modern, second, late), "records read");
  }

  static void administration() throws Exception {
    String topic = Compat.createTopic(2, Map.of());
    String groupId = Compat.unique("g848");
    var member = Member.of(groupId, topic, Map.of("group.instance.id", "one", "client.id", "mine"));
    until("its partitions", () -> member.assigned.size() == 2, member);
    produce(topic, 2, 10);
    until("10 records", () -> member.read.size() == 10, member);
    var described = Compat.admin.describeConsumerGroups(List.of(groupId)).all().get(15, TimeUnit.SECONDS).get(groupId);
    Compat.equal("Consumer", described.type().toString(), "type");
    Compat.equal(GroupState.STABLE, described.groupState(), "state");
    Compat.equal("uniform", described.partitionAssignor(), "assignor");
    Compat.equal(1, described.members().size(), "members");
    var one = described.members().iterator().next();
    Compat.equal(Optional.of("one"), one.groupInstanceId(), "instance id");
    Compat.equal("mine", one.clientId(), "client id");
    Compat.equal(2, one.assignment().topicPartitions().size(), "assigned");
    Compat.equal(2, one.targetAssignment().get().topicPartitions().size(), "target");
    Compat.equal(Optional.of(false), one.upgraded().map(upgraded -> !upgraded), "takes part by the new protocol");
    var listed = Compat.admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get(15, TimeUnit.SECONDS);
    Compat.equal(Optional.of(GroupType.CONSUMER), listed.stream().filter(group -> group.groupId().equals(groupId)).findFirst().orElseThrow().type(), "listed type");
    try {
      Compat.admin.deleteConsumerGroups(List.of(groupId)).all().get(15, TimeUnit.SECONDS);
      throw new AssertionError("a group with members was deleted");
    } catch (ExecutionException refused) {
      Compat.equal(GroupNotEmptyException.class, refused.getCause().getClass(), "error");
    }
    member.close();
    // It left to come back: an administrator says that it will not.
    Compat.admin.removeMembersFromConsumerGroup(groupId, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")))).all().get(15, TimeUnit.SECONDS);
    var empty = Compat.admin.describeConsumerGroups(List.of(groupId)).all().get(15, TimeUnit.SECONDS).get(groupId);
    Compat.equal(GroupState.EMPTY, empty.groupState(), "state");
    Compat.admin.alterConsumerGroupOffsets(groupId, Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(2, "back"))).all().get(15, TimeUnit.SECONDS);
    var again = Member.of(groupId, topic, Map.of());
    until("three records again", () -> again.read.size() == 3, again);
    again.close();
    Compat.admin.deleteConsumerGroupOffsets(groupId, Set.of(new TopicPartition(topic, 1))).all().get(15, TimeUnit.SECONDS);
    Compat.admin.deleteConsumerGroups(List.of(groupId)).all().get(15, TimeUnit.SECONDS);
    Compat.equal(false, Compat.admin.listGroups().all().get(15, TimeUnit.SECONDS).stream().anyMatch(group -> group.groupId().equals(groupId)), "listed after its deletion");
  }
}
