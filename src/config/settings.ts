import type { ListenerAddress } from './listener-address.ts'
import { addresses, boolean, choice, int, list, type RawValue, type Setting, type SettingItem, SettingProblem, string } from './setting.ts'

const words: SettingItem<string> = { range: '', parse: (word) => word, print: (word) => word }

const userName: SettingItem<string> = {
  range: '',
  parse: (word) => word.replace(/^User:/, ''),
  print: (word) => word,
}

const storageUrl = (value: string): string | null =>
  value === 'memory:' || value.startsWith('file:') ? null : `must be memory: or file:DIRECTORY, not "${value}"`

const INT_MAX = 2_147_483_647

/**
 * Every setting of the broker, by the key that a YAML file, `--set` and `startBroker` give it. Kafka's names where Kafka
 * has the setting. A setting is listed only once it has an effect. docs/reference/configuration.md is printed from this.
 */
export const SETTINGS = {
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
  'super.users': list<string>([], 'Users who may do everything, beside the first user made.', userName),

  // Where bytes rest.
  storage: string('file:', 'Where the log rests: `memory:` (gone when the broker ends), or `file:DIRECTORY`; `file:` alone is `data.dir`.', {
    check: storageUrl,
    flag: ['storage', 'URL'],
  }),
  'data.dir': string('./elytra-data', 'The data directory of `storage` `file:`. One process at a time.', { flag: ['data-dir', 'DIRECTORY'] }),

  // Topics.
  'auto.create.topics.enable': boolean(true, 'Whether asking for, or producing to, a topic that does not exist makes it.'),
  'num.partitions': int(4, 'Partitions of a topic made on first use, or without a number.', { min: 1, max: 10_000 }),
  'max.partitions': int(20_000, 'Partitions the broker holds at most, over all topics.', { min: 1, max: 1_000_000 }),

  // Connections.
  'socket.request.max.bytes': int(104_857_600, 'The largest Kafka request. A longer one closes the connection.', { min: 1024, max: INT_MAX, unit: 'bytes' }),
  'connections.max.idle.ms': int(600_000, 'A Kafka connection without a request for this long is closed.', { min: 1000, unit: 'ms' }),

  // The process.
  'log.level': choice(['debug', 'info', 'warn', 'error', 'silent'], 'info', 'What is logged, as JSON lines on stderr.', { flag: ['log-level', 'LEVEL'] }),
} as const satisfies Record<string, Setting<never> | Setting<unknown>>

export type SettingKey = keyof typeof SETTINGS

type ValueOf<S> = S extends Setting<infer T> ? T : never

/** All settings with their checked values. */
export type Settings = { readonly [K in SettingKey]: ValueOf<(typeof SETTINGS)[K]> }

/** Some settings, as a caller in the same process gives them: checked like those of a file. */
export type SettingsInput = { readonly [K in SettingKey]?: InputOf<Settings[K]> }

type InputOf<T> = T extends readonly ListenerAddress[] ? string | readonly string[] | false : T extends readonly string[] ? string | readonly string[] : T

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
