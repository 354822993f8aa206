/** Thousands of consumers: a reconnect storm of 2,000 in 200 groups, and groups of 500 members. Outcomes are judged; times and memory are printed. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { openPeer, parseAddress, unique } from '../lib/broker.ts'
import { Feeder } from './feeder.ts'
import { told, usageOf } from './process-usage.ts'
import { type GroupOrder, Swarm } from './swarm.ts'

const skip = process.env.COMPAT_KAFKA ? 'the broker is not ours to kill' : false
/** How long anything may take; only a hang takes so long. */
const LIMIT_MS = 150_000
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** Groups take turns in the two protocols. */
const protocolOf = (index: number) => (index % 2 === 0 ? 'classic' : 'consumer') as 'classic' | 'consumer'

describe('scale', { skip }, () => {
  test('2,000 consumers in 200 groups settle again when the broker is killed under them', { timeout: 4 * LIMIT_MS }, async (t) => {
    const [groups, members, partitions] = [200, 10, 10]
    await using peer = await openPeer()
    const elytra = peer.elytra
    assert.ok(elytra)
    await using swarm = new Swarm(2)
    const usage = async (when: string) => t.diagnostic(`${when}: ${told(await usageOf(elytra.pid))}`)
    const topics = await feed(peer.kafka, (feeder) =>
      feeder.create(
        Array.from({ length: 20 }, () => unique('storm')),
        partitions,
      ),
    )
    const fill = (count: number) =>
      feed(peer.kafka, async (feeder) => {
        for (const topic of topics) await feeder.fill(topic, count)
      })
    await fill(10)
    const orders = Array.from({ length: groups }, (_, index): GroupOrder => {
      const topic = topics[index % topics.length]
      assert.ok(topic)
      return { ...topic, groupId: unique('storm'), members, protocol: protocolOf(Math.floor(index / topics.length)) }
    })
    swarm.start(parseAddress(peer.kafka), orders)
    t.diagnostic(`settled the first time after ${seconds(await swarm.settled(groups * members, LIMIT_MS))}`)
    await swarm.caughtUp(10, LIMIT_MS)
    await usage('settled')

    await fill(10)
    await elytra.kill()
    t.diagnostic(`ready again after ${seconds(await elytra.start())}`)
    t.diagnostic(`settled again after ${seconds(await swarm.settled(groups * members, LIMIT_MS))}`)
    await usage('settled again')
    await fill(10)
    t.diagnostic(`read on after ${seconds(await swarm.caughtUp(30, LIMIT_MS))}`)
    const { gaps, repeats } = swarm.report
    t.diagnostic(`${repeats} records read once more`)
    assert.equal(gaps, 0, 'records that nobody read')
    const settled = swarm.report.repeats
    await fill(10)
    await swarm.caughtUp(40, LIMIT_MS)
    assert.equal(swarm.report.repeats, settled, 'records that were read twice by settled groups')
    await usage('at the end')
  })

  for (const protocol of ['classic', 'consumer'] as const) {
    test(`a group of 500 members rebalances, ${protocol} protocol`, { timeout: 4 * LIMIT_MS }, (t) => bigGroup(t, protocol))
  }
})

async function bigGroup(t: TestContext, protocol: 'classic' | 'consumer'): Promise<void> {
  await using peer = await openPeer()
  const elytra = peer.elytra
  assert.ok(elytra)
  await using swarm = new Swarm(1)
  const [topic] = await feed(peer.kafka, (feeder) => feeder.create([unique('big')], 500))
  assert.ok(topic)
  const fill = () => feed(peer.kafka, (feeder) => feeder.fill(topic, 5))
  const report = async (what: string, ms: number) => t.diagnostic(`${what} after ${seconds(ms)}; ${told(await usageOf(elytra.pid))}`)
  await fill()
  swarm.start(parseAddress(peer.kafka), [{ ...topic, groupId: unique('big'), members: 500, protocol }])
  await report('500 joined', await swarm.settled(500, LIMIT_MS))
  await swarm.caughtUp(5, LIMIT_MS)
  swarm.tell({ kind: 'change', members: -100, vanish: false })
  await report('100 left', await swarm.settled(400, LIMIT_MS))
  swarm.tell({ kind: 'change', members: 100, vanish: false })
  await report('100 came', await swarm.settled(500, LIMIT_MS))
  await fill()
  await swarm.caughtUp(10, LIMIT_MS)
  assert.equal(swarm.report.gaps, 0, 'records that nobody read')
  await elytra.kill()
  await elytra.start()
  await report('killed and settled again', await swarm.settled(500, LIMIT_MS))
  await fill()
  await swarm.caughtUp(15, LIMIT_MS)
  assert.equal(swarm.report.gaps, 0, 'records that nobody read')
}

async function feed<T>(address: string, run: (feeder: Feeder) => Promise<T>): Promise<T> {
  await using feeder = await Feeder.connect(address)
  return await run(feeder)
}
