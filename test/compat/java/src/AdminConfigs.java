import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.*;

/** Settings of topics, brokers and groups; quotas. */
class AdminConfigs {
  static void add(Map<String, AdminChecks.Check> checks) {
    checks.put("describeConfigs", AdminConfigs::describe);
    checks.put("incrementalAlterConfigs", AdminConfigs::alter);
    checks.put("listConfigResources", AdminConfigs::resources);
    checks.put("listClientMetricsResources", AdminConfigs::metricsResources);
    checks.put("alterClientQuotas", AdminConfigs::alterQuotas);
    checks.put("describeClientQuotas", AdminConfigs::describeQuotas);
  }

  private static ConfigResource resource(ConfigResource.Type type, String name) {
    return new ConfigResource(type, name);
  }

  private static ConfigResource broker() throws Exception {
    return resource(ConfigResource.Type.BROKER, "" + AdminTopics.nodeId());
  }

  static void describe(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("configs", 1, Map.of("retention.ms", "1234567"));
    var topic = resource(ConfigResource.Type.TOPIC, "configs");
    var options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
    var config = AdminChecks.get(AdminChecks.admin.describeConfigs(List.of(topic), options).all()).get(topic);
    for (var entry : config.entries().stream().sorted(Comparator.comparing(ConfigEntry::name)).toList()) {
      facts.say(entry.name(), Stream.of(entry.value(), entry.source(), entry.type(), entry.isReadOnly() ? "read only" : "", entry.isSensitive() ? "sensitive" : "",
          entry.synonyms().stream().map(synonym -> synonym.name() + "=" + synonym.value() + " " + synonym.source()).toList(),
          entry.documentation() == null || entry.documentation().isEmpty() ? "undocumented" : "documented").map(Object::toString).filter(word -> !word.isEmpty()).collect(Collectors.joining(" ")));
    }
    var brokerEntries = AdminChecks.get(AdminChecks.admin.describeConfigs(List.of(broker())).all()).values().iterator().next();
    for (var name : List.of("log.retention.hours", "num.partitions", "message.max.bytes", "log.segment.bytes", "node.id", "group.max.session.timeout.ms")) {
      var entry = brokerEntries.get(name);
      facts.say("broker " + name, entry == null ? "none" : entry.type() + " " + (entry.isReadOnly() ? "read only" : "changes"));
    }
    facts.outcome("an absent topic", AdminChecks.admin.describeConfigs(List.of(resource(ConfigResource.Type.TOPIC, "absent"))).all());
    facts.outcome("a broker that is not", AdminChecks.admin.describeConfigs(List.of(resource(ConfigResource.Type.BROKER, "4711")), new DescribeConfigsOptions().timeoutMs(700)).all());
    facts.outcome("a broker of no number", () -> AdminChecks.admin.describeConfigs(List.of(resource(ConfigResource.Type.BROKER, "one"))).all());
    facts.outcome("all brokers' defaults", AdminChecks.admin.describeConfigs(List.of(resource(ConfigResource.Type.BROKER, ""))).all());
    var group = resource(ConfigResource.Type.GROUP, "some-group");
    var groupEntries = AdminChecks.get(AdminChecks.admin.describeConfigs(List.of(group)).all()).get(group);
    for (var name : List.of("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms")) {
      facts.say("group " + name, groupEntries.get(name) == null ? "none" : groupEntries.get(name).value() + " " + groupEntries.get(name).source());
    }
  }

  private static Collection<AlterConfigOp> ops(Object... words) {
    var all = new ArrayList<AlterConfigOp>();
    for (int i = 0; i < words.length; i += 3) {
      all.add(new AlterConfigOp(new ConfigEntry((String) words[i + 1], (String) words[i + 2]), (AlterConfigOp.OpType) words[i]));
    }
    return all;
  }

  private static String value(ConfigResource resource, String name) throws Exception {
    var entry = AdminChecks.get(AdminChecks.admin.describeConfigs(List.of(resource)).all()).get(resource).get(name);
    return entry == null ? "none" : entry.value() + " " + entry.source();
  }

  private static void change(AdminChecks.Facts facts, String what, ConfigResource resource, Object... words) throws Exception {
    facts.outcome(what, AdminChecks.admin.incrementalAlterConfigs(Map.of(resource, ops(words))).all());
  }

  private static void becomes(AdminChecks.Facts facts, ConfigResource resource, String name, String wanted) throws Exception {
    AdminChecks.until(name + " is " + wanted, () -> value(resource, name).equals(wanted));
    facts.say(name, wanted);
  }

  static void alter(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("alter-configs", 1, Map.of());
    var set = AlterConfigOp.OpType.SET;
    var topic = resource(ConfigResource.Type.TOPIC, "alter-configs");
    change(facts, "set", topic, set, "retention.ms", "7654321");
    becomes(facts, topic, "retention.ms", "7654321 DYNAMIC_TOPIC_CONFIG");
    change(facts, "append", topic, AlterConfigOp.OpType.APPEND, "cleanup.policy", "compact");
    becomes(facts, topic, "cleanup.policy", "delete,compact DYNAMIC_TOPIC_CONFIG");
    change(facts, "subtract", topic, AlterConfigOp.OpType.SUBTRACT, "cleanup.policy", "compact");
    becomes(facts, topic, "cleanup.policy", "delete DYNAMIC_TOPIC_CONFIG");
    change(facts, "delete", topic, AlterConfigOp.OpType.DELETE, "retention.ms", null);
    becomes(facts, topic, "retention.ms", "604800000 DEFAULT_CONFIG");
    change(facts, "append to what is no list", topic, AlterConfigOp.OpType.APPEND, "retention.ms", "1");
    change(facts, "an unknown key", topic, set, "no.such", "1");
    change(facts, "a bad value", topic, set, "segment.bytes", "many");
    change(facts, "a value too small", topic, set, "segment.bytes", "1");
    change(facts, "one key twice", topic, set, "retention.ms", "1", set, "retention.ms", "2");
    change(facts, "one bad of two", topic, set, "retention.ms", "5", set, "segment.bytes", "many");
    facts.say("then neither holds", value(topic, "retention.ms"));
    facts.outcome("validated only", AdminChecks.admin.incrementalAlterConfigs(Map.of(topic, ops(set, "retention.ms", "5")), new AlterConfigsOptions().validateOnly(true)).all());
    facts.say("does not hold", value(topic, "retention.ms"));
    change(facts, "an absent topic", resource(ConfigResource.Type.TOPIC, "absent"), set, "retention.ms", "5");
    change(facts, "the broker's", broker(), set, "log.cleaner.threads", "1");
    change(facts, "all brokers'", resource(ConfigResource.Type.BROKER, ""), set, "log.retention.ms", "900000000");
    becomes(facts, topic, "retention.ms", "900000000 DYNAMIC_DEFAULT_BROKER_CONFIG");
    change(facts, "all brokers' no more", resource(ConfigResource.Type.BROKER, ""), AlterConfigOp.OpType.DELETE, "log.retention.ms", null);
    becomes(facts, topic, "retention.ms", "604800000 DEFAULT_CONFIG");
    change(facts, "one that only a start can change", resource(ConfigResource.Type.BROKER, ""), set, "num.partitions", "3");
    var group = resource(ConfigResource.Type.GROUP, "alter-group");
    change(facts, "a group's", group, set, "consumer.session.timeout.ms", "50000");
    becomes(facts, group, "consumer.session.timeout.ms", "50000 DYNAMIC_GROUP_CONFIG");
    change(facts, "a group's beyond its bounds", group, set, "consumer.session.timeout.ms", "50");
    change(facts, "a group's unknown", group, set, "no.such", "50");
    change(facts, "metrics of clients", resource(ConfigResource.Type.CLIENT_METRICS, "metrics"), set, "interval.ms", "60000");
  }

  static void resources(AdminChecks.Facts facts) throws Exception {
    AdminChecks.topic("listed-configs", 1, Map.of("retention.ms", "1234567"));
    var group = resource(ConfigResource.Type.GROUP, "listed-group");
    change(facts, "a group's", group, AlterConfigOp.OpType.SET, "consumer.session.timeout.ms", "51000");
    AdminChecks.until("it holds", () -> value(group, "consumer.session.timeout.ms").startsWith("51000"));
    var all = AdminChecks.get(AdminChecks.admin.listConfigResources().all());
    facts.say("the topic", all.contains(resource(ConfigResource.Type.TOPIC, "listed-configs")));
    facts.say("the group", all.contains(group));
    facts.say("the broker", all.contains(broker()));
    facts.say("types", all.stream().map(ConfigResource::type).filter(type -> type != ConfigResource.Type.CLIENT_METRICS && type != ConfigResource.Type.BROKER_LOGGER).collect(Collectors.toCollection(TreeSet::new)));
    var groups = AdminChecks.get(AdminChecks.admin.listConfigResources(Set.of(ConfigResource.Type.GROUP), new ListConfigResourcesOptions()).all());
    facts.say("groups alone", groups.stream().map(ConfigResource::type).collect(Collectors.toSet()) + " " + groups.contains(group));
  }

  static void metricsResources(AdminChecks.Facts facts) throws Exception {
    facts.outcome("listed", AdminChecks.admin.listClientMetricsResources().all());
  }

  private static ClientQuotaEntity entity(String... words) {
    var entries = new HashMap<String, String>();
    for (int i = 0; i < words.length; i += 2) entries.put(words[i], words[i + 1]);
    return new ClientQuotaEntity(entries);
  }

  private static void quota(AdminChecks.Facts facts, String what, ClientQuotaEntity entity, ClientQuotaAlteration.Op... ops) {
    facts.outcome(what, AdminChecks.admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(ops)))).all());
  }

  private static Map<String, Object> quotas(ClientQuotaFilter filter) throws Exception {
    var found = new TreeMap<String, Object>();
    AdminChecks.get(AdminChecks.admin.describeClientQuotas(filter).entities()).forEach((entity, values) -> found.put(new TreeMap<>(entity.entries()).toString(), new TreeMap<>(values)));
    return found;
  }

  static void alterQuotas(AdminChecks.Facts facts) throws Exception {
    var rate = new ClientQuotaAlteration.Op("producer_byte_rate", 1048576.0);
    quota(facts, "of a user", entity("user", "quota-alice"), rate, new ClientQuotaAlteration.Op("request_percentage", 150.5));
    quota(facts, "of a client", entity("client-id", "quota-app"), rate);
    quota(facts, "of a user's client", entity("user", "quota-alice", "client-id", "quota-app"), new ClientQuotaAlteration.Op("consumer_byte_rate", 1024.0));
    quota(facts, "of users by default", entity("user", null), new ClientQuotaAlteration.Op("controller_mutation_rate", 1000.0));
    quota(facts, "of an address", entity("ip", "10.1.2.3"), new ClientQuotaAlteration.Op("connection_creation_rate", 100.0));
    quota(facts, "no more", entity("client-id", "quota-app"), new ClientQuotaAlteration.Op("producer_byte_rate", null));
    quota(facts, "an unknown key", entity("user", "quota-alice"), new ClientQuotaAlteration.Op("no_such", 1.0));
    quota(facts, "a negative one", entity("user", "quota-alice"), new ClientQuotaAlteration.Op("producer_byte_rate", -1.0));
    quota(facts, "a fraction of a byte", entity("user", "quota-alice"), new ClientQuotaAlteration.Op("producer_byte_rate", 0.5));
    quota(facts, "of what is no user", entity("planet", "mars"), rate);
    quota(facts, "of an address and a user", entity("ip", "10.1.2.3", "user", "quota-alice"), rate);
    quota(facts, "of a name that is no address", entity("ip", "not an address"), new ClientQuotaAlteration.Op("connection_creation_rate", 100.0));
    facts.outcome("validated only", AdminChecks.admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity("user", "quota-bob"), List.of(rate))), new AlterClientQuotasOptions().validateOnly(true)).all());
  }

  static void describeQuotas(AdminChecks.Facts facts) throws Exception {
    AdminChecks.until("all are there", () -> quotas(ClientQuotaFilter.all()).size() >= 3);
    facts.say("of users", quotas(ClientQuotaFilter.containsOnly(List.of(ClientQuotaFilterComponent.ofEntityType("user")))));
    facts.say("with a client id", quotas(ClientQuotaFilter.contains(List.of(ClientQuotaFilterComponent.ofEntityType("client-id")))));
    facts.say("of one", quotas(ClientQuotaFilter.contains(List.of(ClientQuotaFilterComponent.ofEntity("user", "quota-alice")))));
    facts.say("of one alone", quotas(ClientQuotaFilter.containsOnly(List.of(ClientQuotaFilterComponent.ofEntity("user", "quota-alice")))));
    facts.say("by default", quotas(ClientQuotaFilter.contains(List.of(ClientQuotaFilterComponent.ofDefaultEntity("user")))));
    facts.say("of addresses", quotas(ClientQuotaFilter.contains(List.of(ClientQuotaFilterComponent.ofEntityType("ip")))));
    facts.outcome("of what is no user", AdminChecks.admin.describeClientQuotas(ClientQuotaFilter.contains(List.of(ClientQuotaFilterComponent.ofEntityType("planet")))).entities());
  }
}
