import { type Acl, ANY_RESOURCE, coversOperation, coversPrincipal } from './acl.ts'
import type { AclIndex } from './acl-index.ts'
import { isDeniedByMqtt, type MqttTopicMap, mayReadSomeOf, mayUseMqttTopic } from './mqtt-rights.ts'
import type { Operation, Principal, ResourceType } from './ports.ts'

/** Whether a principal may do what no ACL speaks of. */
export type DefaultRule = (principal: Principal, operation: Operation, type: ResourceType) => boolean

/**
 * Decides for all protocols what a principal may do: an administrator everything; else a DENY that speaks of it wins over
 * any ALLOW; where no ACL speaks of the resource at all, the default holds (Kafka's `StandardAuthorizer`, its rules and its order).
 */
export class Authorizer {
  readonly #index: AclIndex
  readonly #byDefault: DefaultRule
  #version = 0
  #mqttTopics: MqttTopicMap | null = null

  constructor(index: AclIndex, byDefault: DefaultRule) {
    this.#index = index
    this.#byDefault = byDefault
  }

  /** Rights have changed: what was decided before counts no more. */
  invalidate(): void {
    this.#version++
  }

  /** Which log topics MQTT topics are in; before it is known MQTT clients may nothing but by default. */
  mapMqttTopics(map: MqttTopicMap): void {
    this.#mqttTopics = map
    this.invalidate()
  }

  authorize(principal: Principal, operation: Operation, type: ResourceType, name: string): boolean {
    if (principal.isAdministrator) return true
    const known = principal.decisions?.get(this.#version, operation, type, name)
    if (known !== undefined) return known
    const decision = type === 'mqtt-topic' ? this.#decideMqtt(principal, operation, name) : this.#decide(principal, operation, type, name)
    principal.decisions?.set(this.#version, operation, type, name, decision)
    return decision
  }

  /**
   * Kafka's `Authorizer.authorizeByResourceType`: whether some name is left that an ALLOW speaks of and no DENY. As there,
   * implied operations do not count.
   */
  authorizeAny(principal: Principal, operation: Operation, type: Exclude<ResourceType, 'mqtt-topic'>): boolean {
    if (this.authorize(principal, operation, type, 'hardcode')) return true
    const host = principal.host ?? ''
    const acls = [...this.#index.ofType(type)].filter(
      (acl) => coversPrincipal(acl, principal.name, host) && (acl.operation === operation || acl.operation === 'all'),
    )
    const isWildcard = (acl: Acl): boolean => acl.patternType === 'literal' && acl.resourceName === ANY_RESOURCE
    const denied = acls.filter((acl) => acl.permission === 'deny')
    if (denied.some(isWildcard)) return false
    const literals = new Set(denied.filter((acl) => acl.patternType === 'literal').map((acl) => acl.resourceName))
    const prefixes = denied.filter((acl) => acl.patternType === 'prefixed').map((acl) => acl.resourceName)
    return acls.some((acl) => {
      if (acl.permission === 'deny') return false
      if (isWildcard(acl)) return true
      if (acl.patternType === 'literal' && literals.has(acl.resourceName)) return false
      return !prefixes.some((prefix) => acl.resourceName.startsWith(prefix))
    })
  }

  #decide(principal: Principal, operation: Operation, type: Exclude<ResourceType, 'mqtt-topic'>, name: string): boolean {
    const host = principal.host ?? ''
    let allowed = false
    let mentioned = false
    for (const acl of this.#index.of(type, name)) {
      mentioned = true
      if (!coversPrincipal(acl, principal.name, host) || !coversOperation(acl, operation)) continue
      if (acl.permission === 'deny') return false
      allowed = true
    }
    if (!allowed && (mentioned || !this.#byDefault(principal, operation, type))) return false
    if (type !== 'topic' || (operation !== 'read' && operation !== 'write')) return true
    return !isDeniedByMqtt(this.#index, { principal: principal.name, host, operation }, name)
  }

  #decideMqtt(principal: Principal, operation: Operation, name: string): boolean {
    const byDefault = this.#byDefault(principal, operation, 'mqtt-topic')
    const map = this.#mqttTopics
    if (map === null) return byDefault
    const question = { principal: principal.name, host: principal.host ?? '', byDefault }
    if (operation === 'describe') return mayReadSomeOf(this.#index, { ...question, operation: 'read' }, name, map.rightsTopicsOfFilter(name))
    if (operation !== 'read' && operation !== 'write') return false
    return mayUseMqttTopic(this.#index, { ...question, operation }, name, map.rightsTopicsOf(name))
  }
}
