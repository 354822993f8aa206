import { type ListenerAddress, parseListenerAddress } from './listener-address.ts'

/** A value that came from a flag, the environment, a YAML file or `startBroker`, not yet checked. */
export type RawValue = string | number | boolean | null | readonly RawValue[] | { readonly [key: string]: RawValue }

/** What is wrong with a value, for people: goes behind the setting's name. */
export class SettingProblem {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** How the values of a setting are read, printed and described. */
interface SettingType<T> {
  readonly name: 'boolean' | 'int' | 'string' | 'choice' | 'list' | 'addresses' | 'rules'
  parse(raw: RawValue): T | SettingProblem
  /** As it would be written in a flag. */
  print(value: T): string
  /** The JSON schema of the value in a YAML file. */
  readonly schema: Record<string, unknown>
  /** Legal values in words; empty where anything of the type goes. */
  readonly range: string
}

/** One row of the table of settings. */
export interface Setting<T> {
  readonly type: SettingType<T>
  readonly default: T
  /** `ms`, `bytes`, … ; null where a number has none. */
  readonly unit: string | null
  readonly doc: string
  /** The flag of `elytra start` where it has one of its own; every setting can be given by `--set KEY=VALUE`. */
  readonly flag: { readonly name: string; readonly placeholder: string } | null
}

interface Extra {
  readonly unit?: string
  readonly flag?: readonly [name: string, placeholder: string]
}

function row<T>(type: SettingType<T>, fallback: T, doc: string, extra: Extra): Setting<T> {
  const flag = extra.flag === undefined ? null : { name: extra.flag[0], placeholder: extra.flag[1] }
  return { type, default: fallback, doc, unit: extra.unit ?? null, flag }
}

const text = (raw: RawValue): string => (Array.isArray(raw) ? raw.map(String).join(',') : String(raw))

/** A whole number from `min` to `max`. */
export function int(fallback: number, doc: string, extra: Extra & { readonly min?: number; readonly max?: number } = {}): Setting<number> {
  const min = extra.min ?? 0
  const max = extra.max ?? Number.MAX_SAFE_INTEGER
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`
  const type: SettingType<number> = {
    name: 'int',
    range,
    schema: { type: 'integer', minimum: min, maximum: max },
    print: String,
    parse: (raw) => {
      const words = text(raw).trim()
      if (!/^-?\d+$/.test(words)) return new SettingProblem(`must be a whole number, not "${words}"`)
      const value = Number(words)
      return value >= min && value <= max ? value : new SettingProblem(`must be ${range}, not ${words}`)
    },
  }
  return row(type, fallback, doc, extra)
}

/** `true` or `false`. */
export function boolean(fallback: boolean, doc: string, extra: Extra = {}): Setting<boolean> {
  const type: SettingType<boolean> = {
    name: 'boolean',
    range: '',
    schema: { type: 'boolean' },
    print: String,
    parse: (raw) => {
      const words = text(raw).trim().toLowerCase()
      return words === 'true' ? true : words === 'false' ? false : new SettingProblem(`must be true or false, not "${words}"`)
    },
  }
  return row(type, fallback, doc, extra)
}

/** One of a few words. */
export function choice<const T extends string>(values: readonly T[], fallback: T, doc: string, extra: Extra = {}): Setting<T> {
  const type: SettingType<T> = {
    name: 'choice',
    range: values.join(', '),
    schema: { enum: values },
    print: String,
    parse: (raw) => {
      const found = values.find((value) => value === text(raw))
      return found ?? new SettingProblem(`must be one of ${values.join(', ')}, not "${text(raw)}"`)
    },
  }
  return row(type, fallback, doc, extra)
}

/** Words that `check` finds nothing wrong with. */
export function string(fallback: string, doc: string, extra: Extra & { readonly check?: (value: string) => string | null } = {}): Setting<string> {
  const type: SettingType<string> = {
    name: 'string',
    range: '',
    schema: { type: 'string' },
    print: String,
    parse: (raw) => {
      const wrong = extra.check?.(text(raw)) ?? null
      return wrong === null ? text(raw) : new SettingProblem(wrong)
    },
  }
  return row(type, fallback, doc, extra)
}

/** A list: in a flag and in the environment separated by commas, in YAML a list or the same words. */
export function list<T>(fallback: readonly T[], doc: string, item: SettingItem<T>, extra: Extra = {}): Setting<readonly T[]> {
  const type: SettingType<readonly T[]> = {
    name: 'list',
    range: item.range,
    schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
    print: (values) => values.map(item.print).join(item.separator ?? ','),
    parse: (raw) => parseItems(raw, item),
  }
  return row(type, fallback, doc, extra)
}

/** How one value of a list is read. */
export interface SettingItem<T> {
  readonly range: string
  parse(words: string): T | SettingProblem
  print(value: T): string
  /** How a text is cut into values; left out: at its commas. */
  split?(text: string): readonly string[]
  /** What values are printed between; left out: a comma. */
  readonly separator?: string
}

function parseItems<T>(raw: RawValue, item: SettingItem<T>): readonly T[] | SettingProblem {
  const words = (Array.isArray(raw) ? raw.map(String) : (item.split?.(text(raw)) ?? text(raw).split(',')))
    .map((word) => word.trim())
    .filter((word) => word !== '')
  const values: T[] = []
  for (const word of words) {
    const value = item.parse(word)
    if (value instanceof SettingProblem) return value
    values.push(value)
  }
  return values
}

/** Where listeners listen: `HOST:PORT`, several, or `off`. */
export function addresses(fallback: string, doc: string, extra: Extra = {}): Setting<readonly ListenerAddress[]> {
  const item: SettingItem<ListenerAddress> = {
    range: '',
    print: (address) => address.text,
    parse: (words) => {
      const address = parseListenerAddress(words)
      return typeof address === 'string' ? new SettingProblem(address) : address
    },
  }
  const parse = (raw: RawValue): readonly ListenerAddress[] | SettingProblem => (isOff(raw) ? [] : parseItems(raw, item))
  const type: SettingType<readonly ListenerAddress[]> = {
    name: 'addresses',
    range: 'HOST:PORT, or off',
    schema: { anyOf: [{ type: 'string' }, { const: false }, { type: 'array', items: { type: 'string' } }] },
    // No listener is "off" where there could be one; YAML 1.1 writers know off as false.
    print: (values) => (values.length === 0 ? 'off' : values.map(item.print).join(',')),
    parse,
  }
  const value = parse(fallback)
  if (value instanceof SettingProblem) throw new Error(value.message)
  return row(type, value, doc, extra)
}

const isOff = (raw: RawValue): boolean =>
  raw === false || (typeof raw === 'string' && raw.trim() === 'off') || (Array.isArray(raw) && raw.length === 1 && raw[0] === 'off')

/** One mapping rule, as it was written; whether it makes sense is judged where it is compiled. */
export interface RuleText {
  readonly filter: string
  readonly topic?: string
  readonly key?: string
  readonly store?: boolean
}

const RULE_FIELDS = { filter: 'string', topic: 'string', key: 'string', store: 'boolean' } as const

/** A list of mapping rules: in YAML a list of maps, elsewhere the same as JSON. */
export function rules(doc: string): Setting<readonly RuleText[]> {
  const type: SettingType<readonly RuleText[]> = {
    name: 'rules',
    range: 'a list of { filter, topic, key } or { filter, store: false }',
    schema: {
      type: 'array',
      items: {
        type: 'object',
        properties: Object.fromEntries(Object.entries(RULE_FIELDS).map(([name, of]) => [name, { type: of }])),
        required: ['filter'],
        additionalProperties: false,
      },
    },
    print: (value) => JSON.stringify(value),
    parse: (raw) => {
      const given = typeof raw === 'string' ? parseJson(raw) : raw
      if (!Array.isArray(given)) return new SettingProblem('must be a list of rules; outside of a file as JSON')
      const wrong = given.find((rule) => !isRule(rule))
      return wrong === undefined
        ? (given as unknown as RuleText[])
        : new SettingProblem(`has a rule that is not { filter, topic, key, store }: ${JSON.stringify(wrong)}`)
    },
  }
  return row(type, [], doc, {})
}

function isRule(rule: RawValue): boolean {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule) || !('filter' in rule)) return false
  return Object.entries(rule).every(([name, value]) => typeof value === RULE_FIELDS[name as keyof typeof RULE_FIELDS])
}

function parseJson(words: string): RawValue {
  try {
    return JSON.parse(words) as RawValue
  } catch {
    return null
  }
}
