import { didYouMean } from '../util/did-you-mean.ts'
import { type RawValue, SettingProblem } from './setting.ts'
import { environmentName, isSettingKey, parseSetting, SETTING_KEYS, type SettingKey, type Settings, settingOf } from './settings.ts'

/** One value and where it was written, for messages: `elytra.yaml:3`, `--kafka`, `ELYTRA_STORAGE`. */
export interface RawSetting {
  readonly key: string
  readonly value: RawValue
  readonly origin: string
}

/** Checked settings, or everything that is wrong with what was given, a line each. */
export type LoadResult = { readonly settings: Settings; readonly given: ReadonlySet<SettingKey> } | { readonly problems: readonly string[] }

/** Lays the sources over the defaults, the later ones over the earlier ones. */
export function loadSettings(...sources: readonly (readonly RawSetting[])[]): LoadResult {
  const problems: string[] = []
  const values = new Map<SettingKey, unknown>(SETTING_KEYS.map((key) => [key, settingOf(key).default]))
  const given = new Map<SettingKey, string>()
  for (const { key, value, origin } of sources.flat()) {
    if (!isSettingKey(key)) {
      problems.push(`${origin}: there is no setting "${key}"${hint(key)}`)
      continue
    }
    const parsed = parseSetting(key, value)
    if (parsed instanceof SettingProblem) problems.push(`${origin}: ${parsed.message}`)
    else {
      values.set(key, parsed)
      given.set(key, origin)
    }
  }
  // An embedded broker serves tests, whose consumers come and go without a word.
  if (values.get('storage') === 'memory:' && !given.has('group.disconnect.grace.ms')) values.set('group.disconnect.grace.ms', 0)
  const settings = Object.fromEntries(values) as unknown as Settings
  problems.push(...contradictions(settings, given))
  return problems.length === 0 ? { settings, given: new Set(given.keys()) } : { problems }
}

/** Values that are fine alone and not together. */
function contradictions(settings: Settings, given: ReadonlyMap<SettingKey, string>): string[] {
  const problems: string[] = []
  const kafka = settings['kafka.listeners']
  const advertised = settings['kafka.advertised.listeners']
  if (advertised.length > kafka.length) {
    problems.push(`${given.get('kafka.advertised.listeners')}: ${advertised.length} advertised addresses for ${kafka.length} Kafka listeners`)
  }
  if (given.has('data.dir') && settings.storage !== 'file:') {
    problems.push(`${given.get('data.dir')}: data.dir says ${settings['data.dir']}, but storage is ${settings.storage}; give one of the two`)
  }
  const listeners = [...kafka, ...settings['mqtt.listeners']].map((address) => address.text)
  for (const name of settings['insecure.listeners']) {
    if (listeners.includes(name)) continue
    problems.push(`${given.get('insecure.listeners')}: insecure.listeners names ${name}, which is no listener; there are ${listeners.join(', ')}`)
  }
  problems.push(...tlsContradictions(settings, given, listeners), ...shareContradictions(settings, given))
  if (listeners.length === 0) problems.push('all listeners are off: nobody could connect')
  return problems
}

/** What each share group may choose of, and what holds for the rest (KIP-932). */
const SHARE_BOUNDS = [
  'session.timeout.ms',
  'heartbeat.interval.ms',
  'assignment.interval.ms',
  'record.lock.duration.ms',
  'delivery.count.limit',
  'partition.max.record.locks',
] as const

function shareContradictions(settings: Settings, given: ReadonlyMap<SettingKey, string>): string[] {
  const ordered = (less: SettingKey, more: SettingKey, what: 'at most' | 'less than'): string[] => {
    const [left, right] = [Number(settings[less]), Number(settings[more])]
    if (left < right || (left === right && what === 'at most')) return []
    return [`${given.get(less) ?? given.get(more)}: ${less} is ${left}, but must be ${what} ${more}, which is ${right}`]
  }
  return [
    ...SHARE_BOUNDS.flatMap((name) => [
      ...ordered(`group.share.min.${name}`, `group.share.${name}`, 'at most'),
      ...ordered(`group.share.${name}`, `group.share.max.${name}`, 'at most'),
    ]),
    ...ordered('group.share.heartbeat.interval.ms', 'group.share.session.timeout.ms', 'less than'),
    ...ordered('group.share.max.size', 'group.share.max.share.sessions', 'at most'),
  ]
}

/** Files of TLS: one for all of its listeners, or one for each. */
function tlsContradictions(settings: Settings, given: ReadonlyMap<string, string>, listeners: readonly string[]): string[] {
  const names = settings['tls.listeners']
  const problems = names
    .filter((name) => !listeners.includes(name))
    .map((name) => `${given.get('tls.listeners')}: tls.listeners names ${name}, which is no listener; there are ${listeners.join(', ')}`)
  if (names.length === 0) return problems
  for (const key of ['ssl.certificate.files', 'ssl.key.files', 'ssl.ca.files', 'ssl.client.auth'] as const) {
    const count = settings[key].length
    const mayBeNone = key === 'ssl.ca.files' && settings['ssl.client.auth'].every((auth) => auth === 'none')
    if (count === 1 || count === names.length || (count === 0 && mayBeNone)) continue
    problems.push(
      `${given.get(key) ?? given.get('tls.listeners')}: ${key} has ${count} values; it needs one for all, or one for each of the ${names.length} TLS listeners`,
    )
  }
  return problems
}

function hint(key: string): string {
  const near = didYouMean(key, SETTING_KEYS)
  return near === null ? '' : `; did you mean "${near}"?`
}

/** The settings among environment variables. A variable `ELYTRA_…` that names none is a mistake and is reported as one. */
export function settingsOfEnvironment(environment: Readonly<Record<string, string | undefined>>): RawSetting[] {
  const keys = new Map<string, string>(SETTING_KEYS.map((key) => [environmentName(key), key]))
  const found: RawSetting[] = []
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('ELYTRA_') || value === undefined || NOT_SETTINGS.has(name) || KUBERNETES.test(name)) continue
    found.push({ key: keys.get(name) ?? keyOfVariable(name), value, origin: name })
  }
  return found
}

/** Variables that the command line reads and that are no settings of the broker. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(['ELYTRA_CONFIG', 'ELYTRA_PASSWORD'])

/** What Kubernetes puts into every container of a namespace with a service that is called elytra. */
const KUBERNETES = /^ELYTRA_(SERVICE_(HOST|PORT)|PORT)(_|$)/

/** The key that a variable would be the name of: what is reported, and compared with the keys there are. */
const keyOfVariable = (name: string): string => name.slice('ELYTRA_'.length).toLowerCase().replaceAll('_', '.')

/** The settings among `startBroker`'s options. */
export function settingsOfObject(values: object, origin: string): RawSetting[] {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return given.map(([key, value]) => ({ key, value: value as RawValue, origin }))
}
