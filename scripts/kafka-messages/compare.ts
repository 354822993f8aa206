import type { FieldLayout } from '../../src/kafka/wire/layout.ts'
import type { Message } from '../../src/kafka/wire/message.ts'
import { isFlexible, layoutOfMessage } from '../../src/kafka/wire/message.ts'
import type { FieldSpecification, MessageSpecification } from './specification.ts'
import { includes, parseVersions } from './specification.ts'

/**
 * Compares one of our tables with Kafka's specification, version by version and field by field: order, names, types,
 * null, tags, defaults. What only matters to Kafka's own code (`about`, `ignorable`, `mapKey`, `entityType`) is left out.
 */

/** Every difference, as a sentence; empty where the table says what the specification says. */
export function differences(message: Message, specification: MessageSpecification, hasUnstableLatest = specification.latestVersionUnstable === true): string[] {
  const [first, last] = parseVersions(specification.validVersions)
  const stableLast = hasUnstableLatest ? last - 1 : last
  const found: string[] = []
  const expect = (what: string, ours: unknown, theirs: unknown): void => {
    if (ours !== theirs) found.push(`${message.name}: ${what} is ${String(ours)}, Kafka has ${String(theirs)}`)
  }
  expect('name', message.name, specification.name)
  expect('key', message.key, specification.apiKey)
  expect('first version', message.versions[0], first)
  expect('last version', message.versions[1], stableLast)
  const context = { structs: new Map((specification.commonStructs ?? []).map((struct) => [struct.name, struct.fields])), found }
  for (let version = Math.max(first, message.versions[0]); version <= Math.min(stableLast, message.versions[1]); version++) {
    const path = `${message.name} v${version}`
    const flexible = includes(specification.flexibleVersions, version)
    if (isFlexible(message, version) !== flexible) found.push(`${path} is ${flexible ? 'not ' : ''}flexible, Kafka's is${flexible ? '' : ' not'}`)
    else compareFields(path, layoutOfMessage(message, version), specification.fields, version, context)
  }
  return found
}

interface Context {
  readonly structs: ReadonlyMap<string, readonly FieldSpecification[]>
  readonly found: string[]
}

function compareFields(path: string, ours: readonly FieldLayout[], theirs: readonly FieldSpecification[], version: number, context: Context): void {
  const present = theirs.filter((field) => includes(field.versions, version))
  const ourNames = wireOrder(ours.filter((field) => field.present)).join(', ')
  const theirNames = wireOrder(present.map((field) => ({ name: lowerCamel(field.name), tag: tagOf(field, version) }))).join(', ')
  if (ourNames !== theirNames) {
    context.found.push(`${path} has the fields ${ourNames || 'none'}; Kafka's has ${theirNames || 'none'}`)
    return
  }
  for (const field of present) compareField(path, ours.find((one) => one.name === lowerCamel(field.name)) as FieldLayout, field, version, context)
}

function compareField(path: string, ours: FieldLayout, theirs: FieldSpecification, version: number, context: Context): void {
  const where = `${path} ${ours.name}`
  const expect = (what: string, our: unknown, their: unknown): void => {
    if (our !== their) context.found.push(`${where}: ${what} is ${String(our)}, Kafka has ${String(their)}`)
  }
  const isArray = theirs.type.startsWith('[]')
  const typeName = theirs.type.replace('[]', '')
  const isStruct = /^[A-Z]/.test(typeName)
  expect('array', ours.type === 'array', isArray)
  expect('nullable', ours.nullable, includes(theirs.nullableVersions, version))
  expect('tag', ours.tag, tagOf(theirs, version))
  if (theirs.flexibleVersions !== undefined) context.found.push(`${where}: Kafka has flexibleVersions of its own, which tables cannot say`)
  const inner = ours.type === 'array' ? ours.element : ours
  expect('type', inner?.type.replace('recordSlices', 'records'), isStruct ? 'struct' : typeName)
  expect('default', isZero(ours) ? undefined : ours.fallback, defaultOf(theirs, isArray || isStruct || typeName === 'records' || typeName === 'bytes'))
  if (isStruct && inner?.fields) compareFields(where, inner.fields, theirs.fields ?? context.structs.get(typeName) ?? [], version, context)
}

/** Ordinary fields as they come, then the tagged ones by tag, whose order in the file says nothing. */
function wireOrder(fields: readonly { readonly name: string; readonly tag: number | null }[]): readonly string[] {
  const tagged = fields.filter((field) => field.tag !== null).sort((left, right) => (left.tag as number) - (right.tag as number))
  return [...fields.filter((field) => field.tag === null).map((field) => field.name), ...tagged.map((field) => `${field.name} (tag ${field.tag})`)]
}

function tagOf(field: FieldSpecification, version: number): number | null {
  return field.tag !== undefined && includes(field.taggedVersions, version) ? field.tag : null
}

/** The value our table must have: the specification's default or the zero of the type; undefined for what has no zero value of its own. */
function defaultOf(field: FieldSpecification, hasNoZero: boolean): unknown {
  const text = field.default === undefined ? '' : String(field.default)
  if (text === 'null') return null
  if (hasNoZero) return undefined
  switch (field.type) {
    case 'string':
      return text
    case 'bool':
      return text === 'true'
    case 'uuid':
      return 'AAAAAAAAAAAAAAAAAAAAAA'
    case 'int64':
      return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, Number(text)))
    default:
      return Number(text)
  }
}

/** Whether an array or a struct has the default that each has without being told one: nothing in it, or the defaults of its fields. */
function isZero({ type, fallback, fields }: FieldLayout): boolean {
  if (type === 'array') return Array.isArray(fallback) && fallback.length === 0
  if (type !== 'struct' || typeof fallback !== 'object' || fallback === null) return false
  return fields?.every((field) => Reflect.get(fallback, field.name) === field.fallback) ?? false
}

/** `ThrottleTimeMs` is `throttleTimeMs` in our tables. */
export function lowerCamel(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
