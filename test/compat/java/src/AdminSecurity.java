import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.token.delegation.DelegationToken;

/** Rights, tokens, passwords. */
class AdminSecurity {
  static void add(Map<String, AdminChecks.Check> checks) {
    checks.put("createAcls", AdminSecurity::createAcls);
    checks.put("describeAcls", AdminSecurity::describeAcls);
    checks.put("deleteAcls", AdminSecurity::deleteAcls);
    checks.put("createDelegationToken", AdminSecurity::createToken);
    checks.put("describeDelegationToken", AdminSecurity::describeTokens);
    checks.put("renewDelegationToken", AdminSecurity::renewToken);
    checks.put("expireDelegationToken", AdminSecurity::expireToken);
    checks.put("alterUserScramCredentials", AdminSecurity::alterScram);
    checks.put("describeUserScramCredentials", AdminSecurity::describeScram);
  }

  private static AclBinding acl(ResourceType type, String name, PatternType pattern, String principal, AclOperation operation, AclPermissionType permission) {
    return new AclBinding(new ResourcePattern(type, name, pattern), new AccessControlEntry(principal, "*", operation, permission));
  }

  private static final List<AclBinding> ACLS = List.of(
      acl(ResourceType.TOPIC, "acl-orders", PatternType.LITERAL, "User:acl-bob", AclOperation.READ, AclPermissionType.ALLOW),
      acl(ResourceType.TOPIC, "acl-", PatternType.PREFIXED, "User:acl-bob", AclOperation.WRITE, AclPermissionType.DENY),
      acl(ResourceType.GROUP, "*", PatternType.LITERAL, "User:acl-bob", AclOperation.READ, AclPermissionType.ALLOW),
      acl(ResourceType.CLUSTER, "kafka-cluster", PatternType.LITERAL, "User:acl-carol", AclOperation.CREATE, AclPermissionType.ALLOW),
      acl(ResourceType.TRANSACTIONAL_ID, "acl-tx", PatternType.LITERAL, "User:acl-carol", AclOperation.WRITE, AclPermissionType.ALLOW),
      acl(ResourceType.DELEGATION_TOKEN, "some", PatternType.LITERAL, "User:acl-carol", AclOperation.DESCRIBE, AclPermissionType.ALLOW),
      acl(ResourceType.USER, "User:acl-bob", PatternType.LITERAL, "User:acl-carol", AclOperation.CREATE_TOKENS, AclPermissionType.ALLOW));

  private static List<String> found(AclBindingFilter filter) throws Exception {
    return AdminChecks.get(AdminChecks.admin.describeAcls(filter).values()).stream().map(AdminSecurity::line).filter(line -> line.contains("User:acl-")).sorted().toList();
  }

  private static String line(AclBinding binding) {
    var pattern = binding.pattern();
    var entry = binding.entry();
    return String.join(" ", entry.permissionType().toString(), entry.principal(), entry.host(), entry.operation().toString(), pattern.resourceType().toString(), pattern.patternType().toString(), pattern.name());
  }

  private static void create(AdminChecks.Facts facts, String what, AclBinding binding) {
    facts.outcome(what, () -> AdminChecks.admin.createAcls(List.of(binding)).all());
  }

  static void createAcls(AdminChecks.Facts facts) throws Exception {
    facts.outcome("all kinds", AdminChecks.admin.createAcls(ACLS).all());
    AdminChecks.until("all are known", () -> found(AclBindingFilter.ANY).size() == ACLS.size());
    facts.outcome("again", AdminChecks.admin.createAcls(ACLS).all());
    create(facts, "a principal of no type", acl(ResourceType.TOPIC, "t", PatternType.LITERAL, "acl-bob", AclOperation.READ, AclPermissionType.ALLOW));
    create(facts, "no name", acl(ResourceType.TOPIC, "", PatternType.LITERAL, "User:acl-bob", AclOperation.READ, AclPermissionType.ALLOW));
    create(facts, "another cluster", acl(ResourceType.CLUSTER, "other", PatternType.LITERAL, "User:acl-bob", AclOperation.CREATE, AclPermissionType.ALLOW));
    create(facts, "an operation that groups have not", acl(ResourceType.GROUP, "g", PatternType.LITERAL, "User:acl-bob", AclOperation.WRITE, AclPermissionType.ALLOW));
    create(facts, "unknown operation", acl(ResourceType.TOPIC, "t", PatternType.LITERAL, "User:acl-bob", AclOperation.UNKNOWN, AclPermissionType.ALLOW));
    AdminChecks.until("it is known", () -> found(AclBindingFilter.ANY).size() == ACLS.size() + 1);
  }

  private static AclBindingFilter filter(ResourceType type, String name, PatternType pattern, String principal, AclOperation operation) {
    return new AclBindingFilter(new ResourcePatternFilter(type, name, pattern), new AccessControlEntryFilter(principal, null, operation, AclPermissionType.ANY));
  }

  static void describeAcls(AdminChecks.Facts facts) throws Exception {
    facts.say("all", found(AclBindingFilter.ANY));
    facts.say("of one", found(filter(ResourceType.ANY, null, PatternType.ANY, "User:acl-carol", AclOperation.ANY)));
    facts.say("of a topic", found(filter(ResourceType.TOPIC, "acl-orders", PatternType.LITERAL, null, AclOperation.ANY)));
    facts.say("that match a topic", found(filter(ResourceType.TOPIC, "acl-orders", PatternType.MATCH, null, AclOperation.ANY)));
    facts.say("of prefixes", found(filter(ResourceType.TOPIC, null, PatternType.PREFIXED, null, AclOperation.ANY)));
    facts.say("of an operation", found(filter(ResourceType.ANY, null, PatternType.ANY, null, AclOperation.READ)));
    facts.outcome("unknown ones", AdminChecks.admin.describeAcls(filter(ResourceType.UNKNOWN, null, PatternType.ANY, null, AclOperation.ANY)).values());
  }

  static void deleteAcls(AdminChecks.Facts facts) throws Exception {
    var matching = filter(ResourceType.TOPIC, "acl-orders", PatternType.MATCH, "User:acl-bob", AclOperation.ANY);
    var none = filter(ResourceType.TOPIC, "none", PatternType.LITERAL, "User:acl-bob", AclOperation.ANY);
    var deleted = AdminChecks.admin.deleteAcls(List.of(matching, none)).values();
    facts.say("that match", AdminChecks.get(deleted.get(matching)).values().stream().map(result -> line(result.binding()) + " " + result.exception()).sorted().toList());
    facts.say("none", AdminChecks.get(deleted.get(none)).values());
    AdminChecks.until("they are gone", () -> found(matching).isEmpty());
    for (var principal : List.of("User:acl-bob", "User:acl-carol")) {
      var one = filter(ResourceType.ANY, null, PatternType.ANY, principal, AclOperation.ANY);
      facts.say("of " + principal, AdminChecks.get(AdminChecks.admin.deleteAcls(List.of(one)).all()).size());
    }
    AdminChecks.until("all are gone", () -> found(AclBindingFilter.ANY).isEmpty());
  }

  private static DelegationToken token(CreateDelegationTokenOptions options) throws Exception {
    return AdminChecks.get(AdminChecks.admin.createDelegationToken(options).delegationToken());
  }

  private static boolean logsIn(DelegationToken token) throws Exception {
    var login = AdminChecks.login("SCRAM-SHA-256", "scram.ScramLoginModule", token.tokenInfo().tokenId(), token.hmacAsBase64String(), " tokenauth=\"true\"");
    try (var admin = Admin.create(login)) {
      return AdminChecks.error(admin.listTopics().names()).isEmpty();
    }
  }

  static void createToken(AdminChecks.Facts facts) throws Exception {
    var token = token(new CreateDelegationTokenOptions().maxLifetimeMs(3_600_000).renewers(List.of(new KafkaPrincipal("User", "renews"))));
    var info = token.tokenInfo();
    facts.say("owner", info.owner() + " by " + info.tokenRequester());
    facts.say("renewers", info.renewers());
    facts.say("hours", (info.maxTimestamp() - info.issueTimestamp()) / 3_600_000.0);
    facts.say("expires in time", info.expiryTimestamp() <= info.maxTimestamp());
    AdminChecks.until("it logs in", () -> logsIn(token));
    facts.say("logs in", true);
    var other = token(new CreateDelegationTokenOptions().owner(new KafkaPrincipal("User", "somebody")));
    facts.say("for another", other.tokenInfo().owner() + " by " + other.tokenInfo().tokenRequester());
    facts.outcome("with a renewer of no type", AdminChecks.admin.createDelegationToken(new CreateDelegationTokenOptions().renewers(List.of(new KafkaPrincipal("Group", "staff")))).delegationToken());
  }

  static void describeTokens(AdminChecks.Facts facts) throws Exception {
    AdminChecks.until("two are known", () -> AdminChecks.get(AdminChecks.admin.describeDelegationToken().delegationTokens()).size() >= 2);
    var somebody = new DescribeDelegationTokenOptions().owners(List.of(new KafkaPrincipal("User", "somebody")));
    facts.say("owners", AdminChecks.get(AdminChecks.admin.describeDelegationToken().delegationTokens()).stream().map(token -> token.tokenInfo().owner().toString()).sorted().toList());
    facts.say("of one", AdminChecks.get(AdminChecks.admin.describeDelegationToken(somebody).delegationTokens()).stream().map(token -> token.tokenInfo().owner().toString()).toList());
    facts.say("of nobody", AdminChecks.get(AdminChecks.admin.describeDelegationToken(new DescribeDelegationTokenOptions().owners(List.of(new KafkaPrincipal("User", "nobody")))).delegationTokens()));
  }

  static void renewToken(AdminChecks.Facts facts) throws Exception {
    var token = token(new CreateDelegationTokenOptions());
    AdminChecks.until("it logs in", () -> logsIn(token));
    long expiry = AdminChecks.get(AdminChecks.admin.renewDelegationToken(token.hmac(), new RenewDelegationTokenOptions().renewTimePeriodMs(60_000)).expiryTimestamp());
    facts.say("in a minute", Math.abs(expiry - System.currentTimeMillis() - 60_000) < 20_000);
    long longest = AdminChecks.get(AdminChecks.admin.renewDelegationToken(token.hmac(), new RenewDelegationTokenOptions().renewTimePeriodMs(Long.MAX_VALUE / 4)).expiryTimestamp());
    facts.say("for ever, which is days", Math.round((longest - System.currentTimeMillis()) / 86_400_000.0));
    facts.outcome("one that is not", AdminChecks.admin.renewDelegationToken(new byte[] {1, 2}).expiryTimestamp());
  }

  static void expireToken(AdminChecks.Facts facts) throws Exception {
    var token = token(new CreateDelegationTokenOptions());
    AdminChecks.until("it logs in", () -> logsIn(token));
    long expiry = AdminChecks.get(AdminChecks.admin.expireDelegationToken(token.hmac(), new ExpireDelegationTokenOptions().expiryTimePeriodMs(120_000)).expiryTimestamp());
    facts.say("in two minutes", Math.abs(expiry - System.currentTimeMillis() - 120_000) < 20_000);
    facts.outcome("at once", AdminChecks.admin.expireDelegationToken(token.hmac(), new ExpireDelegationTokenOptions().expiryTimePeriodMs(-1)).expiryTimestamp());
    AdminChecks.until("it logs in no more", () -> !logsIn(token));
    facts.outcome("one that is not", AdminChecks.admin.expireDelegationToken(new byte[] {1, 2}).expiryTimestamp());
  }

  private static Scram scram(String user) {
    return new Scram(user);
  }

  private record Scram(String user) {
    UserScramCredentialAlteration with(ScramMechanism mechanism, int iterations) {
      return new UserScramCredentialUpsertion(user, new ScramCredentialInfo(mechanism, iterations), "password of " + user);
    }

    UserScramCredentialAlteration without(ScramMechanism mechanism) {
      return new UserScramCredentialDeletion(user, mechanism);
    }
  }

  private static boolean hasPassword(String user) {
    var login = AdminChecks.login("SCRAM-SHA-256", "scram.ScramLoginModule", user, "password of " + user, "");
    try (var admin = Admin.create(login)) {
      return AdminChecks.error(admin.describeFeatures().featureMetadata()).isEmpty();
    }
  }

  static void alterScram(AdminChecks.Facts facts) throws Exception {
    var admin = AdminChecks.admin;
    for (var mechanism : List.of(ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)) {
      facts.outcome(mechanism.mechanismName(), admin.alterUserScramCredentials(List.of(scram("scram-dora").with(mechanism, 8192))).all());
    }
    AdminChecks.until("she logs in", () -> hasPassword("scram-dora"));
    facts.say("logs in", true);
    facts.outcome("too few iterations", admin.alterUserScramCredentials(List.of(scram("scram-few").with(ScramMechanism.SCRAM_SHA_256, 100))).all());
    facts.outcome("too many iterations", admin.alterUserScramCredentials(List.of(scram("scram-many").with(ScramMechanism.SCRAM_SHA_256, 1_000_000))).all());
    facts.outcome("no name", admin.alterUserScramCredentials(List.of(scram("").with(ScramMechanism.SCRAM_SHA_256, 4096))).all());
    facts.outcome("no such user", admin.alterUserScramCredentials(List.of(scram("scram-nobody").without(ScramMechanism.SCRAM_SHA_256))).all());
    facts.outcome("no such mechanism", admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion("scram-x", new ScramCredentialInfo(ScramMechanism.UNKNOWN, 4096), "x"))).all());
    facts.outcome("the same twice", admin.alterUserScramCredentials(List.of(scram("scram-dora").with(ScramMechanism.SCRAM_SHA_512, 4096), scram("scram-dora").without(ScramMechanism.SCRAM_SHA_512))).all());
    facts.outcome("one mechanism less", admin.alterUserScramCredentials(List.of(scram("scram-dora").without(ScramMechanism.SCRAM_SHA_512))).all());
  }

  static void describeScram(AdminChecks.Facts facts) throws Exception {
    var admin = AdminChecks.admin;
    facts.outcome("two more", admin.alterUserScramCredentials(List.of(scram("scram-ed").with(ScramMechanism.SCRAM_SHA_512, 5000), scram("scram-flo").with(ScramMechanism.SCRAM_SHA_256, 6000))).all());
    AdminChecks.until("both are known", () -> AdminChecks.get(admin.describeUserScramCredentials().users()).containsAll(List.of("scram-ed", "scram-flo")));
    facts.say("users", AdminChecks.get(admin.describeUserScramCredentials().users()).stream().filter(user -> user.startsWith("scram-")).sorted().toList());
    for (var user : List.of("scram-dora", "scram-ed", "scram-flo")) {
      facts.say(user, AdminChecks.get(admin.describeUserScramCredentials(List.of(user)).description(user)).credentialInfos());
    }
    facts.outcome("nobody", admin.describeUserScramCredentials(List.of("scram-nobody")).description("scram-nobody"));
  }
}
