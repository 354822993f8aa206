/**
 * Kafka's own message specifications: the JSON files, with comments, that its generator reads and that lie inside
 * kafka-clients.jar under common/message.
 */

export interface MessageSpecification {
  readonly apiKey?: number
  readonly type: string
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly latestVersionUnstable?: boolean
  readonly fields: readonly FieldSpecification[]
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly FieldSpecification[] }[]
}

export interface FieldSpecification {
  readonly name: string
  /** `int32`, `[]string`, `[]FetchTopic`. */
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly flexibleVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly fields?: readonly FieldSpecification[]
}

/** Comments are whole lines in all of these files. */
export function parseSpecification(text: string): MessageSpecification {
  return JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, '')) as MessageSpecification
}

/** `3+`, `2-5`, `0`, `none`; undefined is none. Both ends included. */
export function parseVersions(text: string | undefined): readonly [first: number, last: number] {
  if (text === undefined || text === 'none') return [Infinity, -Infinity]
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (match === null) throw new Error(`"${text}" is no range of versions`)
  const first = Number(match[1])
  return [first, match[2] === '+' ? Infinity : Number(match[3] ?? first)]
}

export function includes(text: string | undefined, version: number): boolean {
  const [first, last] = parseVersions(text)
  return version >= first && version <= last
}
