import type { ListenerAddress } from './listener-address.ts'
import {
  addresses,
  boolean,
  choice,
  int,
  list,
  type RawValue,
  type RuleText,
  rules,
  type Setting,
  type SettingItem,
  SettingProblem,
  string,
} from './setting.ts'

const words: SettingItem<string> = { range: '', parse: (word) => word, print: (word) => word }

/** Names of certificates have commas in them: where there is a semicolon, Kafka's own separator, it alone separates. */
const userName: SettingItem<string> = {
  range: '',
  parse: (word) => word.replace(/^User:/, ''),
  print: (word) => word,
  split: (text) => (text.includes(';') || text.includes('=') ? text.split(';') : text.split(',')),
  separator: ';',
}

const oneOf = <const T extends string>(words: readonly T[]): SettingItem<T> => ({
  range: words.join(', '),
  parse: (word) => words.find((known) => known === word) ?? new SettingProblem(`has values of ${words.join(', ')}, not "${word}"`),
  print: (word) => word,
})

const storageUrl = (value: string): string | null =>
  value === 'memory:' || value.startsWith('file:') ? null : `must be memory: or file:DIRECTORY, not "${value}"`

const keysUrl = (value: string): string | null =>
  value === '' || (URL.canParse(value) && /^(https?|file):/.test(value)) ? null : `must be a URL of https:, http: or file:, not "${value}"`

const INT_MAX = 2_147_483_647

/**
 * Every setting of the broker, by the key that a YAML file, `--set` and `startBroker` give it. Kafka's names where Kafka
 * has the setting. A setting is listed only once it has an effect. docs/reference/configuration.md is printed from this.
 */
const SETTINGS = {
  // Where it listens.
  'kafka.listeners': addresses('localhost:9092', 'Where Kafka clients connect. `localhost` is 127.0.0.1 and ::1; port 0 picks a free one.', {
    flag: ['kafka', 'HOST:PORT'],
  }),
  'kafka.advertised.listeners': addresses(
    'off',
    'What Metadata tells Kafka clients to connect to: one address per Kafka listener, in their order. Where there is none, the address that the client connected to.',
    { flag: ['kafka-advertised', 'HOST:PORT'] },
  ),
  'mqtt.listeners': addresses('localhost:1883', 'Where MQTT clients connect, as `kafka.listeners`.', { flag: ['mqtt', 'HOST:PORT'] }),
  'insecure.listeners': list<string>(
    [],
    'Listeners beyond loopback that may serve clients without a password, each as it is written in its setting. Without this such a listener refuses to start before there is a user, and wants a password ever after.',
    words,
    { flag: ['insecure', 'HOST:PORT'] },
  ),
  'super.users': list<string>(
    [],
    'Users who may do everything, beside the first user made; separated by semicolons where names have commas (`User:CN=admin,O=Example;User:bob`).',
    userName,
  ),
  'allow.everyone.if.no.acl.found': boolean(false, 'Whether every user may do what no ACL speaks of; else that is for administrators alone.'),

  // Logins by SASL.
  'sasl.enabled.mechanisms': list<'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'>(
    ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    'How Kafka clients may log in. OAUTHBEARER only where `sasl.oauthbearer.jwks.endpoint.url` is set.',
    oneOf(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']),
  ),
  'connections.max.reauth.ms': int(
    0,
    'A Kafka client that has not logged in anew for this long is closed (KIP-368); 0: never. The end of a token counts anyway.',
    {
      max: INT_MAX,
      unit: 'ms',
    },
  ),
  'sasl.oauthbearer.jwks.endpoint.url': string(
    '',
    'Where the keys are that sign the tokens of OAUTHBEARER (JWT): a JSON Web Key Set, `https:`, `http:` or `file:`. Empty: no OAUTHBEARER.',
    {
      check: keysUrl,
    },
  ),
  'sasl.oauthbearer.jwks.endpoint.refresh.ms': int(3_600_000, 'How often those keys are read anew; also when a token names an unknown one.', {
    min: 1,
    unit: 'ms',
  }),
  'sasl.oauthbearer.expected.issuer': string('', 'The `iss` of every token; empty: any.'),
  'sasl.oauthbearer.expected.audience': list<string>([], 'One of these must be in the `aud` of every token; none: any.', words),
  'sasl.oauthbearer.sub.claim.name': string('sub', 'The claim of a token that names the user.'),
  'sasl.oauthbearer.clock.skew.seconds': int(30, 'How far the clock of the issuer of tokens may be off.', { max: 86_400, unit: 's' }),

  // Delegation tokens.
  'delegation.token.max.lifetime.ms': int(604_800_000, 'How long a delegation token can be renewed, from when it was made.', { min: 1, unit: 'ms' }),
  'delegation.token.expiry.time.ms': int(86_400_000, 'How long a delegation token is good for without being renewed.', { min: 1, unit: 'ms' }),
  'delegation.token.expiry.check.interval.ms': int(3_600_000, 'How often expired delegation tokens are looked for.', { min: 1, max: INT_MAX, unit: 'ms' }),

  // TLS.
  'tls.listeners': list<string>(
    [],
    'Listeners that speak TLS, each as it is written in its setting (`0.0.0.0:9093`): SSL and SASL_SSL for Kafka clients, mqtts for MQTT.',
    words,
    {
      flag: ['tls', 'HOST:PORT'],
    },
  ),
  'ssl.certificate.files': list<string>(
    [],
    'PEM files with the certificate of a listener and those it came from: one for all, or one for each of `tls.listeners` in their order.',
    words,
  ),
  'ssl.key.files': list<string>([], 'PEM files with the private keys, as `ssl.certificate.files`.', words),
  'ssl.ca.files': list<string>([], 'PEM files with the authorities that certificates of clients must come from, as `ssl.certificate.files`.', words),
  'ssl.client.auth': list<'none' | 'requested' | 'required'>(
    ['none'],
    'Whether clients show a certificate, as `ssl.certificate.files`: then they need no password, and are who its subject says.',
    oneOf(['none', 'requested', 'required']),
  ),
  'ssl.principal.mapping.rules': string(
    'DEFAULT',
    'How the subject of a client’s certificate becomes a user: `RULE:^CN=(.*?),.*$/$1/L, DEFAULT`, the first rule that matches; `DEFAULT` is the subject itself.',
  ),
  'ssl.enabled.protocols': list<'TLSv1.2' | 'TLSv1.3'>(['TLSv1.2', 'TLSv1.3'], 'Versions of TLS.', oneOf(['TLSv1.2', 'TLSv1.3'])),
  'ssl.reload.interval.ms': int(60_000, 'How often certificates and keys are read anew; SIGHUP does it at once; 0: only then.', { max: INT_MAX, unit: 'ms' }),

  // Where bytes rest.
  storage: string('file:', 'Where the log rests: `memory:` (gone when the broker ends), or `file:DIRECTORY`; `file:` alone is `data.dir`.', {
    check: storageUrl,
    flag: ['storage', 'URL'],
  }),
  'data.dir': string('./elytra-data', 'The data directory of `storage` `file:`. One process at a time.', { flag: ['data-dir', 'DIRECTORY'] }),

  // Topics.
  'auto.create.topics.enable': boolean(
    true,
    'Whether Kafka clients that ask for, or produce to, a topic that does not exist make it; for MQTT see `mqtt.max.auto.topics`.',
  ),
  'num.partitions': int(4, 'Partitions of a topic made on first use, or without a number.', { min: 1, max: 10_000 }),
  'max.partitions': int(20_000, 'Partitions the broker holds at most, over all topics.', { min: 1, max: 1_000_000 }),

  // Defaults of topic configs: what a topic that does not set its own has.
  'message.max.bytes': int(1_048_588, 'The largest record batch (topic config max.message.bytes).', { max: INT_MAX, unit: 'bytes' }),
  'log.retention.ms': int(604_800_000, 'Age at which closed segments are deleted; -1 keeps all (retention.ms).', { min: -1, unit: 'ms' }),
  'log.retention.bytes': int(-1, 'Bytes per partition beyond which the oldest closed segments are deleted; -1 keeps all (retention.bytes).', {
    min: -1,
    unit: 'bytes',
  }),
  'log.segment.bytes': int(1_073_741_824, 'Size at which a new segment begins (segment.bytes).', { min: 1_048_576, max: INT_MAX, unit: 'bytes' }),
  'log.roll.ms': int(604_800_000, 'Age at which a new segment begins (segment.ms).', { min: 1, unit: 'ms' }),
  'log.message.timestamp.type': choice(['CreateTime', 'LogAppendTime'], 'CreateTime', 'Whose clock stamps records (message.timestamp.type).'),
  'log.message.timestamp.after.max.ms': int(3_600_000, 'How far a CreateTime may lie ahead of the broker (message.timestamp.after.max.ms).', { unit: 'ms' }),

  // The log.
  'acks.all': choice(['disk', 'os'], 'disk', 'What acks=all waits for: the disk (fdatasync), or only the operating system, as Kafka as it ships.'),
  'log.retention.check.interval.ms': int(300_000, 'How often closed segments are held against retention.', { min: 1, unit: 'ms' }),
  'log.cleaner.enable': boolean(true, 'Whether topics with `cleanup.policy` `compact` are compacted.'),
  'log.cleaner.threads': int(1, 'Partitions that are compacted at the same time.', { min: 1, max: INT_MAX }),
  'log.cleaner.dedupe.buffer.size': int(134_217_728, 'Memory for the keys of what is compacted, over all partitions at a time.', {
    min: 1_048_577,
    unit: 'bytes',
  }),
  'log.cleaner.backoff.ms': int(15_000, 'How long compaction waits where there is nothing to do.', { unit: 'ms' }),
  'producer.id.expiration.ms': int(86_400_000, 'An idempotent producer that is silent for this long is forgotten.', { min: 1, unit: 'ms' }),

  // Consumer groups.
  'group.min.session.timeout.ms': int(6_000, 'The shortest session timeout a member may ask for.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.max.session.timeout.ms': int(1_800_000, 'The longest session timeout a member may ask for.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.initial.rebalance.delay.ms': int(0, 'How long the first member of an empty group waits for others (Kafka: 3000).', { max: INT_MAX, unit: 'ms' }),
  'group.max.size': int(10_000, 'Members of one group.', { min: 1, max: INT_MAX }),
  'group.consumer.max.size': int(10_000, 'Members of one group of the new protocol (KIP-848).', { min: 1, max: INT_MAX }),
  'group.consumer.session.timeout.ms': int(45_000, 'A member of the new protocol that is silent for this long is out of its group.', {
    min: 1,
    max: INT_MAX,
    unit: 'ms',
  }),
  'group.consumer.heartbeat.interval.ms': int(5_000, 'How often members of the new protocol are told to be heard of.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.consumer.assignment.interval.ms': int(0, 'The least time between two assignments of a group of the new protocol (Kafka: 1000).', {
    max: INT_MAX,
    unit: 'ms',
  }),
  'group.consumer.regex.refresh.interval.ms': int(600_000, 'How often regular expressions of subscriptions are matched anew although no topic changed.', {
    min: 10_000,
    max: INT_MAX,
    unit: 'ms',
  }),
  'group.consumer.migration.policy': choice(
    ['bidirectional', 'upgrade', 'downgrade', 'disabled'],
    'bidirectional',
    'Which ways a group with members may go: from the classic to the new protocol (upgrade), back (downgrade), both or none.',
  ),
  'group.disconnect.grace.ms': int(
    -1,
    'A member whose only connection closed leaves its group after this, unless it comes back; -1: when its session ends, as in Kafka. With `memory:` 0 unless set.',
    { min: -1, max: INT_MAX, unit: 'ms' },
  ),
  'offsets.retention.minutes': int(10_080, 'Committed offsets of a group without members are kept this long.', { min: 1, max: INT_MAX, unit: 'minutes' }),
  'offsets.retention.check.interval.ms': int(600_000, 'How often expired offsets are looked for.', { min: 1, unit: 'ms' }),
  'offset.metadata.max.bytes': int(4_096, 'The longest text committed with an offset.', { max: INT_MAX, unit: 'characters' }),

  // Share groups (KIP-932). A group may have its own of what has a minimum and a maximum.
  'group.share.max.size': int(200, 'Members of one share group.', { min: 1, max: 1_000 }),
  'group.share.session.timeout.ms': int(45_000, 'A member of a share group that is silent for this long is out of it.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.share.min.session.timeout.ms': int(45_000, 'The least that a share group may have of it.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.share.max.session.timeout.ms': int(60_000, 'The most that a share group may have of it.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.share.heartbeat.interval.ms': int(5_000, 'How often members of share groups are told to be heard of.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.share.min.heartbeat.interval.ms': int(5_000, 'The least that a share group may have of it.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.share.max.heartbeat.interval.ms': int(15_000, 'The most that a share group may have of it.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'group.share.assignment.interval.ms': int(0, 'The least time between two assignments of a share group (Kafka: 1000).', { max: INT_MAX, unit: 'ms' }),
  'group.share.min.assignment.interval.ms': int(0, 'The least that a share group may have of it.', { max: INT_MAX, unit: 'ms' }),
  'group.share.max.assignment.interval.ms': int(15_000, 'The most that a share group may have of it.', { max: INT_MAX, unit: 'ms' }),
  'group.share.record.lock.duration.ms': int(30_000, 'How long a record that a share group gave to a member is its own.', {
    min: 1_000,
    max: 3_600_000,
    unit: 'ms',
  }),
  'group.share.min.record.lock.duration.ms': int(15_000, 'The least that a share group may have of it.', { min: 1_000, max: 30_000, unit: 'ms' }),
  'group.share.max.record.lock.duration.ms': int(60_000, 'The most that a share group may have of it.', { min: 30_000, max: 3_600_000, unit: 'ms' }),
  'group.share.delivery.count.limit': int(5, 'How often a record is given to members of a share group before it is taken for one that nobody can use.', {
    min: 2,
    max: 10,
  }),
  'group.share.min.delivery.count.limit': int(2, 'The least that a share group may have of it.', { min: 2, max: 5 }),
  'group.share.max.delivery.count.limit': int(10, 'The most that a share group may have of it.', { min: 5, max: 25 }),
  'group.share.partition.max.record.locks': int(2_000, 'Records of one partition that a share group has in flight.', { min: 100, max: 10_000 }),
  'group.share.min.partition.max.record.locks': int(100, 'The least that a share group may have of it.', { min: 100, max: 2_000 }),
  'group.share.max.partition.max.record.locks': int(4_000, 'The most that a share group may have of it.', { min: 2_000, max: 10_000 }),
  'group.share.max.share.sessions': int(2_000, 'Members of share groups that fetch from this broker.', { min: 1, max: INT_MAX }),

  // Transactions.
  'transaction.max.timeout.ms': int(900_000, 'The longest timeout a transaction may ask for.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int(10_000, 'How often transactions beyond their timeout are looked for, and aborted.', {
    min: 1,
    max: INT_MAX,
    unit: 'ms',
  }),
  'transactional.id.expiration.ms': int(604_800_000, 'A transactional id that nobody used for so long, and that has nothing open, is forgotten.', {
    min: 1,
    max: INT_MAX,
    unit: 'ms',
  }),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int(3_600_000, 'How often such ids are looked for.', { min: 1, max: INT_MAX, unit: 'ms' }),

  // Connections.
  'max.connections': int(20_000, 'Open connections per listener; a further one is closed at once.', { min: 1, max: 1_000_000 }),
  'connections.max.idle.ms': int(600_000, 'A Kafka connection without a byte for this long is closed; 0: never.', { unit: 'ms' }),
  'connection.failed.authentication.delay.ms': int(100, 'How long the answer to a failed Kafka login waits.', { max: 60_000, unit: 'ms' }),
  'socket.request.max.bytes': int(104_857_600, 'The largest Kafka request; a longer one closes the connection.', { min: 1024, max: INT_MAX, unit: 'bytes' }),
  'fetch.max.bytes': int(57_671_680, 'The most one Fetch answer holds, whatever the client asks, but always one whole batch.', {
    min: 1024,
    max: INT_MAX,
    unit: 'bytes',
  }),
  'max.incremental.fetch.session.cache.slots': int(1_000, 'Fetch sessions (KIP-227) of all clients; a client without one sends all its partitions each time.', {
    max: 1_000_000,
  }),

  // MQTT.
  'mqtt.mapping.rules': rules(
    'Where MQTT topics go, first match wins: `{ filter: "+/telemetry/#", topic: telemetry, key: "{1}/{#}" }`, `{ filter: "live/#", store: false }`. What no rule matches: its first level is the log topic, the rest the record key.',
  ),
  'mqtt.max.auto.topics': int(256, 'Log topics that publishing may make; further first levels go to the topic `mqtt`.', { max: 1_000_000 }),
  'mqtt.max.packet.size': int(1_048_588, 'The largest packet taken, announced to clients.', { min: 64, max: 268_435_460, unit: 'bytes' }),
  'mqtt.receive.maximum': int(1_000, 'QoS 1 and 2 messages a client may have unacknowledged, announced to clients.', { min: 1, max: 65_535 }),
  'mqtt.inflight.maximum': int(1_000, 'QoS 1 and 2 messages sent unacknowledged to clients before MQTT 5, which cannot say their own maximum.', {
    min: 1,
    max: 65_535,
  }),
  'mqtt.topic.alias.maximum': int(10, 'Topic aliases a client may use on one connection.', { max: 65_535 }),
  'mqtt.max.keepalive': int(0, 'The longest keep alive; 0: no limit.', { max: 65_535, unit: 's' }),
  'mqtt.session.expiry': int(2_592_000, 'How long the session of a client before MQTT 5 without clean session is kept.', { max: 4_294_967_295, unit: 's' }),
  'mqtt.max.session.expiry': int(4_294_967_295, 'The longest session expiry that is granted; 4294967295: for ever.', { max: 4_294_967_295, unit: 's' }),
  'mqtt.connect.timeout.ms': int(10_000, 'From the connection to a CONNECT that was accepted.', { min: 1, max: INT_MAX, unit: 'ms' }),
  'mqtt.max.sessions': int(1_000_000, 'Sessions, connected or not; a further new one is refused.', { min: 1, max: 100_000_000 }),
  'mqtt.max.retained.messages': int(1_000_000, 'Retained messages; one for a further topic is refused.', { max: 100_000_000 }),
  'mqtt.queue.qos0.messages': boolean(false, 'Whether QoS 0 messages are kept for sessions that are offline or slow.'),
  'mqtt.upgrade.outgoing.qos': boolean(false, 'Whether messages are delivered at the QoS of the subscription even where they were published with less.'),
  'mqtt.allow.duplicate.messages': boolean(true, 'Whether overlapping subscriptions of one client get a copy each, rather than one copy for all.'),

  // The process.
  'log.level': choice(['debug', 'info', 'warn', 'error', 'silent'], 'info', 'What is logged, as JSON lines on stderr.', { flag: ['log-level', 'LEVEL'] }),
} as const satisfies Record<string, Setting<never> | Setting<unknown>>

export type SettingKey = keyof typeof SETTINGS

type ValueOf<S> = S extends Setting<infer T> ? T : never

/** All settings with their checked values. */
export type Settings = { readonly [K in SettingKey]: ValueOf<(typeof SETTINGS)[K]> }

/** Some settings, as a caller in the same process gives them: checked like those of a file. */
export type SettingsInput = { readonly [K in SettingKey]?: InputOf<Settings[K]> }

type InputOf<T> = T extends readonly ListenerAddress[]
  ? string | readonly string[] | false
  : T extends readonly RuleText[]
    ? string | T
    : T extends readonly string[]
      ? string | readonly string[]
      : T

/** The row of a key, without the type of its values: for walking the table. */
export function settingOf(key: SettingKey): Setting<unknown> {
  return SETTINGS[key] as unknown as Setting<unknown>
}

export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[]

/** Whether a word is the key of a setting. */
export function isSettingKey(word: string): word is SettingKey {
  return Object.hasOwn(SETTINGS, word)
}

/** `num.partitions` is `ELYTRA_NUM_PARTITIONS` in the environment. */
export function environmentName(key: SettingKey): string {
  return `ELYTRA_${key.toUpperCase().replaceAll('.', '_')}`
}

/** Reads one value; a problem says the key. */
export function parseSetting(key: SettingKey, raw: RawValue): unknown | SettingProblem {
  const value = settingOf(key).type.parse(raw)
  return value instanceof SettingProblem ? new SettingProblem(`${key} ${value.message}`) : value
}
