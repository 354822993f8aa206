import java.time.Duration;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.*;

/** The cluster itself: its nodes, its features, its quorum. */
class AdminCluster {
  static void add(Map<String, AdminChecks.Check> checks) {
    checks.put("describeCluster", AdminCluster::describe);
    checks.put("describeFeatures", AdminCluster::features);
    checks.put("updateFeatures", AdminCluster::update);
    checks.put("describeMetadataQuorum", AdminCluster::quorum);
    checks.put("clientInstanceId", AdminCluster::instanceId);
    checks.put("unregisterBroker", facts -> facts.outcome("one that is not", AdminChecks.admin.unregisterBroker(4711).all()));
    checks.put("addRaftVoter", facts -> facts.outcome("one more",
        AdminChecks.admin.addRaftVoter(4711, new Uuid(1, 2), Set.of(new RaftVoterEndpoint("CONTROLLER", "127.0.0.1", 1))).all()));
    checks.put("removeRaftVoter", facts -> facts.outcome("one that is not", AdminChecks.admin.removeRaftVoter(4711, new Uuid(1, 2)).all()));
    // Since 4.4, and this is compiled with 4.1.
    checks.put("unregisterController", facts -> {
      var result = Admin.class.getMethod("unregisterController", int.class).invoke(AdminChecks.admin, 4711);
      facts.outcome("one that is not", (KafkaFuture<?>) result.getClass().getMethod("all").invoke(result));
    });
  }

  static void describe(AdminChecks.Facts facts) throws Exception {
    var cluster = AdminChecks.admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
    facts.say("nodes", AdminChecks.get(cluster.nodes()).stream().map(node -> node.rack() + " fenced " + node.isFenced()).toList());
    facts.say("where we are", AdminChecks.get(cluster.nodes()).stream().allMatch(node -> (node.host() + ":" + node.port()).equals(AdminChecks.bootstrap)));
    facts.say("controller", AdminChecks.get(cluster.controller()).id() == AdminTopics.nodeId());
    facts.say("has an id", !AdminChecks.get(cluster.clusterId()).isEmpty());
    facts.say("operations", new TreeSet<>(AdminChecks.get(cluster.authorizedOperations())));
    facts.say("unasked operations", AdminChecks.get(AdminChecks.admin.describeCluster().authorizedOperations()));
    facts.say("with fenced brokers", AdminChecks.get(AdminChecks.admin.describeCluster(new DescribeClusterOptions().includeFencedBrokers(true)).nodes()).size());
  }

  private static final List<String> FEATURES = List.of("group.version", "transaction.version", "share.version", "streams.version", "kraft.version", "metadata.version", "eligible.leader.replicas.version");

  static void features(AdminChecks.Facts facts) throws Exception {
    var found = AdminChecks.get(AdminChecks.admin.describeFeatures().featureMetadata());
    facts.say("has an epoch", found.finalizedFeaturesEpoch().isPresent());
    for (var name : FEATURES) {
      var supported = found.supportedFeatures().get(name);
      var finalized = found.finalizedFeatures().get(name);
      facts.say(name, (supported == null ? "unsupported" : supported.minVersion() + "-" + supported.maxVersion()) + ", " + (finalized == null ? "not finalized" : finalized.maxVersionLevel()));
    }
    facts.say("others", found.supportedFeatures().keySet().stream().filter(name -> !FEATURES.contains(name)).sorted().toList());
  }

  private static void level(AdminChecks.Facts facts, String what, String feature, int level, FeatureUpdate.UpgradeType type, boolean only) {
    facts.outcome(what, () -> AdminChecks.admin.updateFeatures(Map.of(feature, new FeatureUpdate((short) level, type)), new UpdateFeaturesOptions().validateOnly(only)).all());
  }

  static void update(AdminChecks.Facts facts) throws Exception {
    level(facts, "to where it is", "transaction.version", 2, FeatureUpdate.UpgradeType.UPGRADE, false);
    level(facts, "down", "transaction.version", 1, FeatureUpdate.UpgradeType.SAFE_DOWNGRADE, true);
    level(facts, "down, called up", "transaction.version", 1, FeatureUpdate.UpgradeType.UPGRADE, true);
    level(facts, "too far up", "transaction.version", 99, FeatureUpdate.UpgradeType.UPGRADE, false);
    level(facts, "an unknown one", "no.such.feature", 1, FeatureUpdate.UpgradeType.UPGRADE, false);
    level(facts, "no more", "no.such.feature", 0, FeatureUpdate.UpgradeType.SAFE_DOWNGRADE, false);
  }

  static void quorum(AdminChecks.Facts facts) throws Exception {
    var quorum = AdminChecks.get(AdminChecks.admin.describeMetadataQuorum().quorumInfo());
    facts.say("leader", quorum.leaderId() == AdminTopics.nodeId());
    facts.say("epoch", quorum.leaderEpoch() > 0);
    facts.say("high watermark", quorum.highWatermark() >= 0);
    facts.say("voters", quorum.voters().stream().map(voter -> voter.replicaId() == quorum.leaderId()).toList());
    facts.say("observers", quorum.observers());
    facts.say("the voter has all", quorum.voters().get(0).logEndOffset() >= quorum.highWatermark());
    facts.say("its nodes", quorum.nodes().size());
  }

  static void instanceId(AdminChecks.Facts facts) throws Exception {
    try {
      AdminChecks.admin.clientInstanceId(Duration.ofSeconds(2));
      facts.say("given", "one");
    } catch (Exception refused) {
      facts.say("given", AdminChecks.Facts.named(refused));
    }
  }
}
