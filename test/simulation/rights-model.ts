import type { Acl } from '../../src/broker/security/acl.ts'

/** A line of the table of rights that the simulation adds and takes away, in words of its own: what it means is written down here once more. */
export interface RightsLine {
  readonly name: string
  readonly acl: Acl
  /** Whether it speaks of this. */
  readonly covers: (topic: string, operation: 'read' | 'write') => boolean
}

const line = (
  name: string,
  permission: Acl['permission'],
  operation: Acl['operation'],
  resource: Pick<Acl, 'patternType' | 'resourceName'>,
  covers: RightsLine['covers'],
): RightsLine => ({ name, covers, acl: { ...resource, permission, operation, resourceType: 'topic', principal: 'User:bob', host: '*' } })

const is = (resourceName: string) => ({ patternType: 'literal', resourceName }) as const

/** What may be said of bob and the topics `rights-0` and `rights-1`. */
export const RIGHTS_LINES: readonly RightsLine[] = [
  line('may write rights-0', 'allow', 'write', is('rights-0'), (topic, operation) => topic === 'rights-0' && operation === 'write'),
  line('may read rights-0', 'allow', 'read', is('rights-0'), (topic, operation) => topic === 'rights-0' && operation === 'read'),
  line('may all rights-*', 'allow', 'all', { patternType: 'prefixed', resourceName: 'rights-' }, () => true),
  // Not `*`: a line that speaks of every topic closes them all to the anonymous clients of other workloads.
  line('may write right*', 'allow', 'write', { patternType: 'prefixed', resourceName: 'right' }, (_, operation) => operation === 'write'),
  line('may not write rights-1', 'deny', 'write', is('rights-1'), (topic, operation) => topic === 'rights-1' && operation === 'write'),
  line('may not read right*', 'deny', 'read', { patternType: 'prefixed', resourceName: 'right' }, (_, operation) => operation === 'read'),
  // Within an MQTT topic: Kafka clients may then not read the whole one.
  line('may not read rights-1/secret/#', 'deny', 'read', is('rights-1/secret/#'), (topic, operation) => topic === 'rights-1' && operation === 'read'),
]

/** What the broker has said of bob's rights: lines that are there for certain, and whether a change is under way. */
export class RightsModel {
  readonly #there = new Set<RightsLine>()
  /** Of changes that began: whoever asked before one began and was answered after it knows nothing. */
  version = 0
  changing = false

  /** A change was asked for. */
  begin(): void {
    this.version++
    this.changing = true
  }

  /** It was acknowledged as durable. */
  settle(changed: RightsLine, isThere: boolean): void {
    if (isThere) this.#there.add(changed)
    else this.#there.delete(changed)
    this.changing = false
  }

  has(asked: RightsLine): boolean {
    return this.#there.has(asked)
  }

  /** DENY first; nothing where nobody allowed it. */
  may(topic: string, operation: 'read' | 'write'): boolean {
    const lines = [...this.#there].filter(({ covers }) => covers(topic, operation))
    return lines.length > 0 && lines.every(({ acl }) => acl.permission === 'allow')
  }
}
