import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBroker } from '../../../src/index.ts'
import { GroupClient } from '../lib/group-client.ts'

const REBALANCE_IN_PROGRESS = 27

async function joinedPair(settings: Record<string, number>) {
  const broker = await startBroker({ storage: 'memory:', mqtt: 'off', settings })
  const [address] = broker.addresses.kafka
  assert.ok(address)
  const one = await GroupClient.connect(address)
  const two = await GroupClient.connect(address)
  const first = await one.enter()
  const joining = two.enter()
  let leader = { memberId: first.memberId, generation: first.generationId }
  while ((await one.heartbeat(leader)) === 0);
  leader = { ...leader, generation: (await one.join({ memberId: leader.memberId })).generationId }
  await joining
  await one.sync(leader, { [leader.memberId]: 'all' })
  return { broker, one, two, leader }
}

test('in memory: a member whose connection closes is out at once', { timeout: 10_000 }, async () => {
  const { broker, one, two, leader } = await joinedPair({})
  await using _ = broker
  await two[Symbol.asyncDispose]()
  let error = 0
  while (error === 0) error = await one.heartbeat(leader)
  assert.equal(error, REBALANCE_IN_PROGRESS)
  assert.equal((await one.join({ memberId: leader.memberId })).members.length, 1)
  await one[Symbol.asyncDispose]()
})

test('with group.disconnect.grace.ms -1 it stays until its session ends', { timeout: 10_000 }, async () => {
  const { broker, one, two, leader } = await joinedPair({ 'group.disconnect.grace.ms': -1 })
  await using _ = broker
  await two[Symbol.asyncDispose]()
  for (let again = 0; again < 20; again++) assert.equal(await one.heartbeat(leader), 0)
  await one[Symbol.asyncDispose]()
})
