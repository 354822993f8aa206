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

/**
 * Checks of transactions with Java's own clients, compiled once and run with kafka-clients 3.9.2, 4.1.2 and 4.4.0. Argument: HOST:PORT of a broker
 * that looks for timed out transactions several times a second. Each check prints one JSON line.
 */
public class Transactions {
  public static void main(String[] args) throws Exception {
    Compat.bootstrap = args[0];
    Compat.admin = Admin.create(Map.of("bootstrap.servers", args[0], "request.timeout.ms", "10000", "default.api.timeout.ms", "15000"));
    Compat.check("committed transactions are read, aborted ones are not", Transactions::commitAndAbort);
    Compat.check("a reader waits at an open transaction, an uncommitted one does not", Transactions::open);
    Compat.check("a second producer fences the first and aborts what it left open", Transactions::fenced);
    Compat.check("consume, transform, produce: offsets are those of committed transactions", Transactions::offsets);
    Compat.check("a transaction beyond its timeout is aborted", Transactions::timeout);
    Compat.check("admin describes and lists transactions, and fences producers", Transactions::administration);
    Compat.admin.close(Duration.ofSeconds(5));
    System.exit(0);
  }

  static KafkaProducer<byte[], byte[]> producer(String id, Map<String, Object> options) {
    var config = new HashMap<String, Object>(Map.of("transactional.id", id, "max.block.ms", "15000"));
    config.putAll(options);
    var producer = Compat.producer(config);
    producer.initTransactions();
    return producer;
  }

  static void send(KafkaProducer<byte[], byte[]> producer, String topic, int partition, String value) {
    producer.send(new ProducerRecord<>(topic, partition, null, Compat.utf8(value)));
  }

  /** Values of a partition up to its end, as the isolation level shows it. */
  static List<String> values(String topic, int partition, String isolation) {
    try (var consumer = Compat.consumer(Map.of("isolation.level", isolation))) {
      var place = new TopicPartition(topic, partition);
      consumer.assign(List.of(place));
      consumer.seekToBeginning(List.of(place));
      long end = consumer.endOffsets(List.of(place)).get(place);
      var got = new ArrayList<String>();
      long until = System.nanoTime() + 20_000_000_000L;
      while (consumer.position(place) < end && System.nanoTime() < until) {
        consumer.poll(Duration.ofMillis(100)).forEach(record -> got.add(new String(record.value(), StandardCharsets.UTF_8)));
      }
      Compat.equal(true, consumer.position(place) >= end, "the end is reached");
      return got;
    }
  }

  static void commitAndAbort() throws Exception {
    String topic = Compat.createTopic(2, Map.of());
    var wanted = List.of(new ArrayList<String>(), new ArrayList<String>());
    try (var producer = producer(Compat.unique("tx"), Map.of())) {
      for (int n = 0; n < 20; n++) {
        boolean commits = n % 3 != 1;
        producer.beginTransaction();
        for (int i = 0; i < 10; i++) {
          send(producer, topic, i % 2, n + "." + i);
          if (commits) wanted.get(i % 2).add(n + "." + i);
        }
        if (n % 4 == 0) producer.flush();
        if (commits) producer.commitTransaction();
        else producer.abortTransaction();
      }
    }
    for (int partition = 0; partition < 2; partition++) Compat.equal(wanted.get(partition), values(topic, partition, "read_committed"), "committed");
  }

  static void open() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    try (var producer = producer(Compat.unique("tx"), Map.of())) {
      producer.beginTransaction();
      send(producer, topic, 0, "waits");
      producer.flush();
      Compat.equal(List.of(), values(topic, 0, "read_committed"), "committed");
      Compat.equal(List.of("waits"), values(topic, 0, "read_uncommitted"), "uncommitted");
      producer.commitTransaction();
      Compat.equal(List.of("waits"), values(topic, 0, "read_committed"), "committed");
    }
  }

  static void fenced() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String id = Compat.unique("tx");
    try (var first = producer(id, Map.of())) {
      first.beginTransaction();
      send(first, topic, 0, "of the first");
      first.flush();
      try (var second = producer(id, Map.of())) {
        second.beginTransaction();
        send(second, topic, 0, "of the second");
        second.commitTransaction();
      }
      try {
        send(first, topic, 0, "too late");
        first.commitTransaction();
        throw new AssertionError("the first producer committed");
      } catch (KafkaException error) {
        var fencing = Set.of(ProducerFencedException.class, InvalidProducerEpochException.class);
        if (!fencing.contains(error.getClass()) && (error.getCause() == null || !fencing.contains(error.getCause().getClass()))) throw error;
      }
    }
    Compat.equal(List.of("of the second"), values(topic, 0, "read_committed"), "committed");
  }

  static void offsets() throws Exception {
    String from = Compat.createTopic(1, Map.of());
    String to = Compat.createTopic(1, Map.of());
    String group = Compat.unique("tx-group");
    try (var producer = Compat.producer(Map.of())) {
      for (int n = 0; n < 50; n++) send(producer, from, 0, "" + n);
    }
    long committed = 0;
    boolean aborts = false;
    while (committed < 50) {
      aborts = !aborts;
      try (var producer = producer(Compat.unique("tx"), Map.of());
          var consumer = Compat.consumer(Map.of("group.id", group, "max.poll.records", "17", "isolation.level", "read_committed"))) {
        consumer.subscribe(List.of(from));
        var records = ConsumerRecords.<byte[], byte[]>empty();
        long until = System.nanoTime() + 20_000_000_000L;
        while (records.isEmpty() && System.nanoTime() < until) records = consumer.poll(Duration.ofMillis(100));
        var place = new TopicPartition(from, 0);
        var all = records.records(place);
        Compat.equal(committed, all.get(0).offset(), "the first offset consumed");
        producer.beginTransaction();
        for (var record : all) send(producer, to, 0, new String(record.value(), StandardCharsets.UTF_8));
        long next = all.get(all.size() - 1).offset() + 1;
        producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(next)), consumer.groupMetadata());
        if (aborts) producer.abortTransaction();
        else {
          producer.commitTransaction();
          committed = next;
        }
      }
    }
    Compat.equal(IntStream.range(0, 50).mapToObj(n -> "" + n).toList(), values(to, 0, "read_committed"), "transformed");
  }

  static void timeout() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    try (var producer = producer(Compat.unique("tx"), Map.of("transaction.timeout.ms", "1000"))) {
      producer.beginTransaction();
      send(producer, topic, 0, "forgotten");
      producer.flush();
      var place = new TopicPartition(topic, 0);
      long until = System.nanoTime() + 20_000_000_000L;
      long stable = 0;
      while (stable < 2 && System.nanoTime() < until) {
        Thread.sleep(50);
        stable = Compat.admin.listOffsets(Map.of(place, OffsetSpec.latest()), new ListOffsetsOptions(IsolationLevel.READ_COMMITTED)).partitionResult(place).get().offset();
      }
      Compat.equal(2L, stable, "the last stable offset");
      try {
        producer.commitTransaction();
        throw new AssertionError("it was committed after its timeout");
      } catch (KafkaException expected) {
        // Fenced, or told to abort.
      }
    }
    Compat.equal(List.of(), values(topic, 0, "read_committed"), "committed");
  }

  static void administration() throws Exception {
    String topic = Compat.createTopic(1, Map.of());
    String id = Compat.unique("tx");
    try (var producer = producer(id, Map.of())) {
      producer.beginTransaction();
      send(producer, topic, 0, "one");
      producer.flush();
      var description = Compat.admin.describeTransactions(List.of(id)).description(id).get(15, TimeUnit.SECONDS);
      Compat.equal(TransactionState.ONGOING, description.state(), "state");
      Compat.equal(Set.of(new TopicPartition(topic, 0)), description.topicPartitions(), "partitions");
      var listed = Compat.admin.listTransactions().all().get(15, TimeUnit.SECONDS).stream().filter(each -> each.transactionalId().equals(id)).toList();
      Compat.equal(1, listed.size(), "listed");
      Compat.equal(description.producerId(), listed.get(0).producerId(), "producer id");
      var place = new TopicPartition(topic, 0);
      var active = Compat.admin.describeProducers(List.of(place)).partitionResult(place).get(15, TimeUnit.SECONDS).activeProducers();
      Compat.equal(OptionalLong.of(0), active.get(0).currentTransactionStartOffset(), "start of the transaction");
      Compat.admin.fenceProducers(List.of(id)).all().get(15, TimeUnit.SECONDS);
      try {
        producer.commitTransaction();
        throw new AssertionError("a fenced producer committed");
      } catch (KafkaException expected) {
        // As it should.
      }
    }
    Compat.equal(List.of(), values(topic, 0, "read_committed"), "committed");
  }
}
