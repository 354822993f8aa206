import java.lang.reflect.Modifier;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/**
 * Every method of Admin is asked, and what was answered is printed, so that the answers of two brokers can be compared. Arguments: HOST:PORT,
 * the word `first-user` where the user `admin` is still to be made, and the methods to ask (all). A line is
 * {"check": METHOD, "ok": true, "answer": [FACT...]}; a method without a check fails, unless a line of LEFT_OUT says why.
 *
 * Both brokers are fresh, so names are fixed. What differs from run to run (ids, addresses, times) is not said.
 */
public class AdminChecks {
  /** Says what a broker answered about one method. */
  interface Check { void ask(Facts facts) throws Exception; }

  static String bootstrap;
  static Admin admin;
  static final Map<String, Check> CHECKS = new LinkedHashMap<>();

  /** Methods that are no question to the broker, or whose checks are elsewhere. */
  static final Map<String, String> LEFT_OUT = new TreeMap<>(Map.of(
      "close", "closes the client", "metrics", "the client's own", "registerMetricForSubscription", "the client's own",
      "unregisterMetricFromSubscription", "the client's own",
      "describeShareGroups", "ShareChecks", "alterShareGroupOffsets", "ShareChecks", "listShareGroupOffsets", "ShareChecks",
      "deleteShareGroupOffsets", "ShareChecks", "deleteShareGroups", "ShareChecks"));

  static final String USER = "admin";
  static final String PASSWORD = "secret";

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    var words = List.of(args).subList(1, args.length);
    if (words.contains("first-user")) makeFirstUser();
    var only = words.stream().filter(word -> !word.equals("first-user")).toList();
    AdminTopics.add(CHECKS);
    AdminConfigs.add(CHECKS);
    AdminGroups.add(CHECKS);
    AdminTransactions.add(CHECKS);
    AdminSecurity.add(CHECKS);
    AdminCluster.add(CHECKS);
    print("every method has a check", () -> {
      var without = new TreeSet<String>();
      for (var method : Admin.class.getMethods()) {
        if (!Modifier.isStatic(method.getModifiers()) && !CHECKS.containsKey(method.getName()) && !LEFT_OUT.containsKey(method.getName())) without.add(method.getName());
      }
      Compat.equal(Set.of(), without, "methods without a check");
      return List.of();
    });
    var names = Stream.of(Admin.class.getMethods()).map(java.lang.reflect.Method::getName).collect(Collectors.toSet());
    for (var check : CHECKS.entrySet()) {
      if (!names.contains(check.getKey()) || (!only.isEmpty() && !only.contains(check.getKey()))) continue;
      var facts = new Facts();
      print(check.getKey(), () -> {
        // Each has a client of its own: some questions end it.
        try (var own = Admin.create(login("PLAIN", "plain.PlainLoginModule", USER, PASSWORD, ""))) {
          admin = own;
          check.getValue().ask(facts);
        } catch (Throwable failed) {
          throw new AssertionError("after " + facts.lines, failed);
        }
        return facts.lines;
      });
    }
    System.exit(0);
  }

  static void print(String name, Callable<List<String>> check) {
    String outcome;
    try {
      outcome = "\"ok\": true, \"answer\": [" + check.call().stream().map(line -> "\"" + Compat.escape(line) + "\"").collect(Collectors.joining(", ")) + "]";
    } catch (Throwable error) {
      var text = new java.io.StringWriter();
      error.printStackTrace(new java.io.PrintWriter(text));
      outcome = "\"ok\": false, \"detail\": \"" + Compat.escape(text.toString()) + "\"";
    }
    System.out.println("{\"check\": \"" + name + "\", " + outcome + "}");
    System.out.flush();
  }

  static Map<String, Object> login(String mechanism, String module, String user, String password, String more) {
    return new HashMap<>(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", "10000", "default.api.timeout.ms", "20000",
        "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", mechanism,
        "sasl.jaas.config", "org.apache.kafka.common.security." + module + " required username=\"" + user + "\" password=\"" + password + "\"" + more + ";"));
  }

  /** On localhost, while there are no users, anybody may make the first. */
  private static void makeFirstUser() throws Exception {
    try (var anonymous = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
      var scram = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
      anonymous.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(USER, scram, PASSWORD))).all().get(20, TimeUnit.SECONDS);
    }
  }

  /** What one check has to say, in order. */
  static class Facts {
    final List<String> lines = new ArrayList<>();

    void say(String what, Object value) {
      lines.add(what + ": " + value);
    }

    /** Says whether it was done or with which error not. */
    void outcome(String what, KafkaFuture<?> future) {
      say(what, error(future).map(Facts::named).orElse("done"));
    }

    /** The same, where nothing came to pass before it was sent. */
    void outcome(String what, Callable<KafkaFuture<?>> call) {
      try {
        outcome(what, call.call());
      } catch (Exception thrown) {
        say(what, "thrown " + named(thrown));
      }
    }

    static String named(Throwable error) {
      return error.getClass().getSimpleName();
    }
  }

  static Optional<Throwable> error(KafkaFuture<?> future) {
    try {
      future.get(30, TimeUnit.SECONDS);
      return Optional.empty();
    } catch (ExecutionException failed) {
      return Optional.of(failed.getCause());
    } catch (Exception other) {
      return Optional.of(other);
    }
  }

  static <T> T get(KafkaFuture<T> future) throws Exception {
    return future.get(30, TimeUnit.SECONDS);
  }

  /** A real Kafka answers for a while as it did before: what its controller knows its broker learns a moment later. */
  static void until(String what, Callable<Boolean> holds) throws Exception {
    long end = System.nanoTime() + 30_000_000_000L;
    while (true) {
      try {
        if (holds.call()) return;
      } catch (ExecutionException early) {
        // Asked again.
      }
      if (System.nanoTime() > end) throw new AssertionError("waited in vain for: " + what);
      Thread.sleep(20);
    }
  }

  /** Makes a topic and waits until it can be written. */
  static void topic(String name, int partitions, Map<String, String> configs) throws Exception {
    get(admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all());
    awaitTopic(name, partitions);
  }

  static void awaitTopic(String name, int partitions) throws Exception {
    until(name + " has leaders", () -> {
      var found = get(admin.describeTopics(List.of(name)).allTopicNames()).get(name).partitions();
      return found.size() == partitions && found.stream().allMatch(partition -> partition.leader() != null);
    });
  }

  static List<TopicPartition> partitions(String topic, int count) {
    return IntStream.range(0, count).mapToObj(partition -> new TopicPartition(topic, partition)).toList();
  }

  static Map<String, Object> clientOptions(Map<String, Object> more) {
    var options = login("PLAIN", "plain.PlainLoginModule", USER, PASSWORD, "");
    options.putAll(more);
    return options;
  }
}
