import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerSecurity, type SecuritySettings } from '../../../src/broker/security/broker-security.ts'
import type { Operation, Principal, ResourceType } from '../../../src/broker/security/ports.ts'
import { principalAt } from '../../../src/broker/security/principals.ts'
import { credentialOf } from '../../../src/broker/security/scram.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { aclOf, filterOf } from './support/acls.ts'
import { HeldStateLog } from './support/held-state-log.ts'

function open(acls: readonly string[] = [], settings: Partial<SecuritySettings> = {}) {
  const log = new HeldStateLog()
  const security = new BrokerSecurity(log.store, systemClock, systemRandom, settings)
  const addUser = (name: string) => {
    const credential = credentialOf('SCRAM-SHA-256', systemRandom.bytes(32), systemRandom.bytes(16), 4096)
    security.alterCredentials(name, { put: [credential], remove: [] }, () => {})
    log.commit()
  }
  addUser('admin')
  addUser('alice')
  security.acls.create(acls.map(aclOf), () => {})
  log.commit()
  const alice = principalAt(security.principalOf('alice'), '10.0.0.1')
  const may = (operation: Operation, type: ResourceType, name: string, principal: Principal = alice) => security.authorize(principal, operation, type, name)
  return { security, log, alice, may }
}

test('a user may nothing until granted, an administrator everything', () => {
  const { may, security } = open()
  assert.equal(may('read', 'topic', 'orders'), false)
  assert.equal(may('read', 'topic', 'orders', security.principalOf('admin')), true)
  assert.equal(may('alter', 'cluster', 'kafka-cluster', security.principalOf('admin')), true)
})

test('a DENY that speaks of the principal wins over every ALLOW, an administrator is not spoken of', () => {
  const { may, security } = open(['allow User:alice all topic *', 'deny User:* read topic secret*'])
  assert.equal(may('read', 'topic', 'orders'), true)
  assert.equal(may('read', 'topic', 'secret-1'), false)
  assert.equal(may('write', 'topic', 'secret-1'), true)
  assert.equal(may('read', 'topic', 'secret-1', security.principalOf('admin')), true)
})

test('reading, writing, deleting and altering imply describing; a DENY of them does not deny it', () => {
  for (const operation of ['read', 'write', 'delete', 'alter'] as const) {
    const { may } = open([`allow User:alice ${operation} topic orders`])
    assert.equal(may('describe', 'topic', 'orders'), true, operation)
    assert.equal(may('describe-configs', 'topic', 'orders'), false)
  }
  const configs = open(['allow User:alice alter-configs topic orders'])
  assert.equal(configs.may('describe-configs', 'topic', 'orders'), true)
  assert.equal(configs.may('describe', 'topic', 'orders'), false)
  const denied = open(['deny User:alice read topic orders', 'allow User:alice describe topic orders'])
  assert.equal(denied.may('describe', 'topic', 'orders'), true)
})

test('a prefix matches what begins with it, a literal name itself, and * everything, each of its own type', () => {
  const { may } = open(['allow User:alice read topic ord*', 'allow User:alice write topic orders', 'allow User:alice read group *'])
  for (const name of ['ord', 'orders', 'ord-x']) assert.equal(may('read', 'topic', name), true, name)
  for (const name of ['or', 'xord', 'Ord']) assert.equal(may('read', 'topic', name), false, name)
  assert.equal(may('write', 'topic', 'orders-2'), false)
  assert.equal(may('read', 'group', 'any'), true)
  assert.equal(may('read', 'transactional-id', 'any'), false)
})

test('an ACL for a host counts only from there', () => {
  const { may, security } = open(['allow User:alice read topic orders from 10.0.0.1'])
  assert.equal(may('read', 'topic', 'orders'), true)
  assert.equal(may('read', 'topic', 'orders', principalAt(security.principalOf('alice'), '10.0.0.2')), false)
  assert.equal(may('read', 'topic', 'orders', security.principalOf('alice')), false, 'nobody knows from where')
})

test('a change of rights counts at once for a connection that was decided before', () => {
  const { may, security, log } = open()
  let told = 0
  security.whenRightsChange(() => told++)
  assert.equal(may('write', 'topic', 'orders'), false)
  security.acls.create([aclOf('allow User:alice write topic orders')], () => {})
  assert.equal(may('write', 'topic', 'orders'), true)
  security.acls.delete([filterOf()], () => {})
  assert.equal(may('write', 'topic', 'orders'), false)
  log.commit()
  assert.equal(told, 2)
})

test('where everybody may do what no ACL speaks of, one ACL closes its resource to all others', () => {
  const { may } = open(['allow User:bob read topic orders'], { allowEveryone: true })
  assert.equal(may('read', 'topic', 'free'), true)
  assert.equal(may('read', 'topic', 'orders'), false)
  assert.equal(may('write', 'topic', 'orders'), false)
})

test('anonymous clients of an open listener may all but administer users and rights, unless an ACL speaks of it', () => {
  const { may, security } = open(['allow User:bob read topic orders', 'allow User:ANONYMOUS read topic news'])
  const anonymous = principalAt(security.anonymous, '127.0.0.1')
  assert.equal(may('write', 'topic', 'free', anonymous), true)
  assert.equal(may('read', 'topic', 'orders', anonymous), false)
  assert.equal(may('read', 'topic', 'news', anonymous), true)
  assert.equal(may('write', 'topic', 'news', anonymous), false)
  assert.equal(may('alter', 'cluster', 'kafka-cluster', anonymous), false)
  assert.equal(may('create-tokens', 'user', 'User:alice', anonymous), false)
})

test('writing to some topic is enough to be an idempotent producer, unless it is denied again (KIP-679)', () => {
  const some = (...acls: string[]) => {
    const { security, alice } = open(acls)
    return security.authorizeAny(alice, 'write', 'topic')
  }
  assert.equal(some(), false)
  assert.equal(some('allow User:alice write topic orders'), true)
  assert.equal(some('allow User:alice read topic orders'), false)
  assert.equal(some('allow User:alice write topic orders', 'deny User:* write topic ord*'), false)
  assert.equal(some('allow User:alice write topic ord*', 'deny User:alice write topic orders'), true)
  assert.equal(some('allow User:alice write topic ord*', 'deny User:alice write topic *'), false)
  assert.equal(some('allow User:alice all topic *', 'deny User:alice write topic hardcode'), true)
})
