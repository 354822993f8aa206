import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientQuotas, type QuotaEntity } from '../../../src/broker/quotas/client-quotas.ts'
import { Throttle } from '../../../src/broker/quotas/throttle.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { StateLog } from '../groups/support/state-log.ts'

const ALICE = { user: 'alice', clientId: 'app' }

async function setup(log = new StateLog()) {
  const clock = new ManualClock()
  const quotas = new ClientQuotas(log)
  await log.open()
  const throttle = new Throttle(quotas, clock)
  const set = (entity: QuotaEntity, values: Record<string, number | null>) => {
    const changes = Object.entries(values).map(([key, value]) => ({ key, value }))
    const refused = quotas.check(entity, changes)
    if (refused === null) quotas.alter(entity, changes, () => {})
    return refused?.error.kafka ?? 0
  }
  return { log, clock, quotas, throttle, set }
}

test('the most special quota holds (the order of Kafka)', async () => {
  const t = await setup()
  const order: QuotaEntity[] = [
    { clientId: null },
    { clientId: 'app' },
    { user: null },
    { user: null, clientId: null },
    { user: null, clientId: 'app' },
    { user: 'alice' },
    { user: 'alice', clientId: null },
    { user: 'alice', clientId: 'app' },
  ]
  for (const [index, entity] of order.entries()) {
    t.set(entity, { producer_byte_rate: index + 1 })
    assert.equal(t.quotas.find('producer_byte_rate', 'alice', 'app')?.perSecond, index + 1, JSON.stringify(entity))
  }
  assert.equal(t.quotas.find('consumer_byte_rate', 'alice', 'app'), null)
})

test('clients share what the quota names: all of a user, or each client id by itself', async () => {
  const t = await setup()
  t.set({ user: 'alice' }, { producer_byte_rate: 1_000 })
  const bucket = (user: string, clientId: string) => t.quotas.find('producer_byte_rate', user, clientId)?.bucket
  assert.equal(bucket('alice', 'a'), bucket('alice', 'b'))
  t.set({ user: null, clientId: null }, { producer_byte_rate: 1_000 })
  assert.notEqual(bucket('bob', 'a'), bucket('bob', 'b'))
  assert.notEqual(bucket('bob', 'a'), bucket('carol', 'a'))
})

test('a quota is above 0, of bytes a whole number, and one there is', async () => {
  const t = await setup()
  assert.equal(t.set(ALICE, { producer_byte_rate: 0 }), 42)
  assert.equal(t.set(ALICE, { consumer_byte_rate: 1.5 }), 42)
  assert.equal(t.set(ALICE, { request_percentage: Number.NaN }), 42)
  assert.equal(t.set(ALICE, { no_such_quota: 1 }), 42)
  assert.equal(t.set(ALICE, { request_percentage: 12.5 }), 0)
  assert.equal(t.set(ALICE, { no_such_quota: null }), 0)
})

test('quotas outlive a restart; without one nobody is charged', async () => {
  const t = await setup()
  assert.equal(t.throttle.active, false)
  t.set(ALICE, { producer_byte_rate: 5_000 })
  t.log.commit()
  const after = await setup(new StateLog(t.log.durable))
  assert.equal(after.throttle.active, true)
  assert.deepEqual([...after.quotas.all()], [[ALICE, new Map([['producer_byte_rate', 5_000]])]])
  after.set(ALICE, { producer_byte_rate: null })
  assert.equal(after.throttle.active, false)
})

test('who stays below the rate never waits; who does not is brought back to it', async () => {
  const t = await setup()
  t.set({ user: 'alice' }, { producer_byte_rate: 1_000 })
  let waits = 0
  for (let second = 0; second < 60; second++) {
    t.clock.advance(1_000)
    waits += t.throttle.charge('producer_byte_rate', ALICE, 1_000)
  }
  assert.equal(waits, 0)
  let bytes = 0
  const began = t.clock.monotonicMs()
  while (t.clock.monotonicMs() - began < 600_000) {
    bytes += 5_000
    t.clock.advance(1 + t.throttle.charge('producer_byte_rate', ALICE, 5_000))
  }
  const rate = (bytes * 1_000) / (t.clock.monotonicMs() - began)
  assert.ok(rate > 990 && rate < 1_040, `${rate} bytes per second`)
})

test('time of the loop holds a client at most a second at once', async () => {
  const t = await setup()
  t.set({ clientId: null }, { request_percentage: 1 })
  assert.equal(t.throttle.chargeTime(ALICE, 20), 0)
  assert.equal(t.throttle.chargeTime(ALICE, 60_000), 1_000)
})

test('mutations come in bursts; one that came too early is refused where the version knows of that, and counts nothing', async () => {
  const t = await setup()
  t.set({ user: 'alice' }, { controller_mutation_rate: 2 })
  assert.deepEqual(t.throttle.chargeMutations(ALICE, 40, true), { waitMs: 9_000, refused: false })
  assert.deepEqual(t.throttle.chargeMutations(ALICE, 1, true), { waitMs: 9_000, refused: true })
  assert.deepEqual(t.throttle.chargeMutations(ALICE, 1, false), { waitMs: 9_500, refused: false })
  t.clock.advance(9_500)
  assert.deepEqual(t.throttle.chargeMutations(ALICE, 1, true), { waitMs: 500, refused: false })
})

test('an address may make so many connections a second, after a burst; one that is refused does not count (KIP-612)', async () => {
  const t = await setup()
  assert.equal(t.throttle.chargeConnection('10.0.0.1'), 0)
  assert.equal(t.set({ ip: null }, { connection_creation_rate: 2 }), 0)
  assert.equal(t.set({ ip: '10.0.0.9' }, { connection_creation_rate: 1_000 }), 0)
  // Eleven seconds' worth, and the one that overdraws it.
  for (let i = 0; i < 23; i++) assert.equal(t.throttle.chargeConnection('10.0.0.1'), 0, `connection ${i}`)
  assert.equal(t.throttle.chargeConnection('10.0.0.1'), 500)
  assert.equal(t.throttle.chargeConnection('10.0.0.1'), 500)
  assert.equal(t.throttle.chargeConnection('10.0.0.2'), 0, 'each address has its own')
  for (let i = 0; i < 100; i++) assert.equal(t.throttle.chargeConnection('10.0.0.9'), 0)
  t.clock.advance(500)
  assert.equal(t.throttle.chargeConnection('10.0.0.1'), 0)
  assert.equal(t.set({ ip: null }, { connection_creation_rate: null }), 0)
  assert.equal(t.throttle.chargeConnection('10.0.0.1'), 0)
})

test('addresses have the quota of connections alone, and it is nobody else’s', async () => {
  const t = await setup()
  assert.equal(t.set({ ip: '10.0.0.1' }, { producer_byte_rate: 5 }), 42)
  assert.equal(t.set({ user: 'alice' }, { connection_creation_rate: 5 }), 42)
  assert.equal(t.set({ ip: '10.0.0.1' }, { connection_creation_rate: 1.5 }), 42)
})
