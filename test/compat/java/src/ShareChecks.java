import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * Checks of share groups (KIP-932) with Java's own share consumer, compiled once with kafka-clients 4.1.2 and run with it and 4.4.0.
 * Arguments: HOST:PORT, how long the broker locks a record (ms), and part of the name of the only check wanted. Each check prints one JSON line.
 */
public class ShareChecks {
  static final long PATIENCE_MS = 30_000;
  static String only;
  static long lockMs;
  /** Newer than 4.1: what it is called there. */
  static final AcknowledgeType RENEW = Arrays.stream(AcknowledgeType.values()).filter(type -> type.name().equals("RENEW")).findFirst().orElse(null);

  public static void main(String[] args) throws Exception {
    Compat.bootstrap = args[0];
    lockMs = Long.parseLong(args[1]);
    only = args.length > 2 ? args[2] : "";
    Compat.admin = Admin.create(Map.of("bootstrap.servers", args[0], "request.timeout.ms", "10000", "default.api.timeout.ms", "15000"));
    check("three consumers share one partition: every record once, acknowledged by the next poll", ShareChecks::implicit);
    check("records that are released come again and are counted, rejected and accepted ones do not", ShareChecks::explicit);
    check("a record that nobody accepts is given up after the limit of deliveries", ShareChecks::limit);
    check("what a consumer has when it closes goes to another at once", ShareChecks::close);
    check("a lock ends: the record goes to another, and it is too late for the first", ShareChecks::lockEnds);
    if (RENEW != null) check("a lock that is renewed does not end", ShareChecks::renew);
    check("acknowledgements are reported to the callback", ShareChecks::callback);
    check("share.auto.offset.reset: earliest, latest, by duration", ShareChecks::reset);
    check("share.isolation.level: what a transaction aborted is not delivered", ShareChecks::isolation);
    check("a consumer changes its topics; a topic that grows is consumed", ShareChecks::topics);
    check("admin: groups are listed and described, offsets listed, altered and deleted, groups deleted", ShareChecks::administration);
    check("admin: what may not be done is refused with Kafka's errors", ShareChecks::refusals);
    Compat.admin.close(Duration.ofSeconds(5));
    System.exit(0);
  }

  static void check(String name, Compat.Check check) {
    if (name.contains(only)) Compat.check(name, check);
  }

  static String group(Map<String, String> configs) throws Exception {
    String group = Compat.unique("share");
    var set = new HashMap<String, String>(Map.of("share.auto.offset.reset", "earliest"));
    set.putAll(configs);
    var ops = set.entrySet().stream().map(e -> new AlterConfigOp(new ConfigEntry(e.getKey(), e.getValue()), AlterConfigOp.OpType.SET)).toList();
    Compat.admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, group), (Collection<AlterConfigOp>) ops)).all().get(15, TimeUnit.SECONDS);
    return group;
  }

  static KafkaShareConsumer<byte[], byte[]> consumer(String group, String mode, Map<String, Object> options, String... topics) {
    var config = new HashMap<String, Object>(Map.of("bootstrap.servers", Compat.bootstrap, "group.id", group, "share.acknowledgement.mode", mode,
        "default.api.timeout.ms", "15000"));
    config.putAll(options);
    var consumer = new KafkaShareConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    consumer.subscribe(List.of(topics));
    return consumer;
  }

  static void produce(String topic, int from, int to) {
    try (var producer = Compat.producer(Map.of())) {
      for (int n = from; n < to; n++) producer.send(new ProducerRecord<>(topic, null, Compat.utf8("k" + n), Compat.utf8("" + n)));
      producer.flush();
    }
  }

  interface Condition { boolean holds() throws Exception; }

  static void until(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
    while (!condition.holds()) {
      if (System.nanoTime() > end) throw new AssertionError("not within " + PATIENCE_MS + " ms: " + what);
      Thread.sleep(20);
    }
  }

  /** Polls until so many records are there; more may come with the last ones. */
  static List<ConsumerRecord<byte[], byte[]>> poll(KafkaShareConsumer<byte[], byte[]> consumer, int count) throws Exception {
    var got = new ArrayList<ConsumerRecord<byte[], byte[]>>();
    until(count + " records", () -> {
      consumer.poll(Duration.ofMillis(100)).forEach(got::add);
      return got.size() >= count;
    });
    return got;
  }

  static Set<String> values(Collection<ConsumerRecord<byte[], byte[]>> records) {
    return records.stream().map(r -> new String(r.value())).collect(Collectors.toCollection(TreeSet::new));
  }

  static Set<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(n -> "" + n).collect(Collectors.toCollection(TreeSet::new));
  }

  static void acknowledge(KafkaShareConsumer<byte[], byte[]> consumer, Iterable<ConsumerRecord<byte[], byte[]>> records, AcknowledgeType type) {
    for (var record : records) consumer.acknowledge(record, type);
    for (var result : consumer.commitSync().entrySet()) if (result.getValue().isPresent()) throw new AssertionError(result.toString());
  }

  /** `startOffset` of each partition; -1 where there is none. */
  static Map<Integer, Long> starts(String group, String topic) throws Exception {
    Map<?, ?> offsets = (Map<?, ?>) ((Map<?, ?>) Compat.admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).all().get(15, TimeUnit.SECONDS)).get(group);
    var starts = new TreeMap<Integer, Long>();
    for (var entry : offsets.entrySet()) {
      var partition = (TopicPartition) entry.getKey();
      if (!partition.topic().equals(topic)) continue;
      // 4.1 has an OffsetAndMetadata here, 4.4 a SharePartitionOffsetInfo.
      Object info = entry.getValue();
      starts.put(partition.partition(), info == null ? -1L : info instanceof OffsetAndMetadata o ? o.offset() : (Long) info.getClass().getMethod("startOffset").invoke(info));
    }
    return starts;
  }

  static int members(String group) throws Exception {
    try {
      return Compat.admin.describeShareGroups(List.of(group)).all().get(15, TimeUnit.SECONDS).get(group).members().size();
    } catch (ExecutionException error) {
      if (error.getCause() instanceof GroupIdNotFoundException) return 0;
      throw error;
    }
  }

  static void implicit() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String group = group(Map.of());
    var read = new ConcurrentLinkedQueue<String>();
    var failures = new ConcurrentLinkedQueue<Throwable>();
    var stopped = new java.util.concurrent.atomic.AtomicBoolean();
    var readers = new ConcurrentHashMap<Integer, Integer>();
    var threads = IntStream.range(0, 3).mapToObj(i -> new Thread(() -> {
      try (var consumer = consumer(group, "implicit", Map.of("max.poll.records", "20"), topic)) {
        while (!stopped.get()) {
          for (var record : consumer.poll(Duration.ofMillis(50))) {
            read.add(new String(record.value()));
            readers.merge(i, 1, Integer::sum);
          }
        }
      } catch (Throwable error) {
        failures.add(error);
      }
    })).toList();
    threads.forEach(Thread::start);
    until("three members", () -> members(group) == 3);
    for (int round = 0; round < 10; round++) produce(topic, round * 100, round * 100 + 100);
    until("1,000 records", () -> read.size() >= 1_000 || !failures.isEmpty());
    until("all of them acknowledged", () -> starts(group, topic).get(0) == 1_000);
    stopped.set(true);
    for (var thread : threads) thread.join();
    Compat.equal(List.of(), List.copyOf(failures), "failures");
    Compat.equal(1_000, read.size(), "records read");
    Compat.equal(numbers(0, 1_000), new TreeSet<>(read), "values");
    if (readers.size() < 2) throw new AssertionError("one consumer had everything: " + readers);
  }

  static void explicit() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String group = group(Map.of());
    produce(topic, 0, 9);
    try (var consumer = consumer(group, "explicit", Map.of(), topic)) {
      var first = poll(consumer, 9);
      for (var record : first) {
        Compat.equal(Optional.of((short) 1), record.deliveryCount(), "delivery count");
        AcknowledgeType[] types = { AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT };
        consumer.acknowledge(record, types[(int) record.offset() % 3]);
      }
      consumer.commitSync();
      var second = poll(consumer, 3);
      Compat.equal(Set.of("1", "4", "7"), values(second), "what comes again");
      for (var record : second) Compat.equal(Optional.of((short) 2), record.deliveryCount(), "delivery count");
      acknowledge(consumer, second, AcknowledgeType.ACCEPT);
      Compat.equal(9L, starts(group, topic).get(0), "start offset");
      produce(topic, 9, 10);
      Compat.equal(Set.of("9"), values(poll(consumer, 1)), "what is left");
    }
  }

  static void limit() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String group = group(Map.of("share.delivery.count.limit", "3"));
    produce(topic, 0, 1);
    try (var consumer = consumer(group, "explicit", Map.of(), topic)) {
      for (short count = 1; count <= 3; count++) {
        var got = poll(consumer, 1);
        Compat.equal(Optional.of(count), got.get(0).deliveryCount(), "delivery count");
        acknowledge(consumer, got, AcknowledgeType.RELEASE);
      }
      produce(topic, 1, 2);
      var next = poll(consumer, 1);
      Compat.equal(Set.of("1"), values(next), "what comes then");
      acknowledge(consumer, next, AcknowledgeType.ACCEPT);
      Compat.equal(2L, starts(group, topic).get(0), "start offset");
    }
  }

  static void close() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String group = group(Map.of());
    produce(topic, 0, 5);
    long startMs = System.currentTimeMillis();
    try (var first = consumer(group, "explicit", Map.of(), topic)) {
      poll(first, 5);
    }
    try (var second = consumer(group, "explicit", Map.of(), topic)) {
      var got = poll(second, 5);
      Compat.equal(numbers(0, 5), values(got), "what the second one gets");
      acknowledge(second, got, AcknowledgeType.ACCEPT);
    }
    Compat.equal(5L, starts(group, topic).get(0), "start offset");
    if (System.currentTimeMillis() - startMs > PATIENCE_MS) throw new AssertionError("it took too long");
  }

  static void lockEnds() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String group = group(Map.of());
    produce(topic, 0, 3);
    try (var first = consumer(group, "explicit", Map.of(), topic); var second = consumer(group, "explicit", Map.of(), topic)) {
      var slow = poll(first, 3);
      var got = poll(second, 3);
      Compat.equal(numbers(0, 3), values(got), "what the second one gets");
      for (var record : got) Compat.equal(Optional.of((short) 2), record.deliveryCount(), "delivery count");
      for (var record : slow) first.acknowledge(record, AcknowledgeType.ACCEPT);
      for (var result : first.commitSync().values()) {
        if (!(result.orElse(null) instanceof InvalidRecordStateException)) throw new AssertionError("too late, but: " + result);
      }
      acknowledge(second, got, AcknowledgeType.ACCEPT);
    }
    Compat.equal(3L, starts(group, topic).get(0), "start offset");
  }

  static void renew() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String group = group(Map.of());
    produce(topic, 0, 2);
    try (var first = consumer(group, "explicit", Map.of(), topic); var second = consumer(group, "explicit", Map.of(), topic)) {
      List<ConsumerRecord<byte[], byte[]>> held = poll(first, 2);
      int others = 0;
      long end = System.currentTimeMillis() + 2 * lockMs;
      while (System.currentTimeMillis() < end) {
        for (var record : held) first.acknowledge(record, RENEW);
        first.commitSync();
        // Renewed records come back with the next poll.
        var again = new ArrayList<ConsumerRecord<byte[], byte[]>>();
        first.poll(Duration.ofMillis(lockMs / 8)).forEach(again::add);
        if (!again.isEmpty()) held = again;
        for (var record : second.poll(Duration.ofMillis(lockMs / 8))) {
          others++;
          second.acknowledge(record, AcknowledgeType.RELEASE);
        }
      }
      Compat.equal(0, others, "records that the second one got");
      acknowledge(first, held, AcknowledgeType.ACCEPT);
    }
    Compat.equal(2L, starts(group, topic).get(0), "start offset");
  }

  static void callback() throws Exception {
    String topic = Compat.createTopic(2, Map.of());
    String group = group(Map.of());
    produce(topic, 0, 20);
    var told = new HashSet<String>();
    var errors = new ArrayList<Exception>();
    try (var consumer = consumer(group, "implicit", Map.of(), topic)) {
      consumer.setAcknowledgementCommitCallback((offsets, error) -> {
        if (error != null) errors.add(error);
        offsets.forEach((partition, all) -> all.forEach(offset -> told.add(partition.partition() + "/" + offset)));
      });
      poll(consumer, 20);
      until("20 offsets", () -> {
        consumer.poll(Duration.ofMillis(50));
        return told.size() == 20;
      });
    }
    Compat.equal(List.of(), errors, "errors");
  }

  static void reset() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    produce(topic, 0, 5);
    for (var entry : Map.of("earliest", 5, "latest", 0, "by_duration:PT1H", 5, "by_duration:PT0S", 0).entrySet()) {
      String group = group(Map.of("share.auto.offset.reset", entry.getKey()));
      try (var consumer = consumer(group, "implicit", Map.of(), topic)) {
        // It must have looked before the next record comes.
        until("a start for " + entry.getKey(), () -> {
          consumer.poll(Duration.ofMillis(50));
          return starts(group, topic).getOrDefault(0, -1L) >= 0;
        });
      }
      long start = starts(group, topic).get(0);
      if (entry.getValue() == 0 && start != 5) throw new AssertionError(entry.getKey() + " starts at " + start);
      String other = group(Map.of("share.auto.offset.reset", entry.getKey()));
      if (entry.getValue() == 5) try (var consumer = consumer(other, "implicit", Map.of(), topic)) {
        Compat.equal(numbers(0, 5), values(poll(consumer, 5)), entry.getKey());
      }
    }
  }

  static void isolation() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    try (var producer = Compat.producer(Map.of("transactional.id", Compat.unique("tx")))) {
      producer.initTransactions();
      for (int n = 0; n < 4; n++) {
        producer.beginTransaction();
        producer.send(new ProducerRecord<>(topic, 0, null, Compat.utf8("" + n)));
        producer.flush();
        if (n % 2 == 0) producer.commitTransaction();
        else producer.abortTransaction();
      }
    }
    for (String level : List.of("read_committed", "read_uncommitted")) {
      String group = group(Map.of("share.isolation.level", level));
      boolean committed = level.equals("read_committed");
      try (var consumer = consumer(group, "implicit", Map.of(), topic)) {
        Compat.equal(committed ? Set.of("0", "2") : numbers(0, 4), values(poll(consumer, committed ? 2 : 4)), level);
        // The markers and what was aborted are behind it, too.
        until("all 8 offsets", () -> {
          consumer.poll(Duration.ofMillis(50));
          return starts(group, topic).get(0) == 8;
        });
      }
    }
  }

  static void topics() throws Exception {
    String one = Compat.createTopic(1, Map.of()), two = Compat.createTopic(1, Map.of());
    String group = group(Map.of());
    produce(one, 0, 5);
    try (var consumer = consumer(group, "implicit", Map.of(), one)) {
      Compat.equal(numbers(0, 5), values(poll(consumer, 5)), "of the first topic");
      consumer.subscribe(List.of(two));
      produce(two, 5, 10);
      Compat.equal(numbers(5, 10), values(poll(consumer, 5)), "of the second topic");
      Compat.admin.createPartitions(Map.of(two, NewPartitions.increaseTo(4))).all().get(15, TimeUnit.SECONDS);
      try (var producer = Compat.producer(Map.of("metadata.max.age.ms", "100"))) {
        for (int p = 1; p < 4; p++) producer.send(new ProducerRecord<>(two, p, null, Compat.utf8("p" + p))).get(15, TimeUnit.SECONDS);
      }
      Compat.equal(Set.of("p1", "p2", "p3"), values(poll(consumer, 3)), "of the new partitions");
    }
  }

  static void administration() throws Exception {
    String topic = Compat.createTopic(2, Map.of());
    String group = group(Map.of());
    produce(topic, 0, 40);
    try (var consumer = consumer(group, "implicit", Map.of("client.rack", "r1", "client.id", "a-share-consumer"), topic)) {
      poll(consumer, 40);
      // Else what the last poll gave is given back by the close.
      consumer.commitSync();
      var description = Compat.admin.describeShareGroups(List.of(group)).all().get(15, TimeUnit.SECONDS).get(group);
      Compat.equal(GroupState.STABLE, description.groupState(), "state");
      Compat.equal(1, description.members().size(), "members");
      var member = description.members().iterator().next();
      Compat.equal("a-share-consumer", member.clientId(), "client id");
      Compat.equal(2, member.assignment().topicPartitions().size(), "assigned partitions");
      var listed = Compat.admin.listGroups(new ListGroupsOptions().withTypes(Set.of(GroupType.SHARE)).inGroupStates(Set.of(GroupState.STABLE))).all().get(15, TimeUnit.SECONDS);
      if (listed.stream().noneMatch(g -> g.groupId().equals(group) && g.type().equals(Optional.of(GroupType.SHARE)))) throw new AssertionError("not among " + listed);
    }
    until("it is empty", () -> Compat.admin.describeShareGroups(List.of(group)).all().get().get(group).groupState() == GroupState.EMPTY);
    Compat.equal(40L, starts(group, topic).values().stream().mapToLong(n -> n).sum(), "offsets");
    Compat.admin.alterShareGroupOffsets(group, Map.of(new TopicPartition(topic, 0), 0L, new TopicPartition(topic, 1), 0L)).all().get(15, TimeUnit.SECONDS);
    Compat.equal(Map.of(0, 0L, 1, 0L), starts(group, topic), "altered offsets");
    try (var consumer = consumer(group, "implicit", Map.of(), topic)) {
      Compat.equal(numbers(0, 40), values(poll(consumer, 40)), "read again");
    }
    until("it is empty again", () -> members(group) == 0);
    Compat.admin.deleteShareGroupOffsets(group, Set.of(topic)).all().get(15, TimeUnit.SECONDS);
    Compat.equal(Map.of(), starts(group, topic), "deleted offsets");
    Compat.admin.deleteShareGroups(List.of(group)).all().get(15, TimeUnit.SECONDS);
    refused(GroupIdNotFoundException.class, () -> Compat.admin.describeShareGroups(List.of(group)).all().get(15, TimeUnit.SECONDS));
    // Made by where it shall begin, before anybody is in it.
    String later = group(Map.of());
    Compat.admin.alterShareGroupOffsets(later, Map.of(new TopicPartition(topic, 0), 3L)).all().get(15, TimeUnit.SECONDS);
    Compat.equal(Map.of(0, 3L), starts(later, topic), "offsets of a group that nobody was in");
  }

  static void refusals() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String group = group(Map.of());
    var first = new TopicPartition(topic, 0);
    produce(topic, 0, 1);
    try (var consumer = consumer(group, "implicit", Map.of(), topic)) {
      poll(consumer, 1);
      // The admin client of 4.1 takes an error of the whole request for a success, Kafka's as well as ours.
      if (RENEW != null) refused(GroupNotEmptyException.class, () -> Compat.admin.alterShareGroupOffsets(group, Map.of(first, 0L)).all().get(15, TimeUnit.SECONDS));
      refused(GroupNotEmptyException.class, () -> Compat.admin.deleteShareGroupOffsets(group, Set.of(topic)).all().get(15, TimeUnit.SECONDS));
      refused(GroupNotEmptyException.class, () -> Compat.admin.deleteShareGroups(List.of(group)).all().get(15, TimeUnit.SECONDS));
      // One id, one type.
      try (var plain = Compat.consumer(Map.of("group.id", group, "group.protocol", "classic"))) {
        plain.subscribe(List.of(topic));
        refused(InconsistentGroupProtocolException.class, () -> plain.poll(Duration.ofSeconds(10)));
      }
    }
    refused(UnknownTopicOrPartitionException.class, () -> Compat.admin.alterShareGroupOffsets(group, Map.of(new TopicPartition(topic, 7), 0L)).all().get(15, TimeUnit.SECONDS));
    refused(UnknownTopicOrPartitionException.class, () -> Compat.admin.deleteShareGroupOffsets(group, Set.of("no-such-topic")).all().get(15, TimeUnit.SECONDS));
    refused(GroupIdNotFoundException.class, () -> Compat.admin.deleteShareGroupOffsets("no-such-group", Set.of(topic)).all().get(15, TimeUnit.SECONDS));
    refused(GroupIdNotFoundException.class, () -> Compat.admin.describeShareGroups(List.of("no-such-group")).all().get(15, TimeUnit.SECONDS));
    for (var entry : Map.of("share.auto.offset.reset", "sometime", "share.isolation.level", "read_some", "share.record.lock.duration.ms", "1",
        "share.delivery.count.limit", "1000", "share.partition.max.record.locks", "1", "share.renew.acknowledge.enable", "maybe").entrySet()) {
      refused(InvalidConfigurationException.class, () -> group(Map.of(entry.getKey(), entry.getValue())));
    }
    String plainGroup = Compat.unique("plain");
    Compat.admin.alterConsumerGroupOffsets(plainGroup, Map.of(first, new OffsetAndMetadata(0))).all().get(15, TimeUnit.SECONDS);
    if (RENEW != null) refused(GroupIdNotFoundException.class, () -> Compat.admin.alterShareGroupOffsets(plainGroup, Map.of(first, 0L)).all().get(15, TimeUnit.SECONDS));
  }

  static void refused(Class<? extends Exception> wanted, Compat.Check call) throws Exception {
    try {
      call.run();
    } catch (Exception error) {
      Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
      if (wanted.isInstance(cause)) return;
      throw new AssertionError("expected " + wanted.getSimpleName(), cause);
    }
    throw new AssertionError("expected " + wanted.getSimpleName() + ", but it was done");
  }
}
