import assert from 'node:assert/strict'
import { test } from 'node:test'
import { subscribedTopics } from '../../../src/broker/groups/classic/subscription.ts'
import { protocol, World } from './support/world.ts'

const world = (settings = {}) => new World(settings).open()

test('a stable group shows its protocol, and what its members said and got', async () => {
  const it = await world()
  const [member] = it.stable({ clientId: 'app', clientHost: '/10.0.0.1', instanceId: 'i' })
  assert.deepEqual(it.groups.describe('g'), {
    groupId: 'g',
    state: 'Stable',
    protocolType: 'consumer',
    protocolName: 'range',
    members: [
      {
        memberId: member?.memberId,
        instanceId: 'i',
        clientId: 'app',
        clientHost: '/10.0.0.1',
        metadata: new Uint8Array(protocol('range', ['t']).metadata),
        assignment: new Uint8Array(Buffer.from('p0')),
      },
    ],
  })
})

test('a group that rebalances shows members without their metadata', async () => {
  const it = await world()
  it.stable({})
  it.join()
  const shown = it.groups.describe('g')
  assert.equal(shown?.state, 'PreparingRebalance')
  assert.equal(shown?.protocolName, '')
  assert.deepEqual(
    shown?.members.map(({ metadata }) => metadata.length),
    [0, 0],
  )
})

test('groups are listed by state, without regard to case, and by type', async () => {
  const it = await world()
  it.stable({ groupId: 'busy' })
  it.commit({ groupId: 'idle', offset: 1 })
  it.log.commit()
  const ids = (states: string[], types: string[] = []) => it.groups.list({ states, types }).map(({ groupId }) => groupId)
  assert.deepEqual(ids([]), ['busy', 'idle'])
  assert.deepEqual(ids(['stable']), ['busy'])
  assert.deepEqual(ids(['EMPTY', 'Dead']), ['idle'])
  assert.deepEqual(ids(['Assigning']), [])
  assert.deepEqual(ids([], ['Classic']), ['busy', 'idle'])
  assert.deepEqual(ids([], ['consumer']), [])
})

test('subscriptions of every version are read by their beginning', () => {
  assert.deepEqual(subscribedTopics(Buffer.from('000100000001000174000000000000', 'hex')), ['t'])
  assert.deepEqual(subscribedTopics(protocol('range', ['orders', 'payments']).metadata), ['orders', 'payments'])
  assert.deepEqual(subscribedTopics(protocol('range', []).metadata), [])
})

test('bytes that are no subscription are none, whatever lengths they claim', () => {
  for (const hex of ['', '0000', '00000000000100', '0000000000010005', '00007fffffff', '0000ffffffff', 'ffff00000000', '000000000001ffff']) {
    assert.equal(subscribedTopics(Buffer.from(hex, 'hex')), null, hex)
  }
})
