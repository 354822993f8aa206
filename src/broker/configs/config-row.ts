/** Kafka's types of config values. Dynamic configs are text; this is how it is read. */
export type ConfigType = 'boolean' | 'string' | 'int' | 'short' | 'long' | 'double' | 'list' | 'password'

/** One config key: of a topic, of the broker, of a group. */
export interface ConfigRow {
  readonly key: string
  readonly type: ConfigType
  /** Null where nothing stands for it. */
  readonly default: string | null
  /** Legal range of a number, both ends included; null for that of its type. */
  readonly min: number | null
  readonly max: number | null
  /** Legal words of a string, or of each item of a list; null where anything goes. */
  readonly values: readonly string[] | null
  /** What a value must look like, and that in words; null where anything goes. */
  readonly pattern: readonly [RegExp, string] | null
  readonly doc: string
}

export interface ConfigLimits {
  readonly min?: number
  readonly max?: number
  readonly values?: readonly string[]
  readonly pattern?: readonly [RegExp, string]
}

export function configRow(key: string, type: ConfigType, fallback: string | null, doc: string, limits: ConfigLimits = {}): ConfigRow {
  const { min = null, max = null, values = null, pattern = null } = limits
  return { key, type, default: fallback, min, max, values, pattern, doc }
}

/** What is wrong with a value, for people. */
export class ConfigProblem {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

const SHORT_MAX = 2n ** 15n - 1n
const INT_MAX = 2n ** 31n - 1n
const LONG_MAX = 2n ** 63n - 1n

/** The value as Kafka prints it (no spaces around it, items of a list once each, `0.0` for the double 0), or what is wrong with it. */
export function parseConfig(row: ConfigRow, text: string): string | ConfigProblem {
  const value = text.trim()
  switch (row.type) {
    case 'boolean':
      return /^(true|false)$/i.test(value) ? parseText(row, value.toLowerCase()) : new ConfigProblem(`${row.key} must be true or false, not "${text}"`)
    case 'short':
      return parseInteger(row, value, SHORT_MAX)
    case 'int':
      return parseInteger(row, value, INT_MAX)
    case 'long':
      return parseInteger(row, value, LONG_MAX)
    case 'double':
      return parseDouble(row, value)
    case 'list':
      return parseList(row, value)
    case 'string':
    case 'password':
      return parseText(row, value)
  }
}

function parseInteger(row: ConfigRow, text: string, most: bigint): string | ConfigProblem {
  if (!/^[+-]?\d+$/.test(text)) return new ConfigProblem(`${row.key} must be a whole number, not "${text}"`)
  const value = BigInt(text.replace('+', ''))
  if (value > most || value < -most - 1n) return new ConfigProblem(`${row.key} must fit into the type ${row.type}, ${text} does not`)
  return inRange(row, Number(value), `${value}`)
}

function parseDouble(row: ConfigRow, text: string): string | ConfigProblem {
  const value = Number(text)
  if (text === '' || !Number.isFinite(value)) return new ConfigProblem(`${row.key} must be a number, not "${text}"`)
  return inRange(row, value, Number.isInteger(value) ? value.toFixed(1) : `${value}`)
}

function inRange(row: ConfigRow, value: number, text: string): string | ConfigProblem {
  const { key, min, max } = row
  if (min !== null && value < min) return new ConfigProblem(`${key} must be at least ${min}, not ${text}`)
  if (max !== null && value > max) return new ConfigProblem(`${key} must be at most ${max}, not ${text}`)
  return parseText(row, text)
}

function parseList(row: ConfigRow, text: string): string | ConfigProblem {
  const items = itemsOf(text)
  const { key, values, pattern } = row
  const wrong = items.find((item) => values !== null && !values.includes(item))
  if (wrong !== undefined) return new ConfigProblem(`${key} must be of ${values?.join(', ')}, not "${wrong}"`)
  const list = [...new Set(items)].join(',')
  if (list !== '' && pattern !== null && !pattern[0].test(list)) return new ConfigProblem(`${key} must be ${pattern[1]}, not "${list}"`)
  return list
}

/** The items of a list as it is written. */
export function itemsOf(list: string): string[] {
  return list === '' ? [] : list.split(',').map((item) => item.trim())
}

function parseText({ key, values, pattern }: ConfigRow, text: string): string | ConfigProblem {
  if (values !== null && !values.includes(text)) return new ConfigProblem(`${key} must be one of ${values.join(', ')}, not "${text}"`)
  if (pattern !== null && !pattern[0].test(text)) return new ConfigProblem(`${key} must be ${pattern[1]}, not "${text}"`)
  return text
}
