import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerConfigs } from '../../../src/broker/configs/broker-configs.ts'
import { ConfigStore } from '../../../src/broker/configs/config-store.ts'
import type { Failure } from '../../../src/broker/errors.ts'
import { StateLog } from '../groups/support/state-log.ts'

const STATICS = [
  { key: 'message.max.bytes', value: '5000', default: '1048588', type: 'int', doc: 'The largest batch.' },
  { key: 'log.retention.ms', value: '604800000', default: '604800000', type: 'long', doc: 'Age.' },
] as const

async function setup(log = new StateLog()) {
  const configs = new BrokerConfigs(log, STATICS)
  await log.open()
  const set = (scope: 'broker' | 'cluster', values: Record<string, string>): (Failure | null)[] => {
    const parsed = configs.parse(scope, new Map([...configs.changed(scope), ...Object.entries(values)]))
    if ('error' in parsed) return [parsed]
    const outcome: (Failure | null)[] = []
    configs.set(scope, parsed, (failed) => outcome.push(failed))
    return outcome
  }
  const told = (key: string) =>
    configs
      .describe('broker')
      .filter(({ name }) => name === key)
      .map(({ value, source, synonyms }) => [value, source, ...synonyms.map((one) => `${one.name}=${one.value} ${one.source}`)])[0]
  return { log, configs, set, told }
}

test('the nearest value holds, the others are told in order', async () => {
  const t = await setup()
  assert.deepEqual(t.told('message.max.bytes'), ['5000', 'static', 'message.max.bytes=5000 static', 'message.max.bytes=1048588 default'])
  t.set('cluster', { 'message.max.bytes': '6000' })
  t.set('broker', { 'message.max.bytes': '7000' })
  assert.deepEqual(t.told('message.max.bytes'), [
    '7000',
    'broker',
    ...['message.max.bytes=7000 broker', 'message.max.bytes=6000 cluster', 'message.max.bytes=5000 static', 'message.max.bytes=1048588 default'],
  ])
  assert.equal(t.configs.number('message.max.bytes'), 7_000)
  assert.equal(t.configs.topicDefaults().get('max.message.bytes'), '7000')
})

test('what stands in for a config is told once the config has a value (as Kafka 4.4 does)', async () => {
  const t = await setup()
  assert.deepEqual(t.told('log.retention.ms'), [null, 'default'])
  assert.equal(t.configs.topicDefaults().has('retention.ms'), false)
  t.set('cluster', { 'log.retention.ms': '9' })
  assert.deepEqual(t.told('log.retention.ms'), ['9', 'cluster', 'log.retention.ms=9 cluster', 'log.retention.hours=168 default'])
})

test('a key nobody knows is kept, and its value is told to nobody', async () => {
  const t = await setup()
  t.set('broker', { 'somebodys.plugin.password': 'secret' })
  const [unknown] = t.configs.describe('broker').filter(({ name }) => name === 'somebodys.plugin.password')
  assert.deepEqual([unknown?.value, unknown?.isSensitive, unknown?.isReadOnly, unknown?.type], [null, true, true, null])
})

test('what is fixed at start, what is no value and what is one for all brokers is refused', async () => {
  const t = await setup()
  const codes = (scope: 'broker' | 'cluster', values: Record<string, string>) => t.set(scope, values).map((failed) => failed?.error.kafka)
  assert.deepEqual(codes('broker', { 'log.dirs': '/x' }), [42])
  assert.deepEqual(codes('broker', { 'log.retention.hours': '1' }), [42])
  assert.deepEqual(codes('broker', { 'log.retention.ms': '0' }), [42])
  assert.deepEqual(codes('broker', { 'log.cleanup.policy': 'nothing' }), [42])
  assert.deepEqual(codes('broker', { 'min.insync.replicas': '1' }), [40])
  assert.deepEqual(codes('broker', { 'min.insync.replicas': '0' }), [42])
  const without = t.configs.parse('cluster', new Map())
  assert.ok('error' in without && without.error.kafka === 40)
})

test('changes outlive a crash once they are durable, and not before', async () => {
  const t = await setup()
  t.set('broker', { 'message.max.bytes': '7000' })
  t.log.commit()
  t.set('broker', { 'message.max.bytes': '8000' })
  const after = await setup(new StateLog(t.log.durable))
  assert.equal(after.configs.number('message.max.bytes'), 7_000)
})

test('what the disk refused is taken back, and listeners are told', async () => {
  const t = await setup()
  const seen: number[] = []
  t.configs.onChange(() => seen.push(t.configs.number('message.max.bytes')))
  const outcome = t.set('broker', { 'message.max.bytes': '7000' })
  t.log.fail()
  assert.deepEqual(
    outcome.map((failed) => failed?.error.kafka),
    [56],
  )
  assert.deepEqual(seen, [7_000, 5_000])
})

test('a store has a limit of names and of bytes', async () => {
  const log = new StateLog()
  const store = new ConfigStore(log, 99, { maxNames: 2, maxBytes: 40 })
  const one = new Map([['a', '1']])
  for (const name of ['x', 'y']) store.set(name, one, () => {})
  assert.equal(store.check('z', one)?.error.kafka, 42)
  assert.equal(store.check('x', one), null)
  assert.equal(store.check('x', new Map([['a', '1'.repeat(40)]]))?.error.kafka, 42)
  store.set('x', new Map(), () => {})
  assert.equal(store.check('z', one), null)
  assert.deepEqual([...store.names()], ['y'])
})

test('a number of threads is halved or doubled at most, from what it is now', async () => {
  const t = await setup()
  const code = (value: string) => t.set('broker', { 'num.io.threads': value })[0]?.error.kafka ?? 0
  assert.deepEqual(['3', '17', '0', 'x'].map(code), [42, 42, 42, 42])
  assert.deepEqual(['4', '8', '16', '32'].map(code), [0, 0, 0, 0])
  assert.equal(code('8'), 42, 'half of 32 is 16')
  assert.deepEqual(t.told('num.io.threads')?.slice(0, 2), ['32', 'broker'])
})

test('what only one broker has is refused for all of them, and a password is told to nobody', async () => {
  const t = await setup()
  assert.equal(t.set('cluster', { 'sasl.jaas.config': 'x' })[0]?.error.kafka, 42)
  t.set('broker', { 'sasl.jaas.config': 'x' })
  assert.deepEqual(t.told('sasl.jaas.config'), [null, 'broker', 'sasl.jaas.config=null broker'])
})

test('what stays here beside tiered storage is a part of all that stays, in whatever order they are set', async () => {
  const t = await setup()
  const code = (values: Record<string, string>) => t.set('broker', values)[0]?.error.kafka ?? 0
  assert.equal(code({ 'log.local.retention.ms': '604800001' }), 42)
  assert.equal(code({ 'log.local.retention.ms': '-1' }), 42)
  assert.equal(code({ 'log.local.retention.ms': '604800001', 'log.retention.ms': '-1' }), 0)
  assert.equal(code({ 'log.retention.ms': '5' }), 42)
  assert.equal(code({ 'log.remote.copy.lag.ms': '604800002' }), 42)
  assert.equal(code({ 'log.remote.copy.lag.bytes': '5' }), 0)
  assert.equal(code({ 'log.retention.bytes': '4' }), 42)
})

test('items can be added to settings that are lists, as far as they change at all', async () => {
  const { configs } = await setup()
  for (const key of ['listeners', 'metric.reporters', 'log.cleanup.policy']) assert.equal(configs.row(key)?.type, 'list', key)
  assert.equal(configs.row('node.id'), undefined)
})
