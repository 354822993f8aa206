import java.util.*;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

/** Producers and transactions. */
class AdminTransactions {
  static void add(Map<String, AdminChecks.Check> checks) {
    checks.put("describeProducers", AdminTransactions::producers);
    checks.put("describeTransactions", AdminTransactions::describe);
    checks.put("listTransactions", AdminTransactions::list);
    checks.put("fenceProducers", AdminTransactions::fence);
    checks.put("forceTerminateTransaction", AdminTransactions::terminate);
    checks.put("abortTransaction", AdminTransactions::abort);
  }

  /** A producer with an open transaction of one record in partition 0. */
  static KafkaProducer<byte[], byte[]> open(String topic, String transactionalId) throws Exception {
    var producer = new KafkaProducer<>(AdminChecks.clientOptions(Map.of("transactional.id", transactionalId, "transaction.timeout.ms", "50000")), new ByteArraySerializer(), new ByteArraySerializer());
    producer.initTransactions();
    producer.beginTransaction();
    producer.send(new ProducerRecord<>(topic, 0, null, new byte[] {1})).get();
    return producer;
  }

  static void end(KafkaProducer<byte[], byte[]> producer) {
    producer.close(java.time.Duration.ofSeconds(5));
  }

  private static void commit(AdminChecks.Facts facts, String what, KafkaProducer<byte[], byte[]> producer) {
    try {
      producer.commitTransaction();
      facts.say(what, "committed");
    } catch (KafkaException refused) {
      facts.say(what, "refused");
    }
  }

  static void producers(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("producers", 1, Map.of());
    var place = new TopicPartition("producers", 0);
    var producer = open("producers", "producers-1");
    var found = AdminChecks.get(AdminChecks.admin.describeProducers(List.of(place)).partitionResult(place)).activeProducers();
    facts.say("active", found.size());
    facts.say("open", found.get(0).currentTransactionStartOffset() + " " + found.get(0).lastSequence() + " " + found.get(0).coordinatorEpoch() + " " + (found.get(0).lastTimestamp() > 0));
    var here = new DescribeProducersOptions().brokerId(AdminTopics.nodeId());
    facts.say("of the broker", AdminChecks.get(AdminChecks.admin.describeProducers(List.of(place), here).partitionResult(place)).activeProducers().size());
    producer.commitTransaction();
    AdminChecks.until("the marker is written", () -> AdminChecks.get(AdminChecks.admin.describeProducers(List.of(place)).partitionResult(place)).activeProducers().get(0).currentTransactionStartOffset().isEmpty());
    found = AdminChecks.get(AdminChecks.admin.describeProducers(List.of(place)).partitionResult(place)).activeProducers();
    facts.say("after it", found.size() + " " + found.get(0).currentTransactionStartOffset() + " " + found.get(0).coordinatorEpoch());
    end(producer);
    facts.outcome("of an absent partition", AdminChecks.admin.describeProducers(List.of(new TopicPartition("producers", 4)), new DescribeProducersOptions().timeoutMs(700)).all());
  }

  static void describe(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("transactions", 2, Map.of());
    var producer = open("transactions", "described-1");
    var found = AdminChecks.get(AdminChecks.admin.describeTransactions(List.of("described-1")).description("described-1"));
    facts.say("open", found.state() + " " + found.topicPartitions() + " " + found.transactionTimeoutMs() + " " + found.transactionStartTimeMs().isPresent());
    facts.say("coordinator", found.coordinatorId() == AdminTopics.nodeId());
    producer.commitTransaction();
    AdminChecks.until("it is complete", () -> AdminChecks.get(AdminChecks.admin.describeTransactions(List.of("described-1")).description("described-1")).state() == TransactionState.COMPLETE_COMMIT);
    found = AdminChecks.get(AdminChecks.admin.describeTransactions(List.of("described-1")).description("described-1"));
    facts.say("committed", found.state() + " " + found.topicPartitions() + " " + found.transactionStartTimeMs().isPresent());
    end(producer);
    facts.outcome("an absent one", AdminChecks.admin.describeTransactions(List.of("absent")).all());
  }

  static void list(AdminChecks.Facts facts) throws Exception {
    var producer = open("transactions", "listed-1");
    var id = AdminChecks.get(AdminChecks.admin.describeTransactions(List.of("listed-1")).description("listed-1")).producerId();
    var options = new LinkedHashMap<String, ListTransactionsOptions>();
    options.put("all", new ListTransactionsOptions());
    options.put("ongoing", new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING)));
    options.put("empty", new ListTransactionsOptions().filterStates(List.of(TransactionState.EMPTY)));
    options.put("of its producer", new ListTransactionsOptions().filterProducerIds(List.of(id)));
    options.put("of another", new ListTransactionsOptions().filterProducerIds(List.of(id + 1_000_000)));
    options.put("open for a day", new ListTransactionsOptions().filterOnDuration(86_400_000));
    options.put("open for any time", new ListTransactionsOptions().filterOnDuration(0));
    options.put("by a pattern", new ListTransactionsOptions().filterOnTransactionalIdPattern("list.*-[0-9]"));
    options.put("by another pattern", new ListTransactionsOptions().filterOnTransactionalIdPattern("listed"));
    for (var option : options.entrySet()) {
      facts.say(option.getKey(), AdminChecks.get(AdminChecks.admin.listTransactions(option.getValue()).all()).stream().filter(each -> each.transactionalId().startsWith("listed-")).map(each -> each.transactionalId() + " " + each.state()).toList());
    }
    facts.outcome("by no pattern", AdminChecks.admin.listTransactions(new ListTransactionsOptions().filterOnTransactionalIdPattern("(unclosed")).all());
    producer.abortTransaction();
    end(producer);
  }

  static void fence(AdminChecks.Facts facts) throws Exception {
    var producer = open("transactions", "fenced-1");
    var before = AdminChecks.get(AdminChecks.admin.describeTransactions(List.of("fenced-1")).description("fenced-1"));
    var result = AdminChecks.admin.fenceProducers(List.of("fenced-1", "fenced-new"));
    facts.outcome("both", result.all());
    facts.say("the same producer id", AdminChecks.get(result.producerId("fenced-1")) == before.producerId());
    facts.say("a later epoch", AdminChecks.get(result.epochId("fenced-1")) > before.producerEpoch());
    facts.say("epoch of one that was not", AdminChecks.get(result.epochId("fenced-new")));
    commit(facts, "its transaction", producer);
    end(producer);
  }

  static void terminate(AdminChecks.Facts facts) throws Exception {
    var producer = open("transactions", "terminated-1");
    facts.outcome("open", AdminChecks.admin.forceTerminateTransaction("terminated-1").result());
    AdminChecks.until("it is aborted", () -> AdminChecks.get(AdminChecks.admin.describeTransactions(List.of("terminated-1")).description("terminated-1")).topicPartitions().isEmpty());
    commit(facts, "its transaction", producer);
    facts.outcome("none", AdminChecks.admin.forceTerminateTransaction("terminated-none").result());
    end(producer);
  }

  static void abort(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("hanging", 1, Map.of());
    var place = new TopicPartition("hanging", 0);
    var producer = open("hanging", "hanging-1");
    var active = AdminChecks.get(AdminChecks.admin.describeProducers(List.of(place)).partitionResult(place)).activeProducers().get(0);
    facts.outcome("one that hangs", AdminChecks.admin.abortTransaction(new AbortTransactionSpec(place, active.producerId(), (short) active.producerEpoch(), 0)).all());
    end(producer);
  }
}
