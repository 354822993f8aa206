import java.nio.charset.StandardCharsets;
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
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;

/**
 * Checks with Java's own clients, compiled once and run with kafka-clients 3.9.2, 4.1.2 and 4.4.0. Argument: HOST:PORT.
 * Each check prints one JSON line.
 */
public class Compat {
  interface Check { void run() throws Exception; }

  static String bootstrap;
  static Admin admin;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", "10000", "default.api.timeout.ms", "15000"));
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      check("3000 records through " + codec + ", idempotent as by default, come back as sent", () -> codec(codec));
    }
    check("acks=1 and acks=0 without idempotence", Compat::weakAcks);
    check("null and empty keys, values and headers stay apart", Compat::nulls);
    check("two classic consumers share a topic and commit", () -> group("org.apache.kafka.clients.consumer.RangeAssignor"));
    check("two cooperative consumers share a topic and commit", () -> group("org.apache.kafka.clients.consumer.CooperativeStickyAssignor"));
    check("two consumers of the round robin assignor share a topic and commit", () -> group("org.apache.kafka.clients.consumer.RoundRobinAssignor"));
    check("a pattern finds topics, also those made later", Compat::pattern);
    check("a static member that restarts goes on where it was", Compat::staticMember);
    check("seek by time finds the first record at or after it", Compat::byTime);
    check("a fetch from the middle of a batch begins at the record asked for", Compat::middle);
    check("admin: topics, ids, settings, offsets, cluster, groups", Compat::adminViews);
    check("admin: what cannot be made is refused with Kafka's errors", Compat::adminErrors);
    check("a transactional id is served or refused, never left hanging", Compat::transactional);
    admin.close(Duration.ofSeconds(5));
    System.exit(0);
  }

  static void check(String name, Check check) {
    String outcome;
    try {
      check.run();
      outcome = "\"ok\": true";
    } catch (Throwable error) {
      var text = new java.io.StringWriter();
      error.printStackTrace(new java.io.PrintWriter(text));
      outcome = "\"ok\": false, \"detail\": \"" + escape(text.toString()) + "\"";
    }
    System.out.println("{\"check\": \"" + escape(name) + "\", " + outcome + "}");
    System.out.flush();
  }

  static String escape(String text) {
    return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\t", " ").replace("\r", "");
  }

  static void equal(Object wanted, Object got, String what) {
    if (!Objects.equals(wanted, got)) throw new AssertionError(what + ": expected " + wanted + ", got " + got);
  }

  static String unique(String prefix) {
    return prefix + "-" + UUID.randomUUID().toString().substring(0, 8);
  }

  static String createTopic(int partitions, Map<String, String> configs) throws Exception {
    String topic = unique("java");
    admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get(15, TimeUnit.SECONDS);
    return topic;
  }

  static KafkaProducer<byte[], byte[]> producer(Map<String, Object> options) {
    var config = new HashMap<String, Object>(Map.of("bootstrap.servers", bootstrap, "delivery.timeout.ms", "20000", "request.timeout.ms", "10000", "linger.ms", "2"));
    config.putAll(options);
    return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> options) {
    var config = new HashMap<String, Object>(Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest", "enable.auto.commit", "false",
        "default.api.timeout.ms", "15000"));
    config.putAll(options);
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static List<ConsumerRecord<byte[], byte[]>> read(String topic, int partitions, int count) {
    try (var consumer = consumer(Map.of())) {
      var all = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      var got = new ArrayList<ConsumerRecord<byte[], byte[]>>();
      long end = System.nanoTime() + 20_000_000_000L;
      while (got.size() < count && System.nanoTime() < end) consumer.poll(Duration.ofMillis(200)).forEach(got::add);
      equal(count, got.size(), "records read");
      return got;
    }
  }

  static void codec(String codec) throws Exception {
    String topic = createTopic(2, Map.of());
    try (var producer = producer(Map.of("compression.type", codec))) {
      for (int n = 0; n < 3000; n++) {
        producer.send(new ProducerRecord<>(topic, n % 2, utf8("k" + n % 7), utf8(n + " " + "käfer ".repeat(n % 30))));
      }
      producer.flush();
    }
    var got = read(topic, 2, 3000);
    for (int p = 0; p < 2; p++) {
      final int partition = p;
      int n = p;
      long offset = 0;
      for (var record : got.stream().filter(r -> r.partition() == partition).toList()) {
        equal(n + " " + "käfer ".repeat(n % 30), new String(record.value(), StandardCharsets.UTF_8), "value");
        equal("k" + n % 7, new String(record.key()), "key");
        equal(offset++, record.offset(), "offset");
        n += 2;
      }
    }
  }

  static void weakAcks() throws Exception {
    for (String acks : List.of("1", "0")) {
      String topic = createTopic(1, Map.of());
      try (var producer = producer(Map.of("acks", acks, "enable.idempotence", "false"))) {
        for (int n = 0; n < 500; n++) producer.send(new ProducerRecord<>(topic, 0, null, utf8("" + n)));
      }
      var values = read(topic, 1, 500).stream().map(r -> new String(r.value())).toList();
      equal(IntStream.range(0, 500).mapToObj(n -> "" + n).toList(), values, "values with acks=" + acks);
    }
  }

  static void nulls() throws Exception {
    String topic = createTopic(1, Map.of());
    try (var producer = producer(Map.of())) {
      producer.send(new ProducerRecord<>(topic, 0, null, null));
      var record = new ProducerRecord<byte[], byte[]>(topic, 0, new byte[0], new byte[0]);
      record.headers().add("h", null).add("h", new byte[0]).add("h", new byte[] {(byte) 255, 0});
      producer.send(record).get(10, TimeUnit.SECONDS);
    }
    var got = read(topic, 1, 2);
    equal(null, got.get(0).key(), "null key");
    equal(null, got.get(0).value(), "null value");
    equal(0, got.get(1).key().length, "empty key");
    equal(0, got.get(1).value().length, "empty value");
    var headers = new ArrayList<String>();
    for (Header header : got.get(1).headers()) headers.add(header.key() + "=" + Arrays.toString(header.value()));
    equal(List.of("h=null", "h=[]", "h=[-1, 0]"), headers, "headers");
  }

  static void group(String assignor) throws Exception {
    String topic = createTopic(4, Map.of());
    String groupId = unique("group");
    var seen = List.of(new ConcurrentLinkedQueue<String>(), new ConcurrentLinkedQueue<String>());
    var ready = new CountDownLatch(2);
    var stop = new CountDownLatch(1);
    var failures = new ConcurrentLinkedQueue<Throwable>();
    var threads = new ArrayList<Thread>();
    for (var own : seen) {
      var thread = new Thread(() -> {
        try (var consumer = consumer(Map.of("group.id", groupId, "session.timeout.ms", "6000", "heartbeat.interval.ms", "500", "partition.assignment.strategy", assignor))) {
          consumer.subscribe(List.of(topic));
          boolean counted = false;
          while (stop.getCount() > 0) {
            var records = consumer.poll(Duration.ofMillis(100));
            if (!counted && consumer.assignment().size() == 2) {
              counted = true;
              ready.countDown();
            }
            for (var record : records) own.add(record.partition() + ":" + record.offset());
            if (!records.isEmpty()) {
              try {
                consumer.commitSync();
              } catch (CommitFailedException rebalanced) {
                // the next poll rejoins
              }
            }
          }
        } catch (Throwable error) {
          failures.add(error);
        }
      });
      thread.start();
      threads.add(thread);
    }
    try {
      if (!ready.await(20, TimeUnit.SECONDS)) throw new AssertionError("the members never held two partitions each " + failures);
      try (var producer = producer(Map.of())) {
        for (int n = 0; n < 400; n++) producer.send(new ProducerRecord<>(topic, n % 4, null, utf8("" + n)));
      }
      long end = System.nanoTime() + 20_000_000_000L;
      while (seen.get(0).size() + seen.get(1).size() < 400 && System.nanoTime() < end) Thread.sleep(10);
    } finally {
      stop.countDown();
      for (var thread : threads) thread.join(10_000);
    }
    if (!failures.isEmpty()) throw new AssertionError("a member failed", failures.peek());
    if (seen.get(0).isEmpty() || seen.get(1).isEmpty()) throw new AssertionError("both members get some");
    var distinct = new HashSet<>(seen.get(0));
    distinct.addAll(seen.get(1));
    equal(400, distinct.size(), "distinct records");
    equal(400, seen.get(0).size() + seen.get(1).size(), "records");
    var committed = admin.listConsumerGroupOffsets(groupId).partitionsToOffsetAndMetadata().get(10, TimeUnit.SECONDS);
    for (int p = 0; p < 4; p++) equal(100L, committed.get(new TopicPartition(topic, p)).offset(), "committed offset of partition " + p);
  }

  static void pattern() throws Exception {
    String prefix = unique("pattern");
    var options = Map.<String, Object>of("group.id", unique("group"), "metadata.max.age.ms", "200", "session.timeout.ms", "6000", "heartbeat.interval.ms", "300");
    admin.createTopics(List.of(new NewTopic(prefix + "-a", 2, (short) 1), new NewTopic("not-" + prefix + "-a", 1, (short) 1))).all().get(15, TimeUnit.SECONDS);
    try (var consumer = consumer(options)) {
      consumer.subscribe(java.util.regex.Pattern.compile(prefix + "-(a|b)"));
      pollUntil(consumer, "two partitions", () -> consumer.assignment().size() == 2);
      admin.createTopics(List.of(new NewTopic(prefix + "-b", 3, (short) 1))).all().get(15, TimeUnit.SECONDS);
      pollUntil(consumer, "five partitions", () -> consumer.assignment().size() == 5);
    }
  }

  interface Condition { boolean holds(); }

  static void pollUntil(KafkaConsumer<byte[], byte[]> consumer, String what, Condition condition) {
    long end = System.nanoTime() + 20_000_000_000L;
    while (!condition.holds()) {
      if (System.nanoTime() > end) throw new AssertionError("no " + what + ", but " + consumer.assignment());
      consumer.poll(Duration.ofMillis(50));
    }
  }

  static void staticMember() throws Exception {
    String topic = createTopic(1, Map.of());
    Map<String, Object> options = Map.of("group.id", unique("group"), "group.instance.id", "one", "session.timeout.ms", "10000");
    try (var producer = producer(Map.of())) {
      for (int n = 0; n < 10; n++) producer.send(new ProducerRecord<>(topic, 0, null, utf8("" + n)));
      for (int round = 0; round < 2; round++) {
        producer.flush();
        int wanted = round == 0 ? 10 : 1;
        var got = new ArrayList<String>();
        try (var consumer = consumer(options)) {
          consumer.subscribe(List.of(topic));
          long end = System.nanoTime() + 15_000_000_000L;
          while (got.size() < wanted && System.nanoTime() < end) consumer.poll(Duration.ofMillis(100)).forEach(r -> got.add(new String(r.value())));
          consumer.commitSync();
        }
        equal(wanted, got.size(), "records in round " + round);
        if (round == 1) equal(List.of("next"), got, "round 1");
        producer.send(new ProducerRecord<>(topic, 0, null, utf8("next")));
      }
    }
  }

  static void byTime() throws Exception {
    String topic = createTopic(1, Map.of());
    long base = System.currentTimeMillis() - 600_000;
    try (var producer = producer(Map.of())) {
      for (int n = 0; n < 100; n++) producer.send(new ProducerRecord<>(topic, 0, base + n * 1000L, null, utf8("" + n)));
    }
    var partition = new TopicPartition(topic, 0);
    try (var consumer = consumer(Map.of())) {
      equal(42L, consumer.offsetsForTimes(Map.of(partition, base + 41_500)).get(partition).offset(), "offset at 41.5 s");
      equal(base + 42_000, consumer.offsetsForTimes(Map.of(partition, base + 41_500)).get(partition).timestamp(), "its time");
      equal(null, consumer.offsetsForTimes(Map.of(partition, base + 500_000)).get(partition), "a time after the end");
      equal(100L, consumer.endOffsets(List.of(partition)).get(partition), "end offset");
      equal(0L, consumer.beginningOffsets(List.of(partition)).get(partition), "beginning offset");
    }
    var max = admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition).get(10, TimeUnit.SECONDS);
    equal(99L, max.offset(), "offset of the largest timestamp");
    equal(base + 99_000, max.timestamp(), "the largest timestamp");
  }

  static void middle() throws Exception {
    String topic = createTopic(1, Map.of());
    try (var producer = producer(Map.of("linger.ms", "200", "compression.type", "lz4"))) {
      for (int n = 0; n < 50; n++) producer.send(new ProducerRecord<>(topic, 0, null, utf8("" + n)));
    }
    var partition = new TopicPartition(topic, 0);
    try (var consumer = consumer(Map.of())) {
      consumer.assign(List.of(partition));
      consumer.seek(partition, 33);
      var got = new ArrayList<String>();
      long end = System.nanoTime() + 10_000_000_000L;
      while (got.size() < 17 && System.nanoTime() < end) consumer.poll(Duration.ofMillis(100)).forEach(r -> got.add(new String(r.value())));
      equal(IntStream.range(33, 50).mapToObj(n -> "" + n).toList(), got, "values");
    }
  }

  static void adminViews() throws Exception {
    String topic = createTopic(3, Map.of("retention.ms", "1234567", "cleanup.policy", "delete"));
    var description = admin.describeTopics(List.of(topic)).allTopicNames().get(10, TimeUnit.SECONDS).get(topic);
    equal(3, description.partitions().size(), "partitions");
    if (description.topicId().equals(Uuid.ZERO_UUID)) throw new AssertionError("a topic id");
    var byId = admin.describeTopics(TopicCollection.ofTopicIds(List.of(description.topicId()))).allTopicIds().get(10, TimeUnit.SECONDS);
    equal(topic, byId.get(description.topicId()).name(), "name by id");
    if (!admin.listTopics().names().get(10, TimeUnit.SECONDS).contains(topic)) throw new AssertionError("not listed");
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    var config = admin.describeConfigs(List.of(resource)).all().get(10, TimeUnit.SECONDS).get(resource);
    equal("1234567", config.get("retention.ms").value(), "retention.ms");
    equal(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config.get("retention.ms").source(), "source of retention.ms");
    equal(ConfigEntry.ConfigSource.DEFAULT_CONFIG, config.get("max.message.bytes").source(), "source of max.message.bytes");
    var cluster = admin.describeCluster();
    equal(1, cluster.nodes().get(10, TimeUnit.SECONDS).size(), "nodes");
    equal(bootstrap, cluster.controller().get().host() + ":" + cluster.controller().get().port(), "controller");
    // Not listGroups, which 3.9 has not.
    admin.listConsumerGroups().all().get(10, TimeUnit.SECONDS);
    admin.deleteTopics(TopicCollection.ofTopicIds(List.of(description.topicId()))).all().get(10, TimeUnit.SECONDS);
    try {
      admin.describeTopics(TopicCollection.ofTopicIds(List.of(description.topicId()))).allTopicIds().get(10, TimeUnit.SECONDS);
      throw new AssertionError("the topic is still there");
    } catch (ExecutionException expected) {
      equal(UnknownTopicIdException.class, expected.getCause().getClass(), "after deletion");
    }
  }

  static void adminErrors() throws Exception {
    String topic = createTopic(1, Map.of());
    var cases = new LinkedHashMap<NewTopic, Class<?>>();
    cases.put(new NewTopic(topic, 1, (short) 1), TopicExistsException.class);
    cases.put(new NewTopic("a b", 1, (short) 1), InvalidTopicException.class);
    cases.put(new NewTopic(unique("t"), 0, (short) 1), InvalidPartitionsException.class);
    cases.put(new NewTopic(unique("t"), 1, (short) 3), InvalidReplicationFactorException.class);
    cases.put(new NewTopic(unique("t"), 1, (short) 1).configs(Map.of("no.such", "1")), InvalidConfigurationException.class);
    for (var one : cases.entrySet()) {
      try {
        admin.createTopics(List.of(one.getKey())).all().get(10, TimeUnit.SECONDS);
        throw new AssertionError(one.getKey() + " was made");
      } catch (ExecutionException expected) {
        equal(one.getValue(), expected.getCause().getClass(), one.getKey().toString());
      }
    }
    try {
      admin.deleteTopics(List.of(unique("absent"))).all().get(10, TimeUnit.SECONDS);
      throw new AssertionError("an absent topic was deleted");
    } catch (ExecutionException expected) {
      equal(UnknownTopicOrPartitionException.class, expected.getCause().getClass(), "deleting an absent topic");
    }
  }

  static void transactional() throws Exception {
    try (var producer = producer(Map.of("transactional.id", unique("tx"), "max.block.ms", "8000"))) {
      try {
        producer.initTransactions();
      } catch (org.apache.kafka.common.errors.TimeoutException left) {
        throw new AssertionError("the broker left the client waiting", left);
      } catch (KafkaException refused) {
        return;
      }
      String topic = createTopic(1, Map.of());
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, 0, null, utf8("in")));
      producer.commitTransaction();
    }
  }
}
