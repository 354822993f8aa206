import java.io.File;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * Transactional producers, a transformer and readers that write down what they did and saw, one JSON object a line, while somebody kills
 * the broker and pauses all of them (test/compat/history). Arguments: HOST:PORT, a name, a seed, the file that says stop, how many
 * producers, and `final` where this process reads everything at the end.
 *
 *     {"e": "txn", "by": PRODUCER, "end": "committed" | "aborted" | "unknown", "ids": [[PARTITION, ID]...]}
 *     {"e": "saw", "by": READER, "t": TOPIC, "p": PARTITION, "o": OFFSET, "id": ID}   and the same as "final"
 *     {"e": "note", "by": NAME, "text": TEXT}
 *     {"e": "done", "by": NAME}
 *
 * Each has "at", when it was written, in milliseconds.
 */
public class HistoryActors {
  static final String IN = "history-in";
  static final String OUT = "history-out";
  static final int PARTITIONS = 3;
  static final int TRANSACTION_TIMEOUT_MS = 4_000;
  static final long FINAL_PATIENCE_MS = 60_000;

  static String name;
  static File stopFile;
  static final AtomicInteger producing = new AtomicInteger();

  public static void main(String[] args) throws Exception {
    Compat.bootstrap = args[0];
    name = args[1];
    long seed = Long.parseLong(args[2]);
    stopFile = new File(args[3]);
    int producers = Integer.parseInt(args[4]);
    var all = new ArrayList<Thread>();
    for (int i = 0; i < producers; i++) {
      String own = name + "-" + i;
      var random = new Random(seed * 31 + i);
      producing.incrementAndGet();
      all.add(new Thread(() -> {
        new Transactor(own, random).run();
        producing.decrementAndGet();
        say("done", own, "");
      }));
    }
    var transformer = new Thread(() -> new Transformer(name + "-t", new Random(seed * 31 + 100)).run());
    transformer.setDaemon(true);
    var reader = new Thread(() -> read(name));
    reader.setDaemon(true);
    transformer.start();
    reader.start();
    for (var thread : all) thread.start();
    for (var thread : all) thread.join();
    if (args.length > 5 && args[5].equals("final")) readFinally(new File(args[3] + ".all"));
    // The transformer and the reader go on until the process is killed.
    Thread.currentThread().join();
  }

  static boolean stops() {
    return stopFile.exists();
  }

  static synchronized void say(String event, String by, String more) {
    System.out.println("{\"e\": \"" + event + "\", \"at\": " + System.currentTimeMillis() + ", \"by\": \"" + by + "\"" + more + "}");
    System.out.flush();
  }

  static void note(String by, Throwable error) {
    var cause = error.getCause() == null ? "" : " <- " + error.getCause();
    say("note", by, ", \"text\": \"" + Compat.escape(error + cause) + "\"");
  }

  static void pause(int ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException impossible) {
      throw new AssertionError(impossible);
    }
  }

  static KafkaProducer<byte[], byte[]> producer(String transactionalId) {
    var producer = Compat.producer(Map.of("transactional.id", transactionalId, "transaction.timeout.ms", "" + TRANSACTION_TIMEOUT_MS, "max.block.ms", "8000",
        "delivery.timeout.ms", "8000", "request.timeout.ms", "3000", "retry.backoff.ms", "50", "reconnect.backoff.max.ms", "200"));
    try {
      producer.initTransactions();
      return producer;
    } catch (RuntimeException failed) {
      producer.close(Duration.ZERO);
      throw failed;
    }
  }

  /** A commit whose answer is late is asked for again, as its contract says. */
  static void commit(KafkaProducer<byte[], byte[]> producer) {
    for (int tries = 0; ; tries++) {
      try {
        producer.commitTransaction();
        return;
      } catch (org.apache.kafka.common.errors.TimeoutException late) {
        if (tries == 5) throw late;
      }
    }
  }

  /** Transactions of a few records over the partitions; some are aborted, some are left to a second producer of the same name. */
  static class Transactor {
    final String own;
    final Random random;
    KafkaProducer<byte[], byte[]> producer;
    int number;

    Transactor(String own, Random random) {
      this.own = own;
      this.random = random;
    }

    void run() {
      while (!stops()) {
        try {
          if (producer == null) producer = producer("tx-" + own);
          transact();
        } catch (RuntimeException failed) {
          note(own, failed);
          drop();
        }
        pause(10 + random.nextInt(60));
      }
      drop();
    }

    void drop() {
      if (producer != null) producer.close(Duration.ZERO);
      producer = null;
    }

    void transact() {
      number++;
      int kind = random.nextInt(20);
      var ids = new ArrayList<String>();
      String end = "aborted";
      try {
        producer.beginTransaction();
        for (int i = 0, count = 1 + random.nextInt(8); i < count; i++) {
          String id = own + "." + number + "." + i;
          int partition = random.nextInt(PARTITIONS);
          ids.add("[" + partition + ", \"" + id + "\"]");
          producer.send(new ProducerRecord<>(IN, partition, null, Compat.utf8(id)));
        }
        if (random.nextInt(4) == 0) producer.flush();
        if (random.nextInt(8) == 0) pause(random.nextInt(500));
        if (kind < 5) producer.abortTransaction();
        else {
          // From here on it may be committed, whatever is said of it.
          end = "unknown";
          if (kind == 5) overtake();
          commit(producer);
          end = "committed";
        }
      } finally {
        say("txn", own, ", \"end\": \"" + end + "\", \"ids\": [" + String.join(", ", ids) + "]");
      }
    }

    /** Another producer takes the name: whatever the first one had begun is aborted, and it must hear so. */
    void overtake() {
      var first = producer;
      producer = null;
      try {
        producer = producer("tx-" + own);
        first.commitTransaction();
        say("broken", own, ", \"text\": \"a producer committed that had been fenced\"");
      } catch (KafkaException expected) {
        // As it should; or the second one did not get the name in time.
      } finally {
        first.close(Duration.ZERO);
      }
      throw new KafkaException("overtaken, as it was meant");
    }
  }

  /** Reads committed records and writes them on, with the offsets in the same transaction. */
  static class Transformer {
    final String own;
    final Random random;

    Transformer(String own, Random random) {
      this.own = own;
      this.random = random;
    }

    void run() {
      while (true) {
        try (var producer = producer("tx-" + own);
            var consumer = Compat.consumer(Map.of("group.id", "history-transform", "isolation.level", "read_committed", "max.poll.records", "25", "session.timeout.ms", "6000",
                "heartbeat.interval.ms", "1000", "request.timeout.ms", "5000", "default.api.timeout.ms", "8000",
                "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor"))) {
          consumer.subscribe(List.of(IN));
          while (true) transform(producer, consumer);
        } catch (RuntimeException failed) {
          note(own, failed);
          pause(100);
        }
      }
    }

    void transform(KafkaProducer<byte[], byte[]> producer, KafkaConsumer<byte[], byte[]> consumer) {
      var records = consumer.poll(Duration.ofMillis(100));
      if (records.isEmpty()) return;
      boolean commits = random.nextInt(5) != 0;
      producer.beginTransaction();
      var next = new HashMap<TopicPartition, OffsetAndMetadata>();
      for (var place : records.partitions()) {
        for (var record : records.records(place)) {
          producer.send(new ProducerRecord<>(OUT, place.partition(), null, record.value()));
          next.put(place, new OffsetAndMetadata(record.offset() + 1));
        }
      }
      producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
      if (commits) commit(producer);
      else {
        producer.abortTransaction();
        for (var place : records.partitions()) consumer.seek(place, records.records(place).get(0).offset());
      }
    }
  }

  static void saw(String event, String by, ConsumerRecord<byte[], byte[]> record) {
    say(event, by, ", \"t\": \"" + record.topic() + "\", \"p\": " + record.partition() + ", \"o\": " + record.offset() + ", \"id\": \"" + new String(record.value(), StandardCharsets.UTF_8) + "\"");
  }

  static KafkaConsumer<byte[], byte[]> reader(String... topics) {
    var consumer = Compat.consumer(Map.of("isolation.level", "read_committed", "request.timeout.ms", "5000"));
    var places = Stream.of(topics).flatMap(topic -> IntStream.range(0, PARTITIONS).mapToObj(partition -> new TopicPartition(topic, partition))).toList();
    consumer.assign(places);
    consumer.seekToBeginning(places);
    return consumer;
  }

  /** Reads both topics all the time. */
  static void read(String by) {
    try (var consumer = reader(IN, OUT)) {
      while (true) consumer.poll(Duration.ofMillis(200)).forEach(record -> saw("saw", by, record));
    } catch (RuntimeException failed) {
      say("broken", by, ", \"text\": \"" + Compat.escape("the reader ended: " + failed) + "\"");
    }
  }

  /** When all producers have ended and no transaction is open: everything, and as much of the other topic as follows from it. */
  static void readFinally(File allEnded) throws Exception {
    while (!allEnded.exists()) pause(20);
    long end = System.nanoTime() + FINAL_PATIENCE_MS * 1_000_000;
    int in = 0;
    try (var consumer = reader(IN)) {
      while (!isAtEnd(consumer) && System.nanoTime() < end) {
        for (var record : consumer.poll(Duration.ofMillis(100))) {
          saw("final", name, record);
          in++;
        }
      }
    }
    int out = 0;
    try (var consumer = reader(OUT)) {
      while ((out < in || !isAtEnd(consumer)) && System.nanoTime() < end) {
        for (var record : consumer.poll(Duration.ofMillis(100))) {
          saw("final", name, record);
          out++;
        }
      }
    }
    if (System.nanoTime() >= end) say("broken", name, ", \"text\": \"after " + FINAL_PATIENCE_MS + " ms " + in + " records are in and " + out + " out\"");
    say("done", name, "");
  }

  /** At the end that nothing committed or open lies behind. */
  static boolean isAtEnd(KafkaConsumer<byte[], byte[]> consumer) throws Exception {
    var spec = new HashMap<TopicPartition, org.apache.kafka.clients.admin.OffsetSpec>();
    for (var place : consumer.assignment()) spec.put(place, org.apache.kafka.clients.admin.OffsetSpec.latest());
    if (Compat.admin == null) Compat.admin = org.apache.kafka.clients.admin.Admin.create(Map.of("bootstrap.servers", Compat.bootstrap));
    var ends = Compat.admin.listOffsets(spec).all().get();
    for (var place : consumer.assignment()) if (consumer.position(place) < ends.get(place).offset()) return false;
    return true;
  }
}
