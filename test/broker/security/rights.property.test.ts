import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Acl, keyOfAcl } from '../../../src/broker/security/acl.ts'
import { AclIndex } from '../../../src/broker/security/acl-index.ts'
import { Authorizer } from '../../../src/broker/security/authorizer.ts'
import type { Principal } from '../../../src/broker/security/ports.ts'
import { principalAt } from '../../../src/broker/security/principals.ts'
import { filterMatches } from '../../../src/broker/sessions/topic-filter.ts'

const ALICE: Principal = { name: 'User:alice', isAdministrator: false }
const HOST = '10.0.0.1'

/** Short names over few letters, so that they meet. */
const kafkaName = fc.stringMatching(/^[ab]{1,3}$/)
const mqttTopic = fc.stringMatching(/^[ab]{1,2}(\/[ab]{0,2}){0,2}$/)
const level = fc.constantFrom('a', 'b', 'ab', '+', '')
const mqttFilter = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, hash]) => [...levels, ...(hash ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '')

const entry = fc.record({
  principal: fc.constantFrom('User:alice', 'User:*', 'User:bob'),
  host: fc.constantFrom('*', HOST, '10.0.0.2'),
  operation: fc.constantFrom('read', 'write', 'describe', 'all', 'alter'),
  permission: fc.constantFrom('allow', 'deny'),
} as const)

const resource = fc.oneof(
  { weight: 3, arbitrary: fc.record({ patternType: fc.constantFrom('literal', 'prefixed'), resourceName: kafkaName } as const) },
  { weight: 1, arbitrary: fc.constant({ patternType: 'literal', resourceName: '*' } as const) },
  { weight: 2, arbitrary: fc.record({ patternType: fc.constant('literal'), resourceName: mqttFilter.filter((name) => /[/+#]/.test(name)) } as const) },
  { weight: 1, arbitrary: fc.record({ patternType: fc.constant('prefixed'), resourceName: fc.constantFrom('a/', 'a/b', 'b/a') } as const) },
)

const acl: fc.Arbitrary<Acl> = fc.tuple(resource, entry).map(([where, who]) => ({ resourceType: 'topic', ...where, ...who }))
const acls = fc.array(acl, { maxLength: 8 })

function authorizerOf(all: readonly Acl[], removed: readonly Acl[] = []): Authorizer {
  const index = new AclIndex()
  for (const one of [...all, ...removed]) index.add(one)
  const kept = new Set(all.map(keyOfAcl))
  for (const one of removed) if (!kept.has(keyOfAcl(one))) index.remove(keyOfAcl(one))
  const authorizer = new Authorizer(index, () => false)
  // Every first level is a log topic of its own, as without rules.
  const first = (topic: string) => topic.split('/')[0] ?? ''
  authorizer.mapMqttTopics({
    rightsTopicsOf: (topic) => [first(topic)],
    rightsTopicsOfFilter: (filter) => (/^[+#]/.test(filter) ? 'all' : [first(filter)]),
  })
  return authorizer
}

/** What the rules say, without an index: DENY first, then ALLOW, else no. */
function decided(all: readonly Acl[], speaks: (acl: Acl) => boolean, operation: 'read' | 'write'): boolean {
  const relevant = all.filter(
    (one) =>
      (one.principal === 'User:alice' || one.principal === 'User:*') &&
      (one.host === '*' || one.host === HOST) &&
      (one.operation === operation || one.operation === 'all') &&
      speaks(one),
  )
  return relevant.length > 0 && relevant.every(({ permission }) => permission === 'allow')
}

const isMqtt = ({ resourceName }: Acl): boolean => /[/+#]/.test(resourceName)

function speaksOfTopic(one: Acl, name: string): boolean {
  if (isMqtt(one)) return false
  if (one.patternType === 'prefixed') return name.startsWith(one.resourceName)
  return one.resourceName === name || one.resourceName === '*'
}

function speaksOfMqttTopic(one: Acl, topic: string): boolean {
  if (!isMqtt(one)) return speaksOfTopic(one, topic.split('/')[0] ?? '')
  return one.patternType === 'prefixed' ? topic.startsWith(one.resourceName) : filterMatches(one.resourceName, topic)
}

const operation = fc.constantFrom('read', 'write')

function rule(patternType: 'literal' | 'prefixed', resourceName: string, permission: 'allow' | 'deny'): Acl {
  return { resourceType: 'topic', patternType, resourceName, principal: 'User:alice', host: '*', operation: 'read', permission }
}

test('rights on MQTT topics are what their rules say, however many ACLs there are', () => {
  fc.assert(
    fc.property(acls, acls, mqttTopic, operation, (all, removed, topic, asked) => {
      const authorizer = authorizerOf(all, removed)
      const alice = principalAt(ALICE, HOST)
      const expected = decided(all, (one) => speaksOfMqttTopic(one, topic), asked)
      assert.equal(authorizer.authorize(alice, asked, 'mqtt-topic', topic), expected)
      assert.equal(authorizer.authorize(alice, asked, 'mqtt-topic', topic), expected, 'remembered')
    }),
    { numRuns: 3_000 },
  )
})

test('rights on Kafka topics are what their rules say, and never reach what is denied within their MQTT topics', () => {
  fc.assert(
    fc.property(acls, kafkaName, mqttTopic, operation, (all, name, topic, asked) => {
      const authorizer = authorizerOf(all)
      const may = authorizer.authorize(principalAt(ALICE, HOST), asked, 'topic', name)
      if (may) {
        assert.ok(decided(all, (one) => speaksOfTopic(one, name), asked))
        if (topic.split('/')[0] === name)
          assert.ok(authorizer.authorize(principalAt(ALICE, HOST), asked, 'mqtt-topic', topic), `${name} may be used, ${topic} may not`)
      } else if (!all.some((one) => isMqtt(one) && one.permission === 'deny')) {
        assert.equal(
          decided(all, (one) => speaksOfTopic(one, name), asked),
          false,
        )
      }
    }),
    { numRuns: 3_000 },
  )
})

test('a subscription that is refused would have received nothing', () => {
  fc.assert(
    fc.property(acls, mqttFilter, mqttTopic, (all, filter, topic) => {
      const authorizer = authorizerOf(all)
      const alice = principalAt(ALICE, HOST)
      if (authorizer.authorize(alice, 'describe', 'mqtt-topic', filter) || !filterMatches(filter, topic)) return
      assert.equal(authorizer.authorize(alice, 'read', 'mqtt-topic', topic), false, `${topic} may be read, ${filter} was refused`)
    }),
    {
      numRuns: 5_000,
      // "a/#" also matches "a", which a denial of what begins with "a/" does not reach.
      examples: [[[rule('literal', 'a', 'allow'), rule('prefixed', 'a/', 'deny')], 'a/#', 'a']],
    },
  )
})
