import { type Acl, type AclResourceType, ANY_PRINCIPAL, ANY_RESOURCE, keyOfAcl } from './acl.ts'
import { isMqttPattern } from './mqtt-rights.ts'

/** The ACLs of resources of one type, by what they name. */
interface TypeIndex {
  /** By the whole name; `*` stands for every one. */
  readonly literal: Map<string, Map<string, Acl>>
  readonly prefixed: Map<string, Map<string, Acl>>
  /** Lengths of the prefixes that there are, ascending: a name is looked up once per length. */
  lengths: readonly number[]
}

/** Finds the ACLs that speak of a resource: in as many look-ups as there are lengths of prefixes, whatever their number. */
export class AclIndex {
  readonly #byKey = new Map<string, Acl>()
  readonly #byType = new Map<AclResourceType, TypeIndex>()
  /** ACLs on MQTT topics by principal: there may be one or more for every device. */
  readonly #mqtt = new Map<string, Map<string, Acl>>()

  get size(): number {
    return this.#byKey.size
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  all(): Iterable<Acl> {
    return this.#byKey.values()
  }

  keys(): Iterable<string> {
    return this.#byKey.keys()
  }

  add(acl: Acl): void {
    const key = keyOfAcl(acl)
    this.#byKey.set(key, acl)
    if (isMqttAcl(acl)) {
      addTo(this.#mqtt, acl.principal, key, acl)
      return
    }
    let index = this.#byType.get(acl.resourceType)
    if (index === undefined) {
      index = { literal: new Map(), prefixed: new Map(), lengths: [] }
      this.#byType.set(acl.resourceType, index)
    }
    addTo(index[acl.patternType], acl.resourceName, key, acl)
    if (acl.patternType === 'prefixed') index.lengths = lengthsOf(index.prefixed)
  }

  remove(key: string): void {
    const acl = this.#byKey.get(key)
    if (acl === undefined) return
    this.#byKey.delete(key)
    if (isMqttAcl(acl)) {
      removeFrom(this.#mqtt, acl.principal, key)
      return
    }
    const index = this.#byType.get(acl.resourceType)
    if (index === undefined) return
    removeFrom(index[acl.patternType], acl.resourceName, key)
    if (acl.patternType === 'prefixed') index.lengths = lengthsOf(index.prefixed)
  }

  /** Those that speak of this resource, whoever the principal. */
  *of(type: AclResourceType, name: string): Iterable<Acl> {
    const index = this.#byType.get(type)
    if (index === undefined) return
    yield* index.literal.get(name)?.values() ?? []
    for (const length of index.lengths) {
      if (length > name.length) break
      yield* index.prefixed.get(name.slice(0, length))?.values() ?? []
    }
    if (name !== ANY_RESOURCE) yield* index.literal.get(ANY_RESOURCE)?.values() ?? []
  }

  /** All on resources of the type. */
  *ofType(type: AclResourceType): Iterable<Acl> {
    const index = this.#byType.get(type)
    for (const acls of index?.literal.values() ?? []) yield* acls.values()
    for (const acls of index?.prefixed.values() ?? []) yield* acls.values()
  }

  /** All on MQTT topics. */
  *ofMqtt(): Iterable<Acl> {
    for (const acls of this.#mqtt.values()) yield* acls.values()
  }

  /** Those on MQTT topics that speak of the principal, or of everybody. */
  *onMqtt(principal: string): Iterable<Acl> {
    yield* this.#mqtt.get(principal)?.values() ?? []
    if (principal !== ANY_PRINCIPAL) yield* this.#mqtt.get(ANY_PRINCIPAL)?.values() ?? []
  }
}

function isMqttAcl(acl: Acl): boolean {
  return acl.resourceType === 'topic' && isMqttPattern(acl.patternType, acl.resourceName)
}

function addTo(map: Map<string, Map<string, Acl>>, name: string, key: string, acl: Acl): void {
  const acls = map.get(name)
  if (acls === undefined) map.set(name, new Map([[key, acl]]))
  else acls.set(key, acl)
}

function removeFrom(map: Map<string, Map<string, Acl>>, name: string, key: string): void {
  const acls = map.get(name)
  acls?.delete(key)
  if (acls?.size === 0) map.delete(name)
}

function lengthsOf(prefixed: ReadonlyMap<string, unknown>): number[] {
  return [...new Set([...prefixed.keys()].map(({ length }) => length))].sort((left, right) => left - right)
}
