/**
 * kill -9 at random moments, under the load of real clients. Every acknowledged record is there once (QoS 1: at least once), in
 * order, at the offset that was told; groups and sessions go on. `SEED=` repeats the moments, `ROUNDS=` (20) their number.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openPeer, type Peer } from '../compat/lib/broker.ts'
import { runOk, until, within } from '../compat/lib/process.ts'
import { programsMissing, pythonMissing } from '../compat/lib/toolchain.ts'
import { pickSeed, randomFrom } from '../malformed/raw-socket.ts'
import { confluentWriter, groupReader, kafkajsWriter, mqttWriter, newKafka, parseSeen, type Reader, type Seen, sessionReader, type Writer } from './actors.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 20)
const TOPICS = ['kjs', 'confluent', 'q1', 'q2', 'q2v4']

interface Stored extends Seen {
  readonly partition: number
  readonly offset: number
}

describe('kill -9', { skip: pythonMissing() || programsMissing('kcat') || (process.env.COMPAT_KAFKA ? 'kills only what it started' : false) }, () => {
  let peer: Peer
  let writers: Writer[] = []
  let group: Reader
  let session: Awaited<ReturnType<typeof sessionReader>>
  let stored: ReadonlyMap<string, readonly Stored[]>

  before(async () => {
    peer = await openPeer()
    const admin = newKafka(peer.kafka, 'crash-admin').admin()
    await admin.connect()
    await admin.createTopics({ topics: TOPICS.map((topic) => ({ topic, numPartitions: 4 })) })
    await admin.disconnect()
    session = await sessionReader(peer.mqtt, { 'q1/#': 1, 'q2/#': 2, 'q2v4/#': 2, 'kjs/#': 1 })
    group = await groupReader(peer.kafka, 'crash', TOPICS)
    writers = [
      await kafkajsWriter(peer.kafka, 'kjs'),
      confluentWriter(peer.kafka, 'confluent'),
      await mqttWriter(peer.mqtt, 'q1', 1, 5),
      await mqttWriter(peer.mqtt, 'q2', 2, 5),
      await mqttWriter(peer.mqtt, 'q2v4', 2, 4),
    ]
  })

  after(async () => {
    session?.client.end(true)
    await Promise.allSettled([...writers, group].map((actor) => within('stopping an actor', 15_000, actor.stop())))
    await peer?.close()
  })

  const progress = async (what: string) => {
    const from = writers.map((writer) => writer.acknowledged.length)
    const [groupFrom, sessionFrom] = [group.seen.length, session.seen.length]
    const failures = () => [...writers, group].flatMap((actor) => actor.failures)
    const describe = () =>
      `acknowledged ${writers.map((writer, index) => `${writer.topic} +${writer.acknowledged.length - (from[index] ?? 0)}`).join(', ')}; ` +
      `group +${group.seen.length - groupFrom}, session +${session.seen.length - sessionFrom}; ${failures().slice(0, 3).join('; ')}\n${peer.elytra?.log.slice(-2000)}`
    const moved = () =>
      writers.every((writer, index) => writer.acknowledged.length > (from[index] ?? 0)) && group.seen.length > groupFrom && session.seen.length > sessionFrom
    await until(what, () => moved() || failures().length > 0, { timeoutMs: 30_000, describe })
    assert.deepEqual(failures(), [])
  }

  test(`${ROUNDS} times at a random moment; all clients go on after each`, { timeout: 400_000 }, async () => {
    const next = randomFrom(pickSeed())
    const { elytra } = peer
    assert.ok(elytra)
    await progress('all clients at work before the first crash')
    for (let round = 1; round <= ROUNDS; round++) {
      await delay(next() % 1500)
      await elytra.kill()
      // Every fourth time it dies again while it recovers.
      if (next() % 4 === 0) await elytra.startAndKill(20 + (next() % 250))
      const startedMs = await elytra.start()
      await progress(`all clients at work after crash ${round}`)
      console.log(
        `# crash ${round}: ready in ${Math.round(startedMs)} ms, acknowledged ${writers.map((writer) => `${writer.topic} ${writer.acknowledged.length}`).join(', ')}`,
      )
    }
  })

  test('all writers end with everything acknowledged, and readers see it', { timeout: 120_000 }, async () => {
    await Promise.all(writers.map((writer) => within(`the last acknowledgements of ${writer.topic}`, 60_000, writer.stop())))
    for (const writer of writers) assert.deepEqual(writer.failures, [], writer.topic)
    const missing = (seen: readonly Seen[], topics: readonly string[]) => {
      const have = new Set(seen.map((one) => `${one.topic} ${one.n}`))
      return writers
        .filter((writer) => topics.includes(writer.topic))
        .flatMap((writer) => writer.acknowledged.filter((one) => !have.has(`${writer.topic} ${one.n}`)).map((one) => `${writer.topic} ${one.n}`))
    }
    await until('the group to have read all', () => missing(group.seen, TOPICS).length === 0, {
      timeoutMs: 30_000,
      everyMs: 200,
      describe: () => `${missing(group.seen, TOPICS).length} missing: ${missing(group.seen, TOPICS).slice(0, 5).join(', ')}`,
    })
    const subscribed = ['q1', 'q2', 'q2v4', 'kjs']
    await until('the session to have got all', () => missing(session.seen, subscribed).length === 0, {
      timeoutMs: 30_000,
      everyMs: 200,
      describe: () => `${missing(session.seen, subscribed).length} missing: ${missing(session.seen, subscribed).slice(0, 5).join(', ')}`,
    })
    assert.equal(session.lostSessions, 0, 'the session was there after each crash')
    assert.deepEqual(group.failures, [])
  })

  test('after one more crash the log holds every acknowledged record where it was said to be', async () => {
    const { elytra } = peer
    assert.ok(elytra)
    await elytra.kill()
    await elytra.start()
    const all = new Map<string, readonly Stored[]>()
    for (const topic of TOPICS) {
      const { stdout } = await runOk('kcat', ['-b', peer.kafka, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%p %o %s\n'])
      const records = stdout
        .trim()
        .split('\n')
        .map((line) => {
          const [partition, offset, ...value] = line.split(' ')
          return { ...parseSeen(topic, value.join(' ')), partition: Number(partition), offset: Number(offset) }
        })
      all.set(topic, records)
    }
    stored = all
    for (const writer of writers) {
      const records = stored.get(writer.topic) ?? []
      const numbers = new Set(records.map((record) => record.n))
      const lost = writer.acknowledged.filter((one) => !numbers.has(one.n))
      assert.deepEqual(lost, [], `${writer.topic}: acknowledged, but not there`)
      const at = new Map(records.map((record) => [`${record.partition} ${record.offset}`, record.n]))
      const moved = writer.acknowledged.filter((one) => one.at !== undefined && at.get(`${one.at.partition} ${one.at.offset}`) !== one.n)
      assert.deepEqual(moved, [], `${writer.topic}: at another offset than was said`)
    }
  })

  test('idempotent producers and QoS 2 publishers have each record once, and offsets have no gap', () => {
    assert.ok(stored)
    for (const [topic, records] of stored) {
      const next = new Map<number, number>()
      for (const record of records) {
        assert.equal(record.offset, next.get(record.partition) ?? 0, `${topic}-${record.partition}`)
        next.set(record.partition, record.offset + 1)
      }
      if (topic === 'q1') continue
      const had = new Set<number>()
      const twice = records.map((record) => record.n).filter((n) => had.has(n) || !had.add(n))
      assert.deepEqual(twice.slice(0, 10), [], `${topic}: twice`)
    }
  })

  test('records of one key are in the order they were sent in; of QoS 1 their first copies are', () => {
    assert.ok(stored)
    for (const [topic, records] of stored) {
      const last = new Map<string, number>()
      const had = new Set<number>()
      for (const { key, n, offset } of records) {
        if (had.has(n)) continue
        had.add(n)
        assert.ok(n > (last.get(key) ?? -1), `${topic}: ${n} at ${offset} comes after ${last.get(key)}`)
        last.set(key, n)
      }
    }
  })

  test('the session got each QoS 2 message once, and all in order', () => {
    for (const topic of ['q2', 'q2v4']) {
      const last = new Map<string, number>()
      for (const { key, n } of session.seen.filter((one) => one.topic === topic)) {
        assert.ok(n > (last.get(key) ?? -1), `${topic}: ${n} comes after ${last.get(key)}`)
        last.set(key, n)
      }
    }
  })
})
