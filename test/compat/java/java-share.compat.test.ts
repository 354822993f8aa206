/** Java: share groups (KIP-932) with the share consumers of kafka-clients 4.1.2 and 4.4.0, and Kafka's own tools for them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openPeer, unique } from '../lib/broker.ts'
import { externalChecks } from '../lib/external.ts'
import { until } from '../lib/process.ts'
import { javaMissing } from '../lib/toolchain.ts'
import { javaArgs, tool, toolBeside } from './tools.ts'

const LOCK_MS = 2_000
/** Members hear of each other soon, and locks end before anybody falls asleep over it. */
const QUICK = [
  ...['--set', 'group.share.heartbeat.interval.ms=300', '--set', 'group.share.min.heartbeat.interval.ms=100'],
  ...['--set', `group.share.record.lock.duration.ms=${LOCK_MS}`, '--set', `group.share.min.record.lock.duration.ms=${LOCK_MS}`],
]

interface ToolEvent {
  readonly name: string
  readonly success?: boolean
  readonly partitions?: readonly { readonly partition: number; readonly offsets: readonly number[] }[]
}

const eventsOf = (lines: readonly string[], name: string): ToolEvent[] =>
  lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as ToolEvent)
    .filter((event) => event.name === name)

/** `partition/offset` of everything such events name. */
const placesOf = (events: readonly ToolEvent[]): string[] =>
  events.flatMap(({ partitions = [] }) => partitions.flatMap(({ partition, offsets }) => offsets.map((offset) => `${partition}/${offset}`)))

const createTopic = async (bootstrap: readonly string[], partitions: number): Promise<string> => {
  const topic = unique('shared')
  const made = await tool('org.apache.kafka.tools.TopicCommand', [...bootstrap, '--create', '--topic', topic, '--partitions', `${partitions}`])
  assert.equal(made.code, 0, made.stdout + made.stderr)
  return topic
}

const produce = (bootstrap: readonly string[], topic: string, count: number) =>
  tool('org.apache.kafka.tools.VerifiableProducer', [...bootstrap, '--topic', topic, '--max-messages', `${count}`, '--acks', '-1'])

const shareGroups = (bootstrap: readonly string[], ...args: string[]) =>
  tool('org.apache.kafka.tools.consumer.group.ShareGroupCommand', [...bootstrap, ...args])

describe('java: share groups', { skip: javaMissing() }, () => {
  for (const version of ['4.1.2', '4.4.0']) {
    test(`kafka-clients ${version}: share groups`, async (t) => {
      await using quick = await openPeer({ args: QUICK })
      if (quick.elytra === undefined) {
        t.skip('needs short locks, and start offsets that are told at once: those of Kafka lag behind')
        return
      }
      await externalChecks(t, 'java', javaArgs(`clients-${version}`, 'ShareChecks', [quick.kafka, `${LOCK_MS}`]), { timeoutMs: 300_000 })
    })
  }

  test('share consumers go on after kill -9: everything is consumed, and nothing that was acknowledged comes again', async (t) => {
    await using quick = await openPeer({ args: QUICK })
    if (quick.elytra === undefined) {
      t.skip('the broker is not ours to kill')
      return
    }
    const bootstrap = ['--bootstrap-server', quick.kafka]
    const topic = await createTopic(bootstrap, 2)
    const groupId = unique('killed')
    const consume = () =>
      toolBeside('org.apache.kafka.tools.VerifiableShareConsumer', [
        ...bootstrap,
        ...['--topic', topic, '--group-id', groupId, '--offset-reset-strategy', 'earliest', '--acknowledgement-mode', 'sync'],
      ])
    await using one = consume()
    await using two = consume()
    const said = (name: string) => [one, two].flatMap(({ lines }) => eventsOf(lines, name))
    const consumed = () => new Set(placesOf(said('records_consumed'))).size
    await produce(bootstrap, topic, 1_000)
    await until('some records', () => consumed() > 0, { timeoutMs: 60_000, everyMs: 20, describe: () => `${consumed()}` })
    await quick.elytra.kill()
    await quick.elytra.start()
    await produce(bootstrap, topic, 1_000)
    await until('2,000 records', () => consumed() === 2_000, { timeoutMs: 90_000, everyMs: 50, describe: () => `${consumed()}` })
    const accepted = placesOf(said('offsets_acknowledged').filter(({ success }) => success === true))
    assert.equal(new Set(accepted).size, accepted.length)
  })

  test('kafka-share-groups: list, describe, delete offsets, delete', async () => {
    await using quick = await openPeer({ args: QUICK })
    const bootstrap = ['--bootstrap-server', quick.kafka]
    const topic = await createTopic(bootstrap, 1)
    const groupId = unique('tools')
    await produce(bootstrap, topic, 20)
    const read = await tool('org.apache.kafka.tools.VerifiableShareConsumer', [
      ...bootstrap,
      ...['--topic', topic, '--group-id', groupId, '--offset-reset-strategy', 'earliest', '--max-messages', '20'],
    ])
    assert.equal(placesOf(eventsOf(read.stdout.split('\n'), 'offsets_acknowledged')).length, 20, read.stdout + read.stderr)
    const listed = await shareGroups(bootstrap, '--list')
    assert.match(listed.stdout, new RegExp(`^${groupId}$`, 'm'))
    const offsets = await shareGroups(bootstrap, '--describe', '--group', groupId, '--offsets')
    assert.match(offsets.stdout, new RegExp(`^${groupId}\\s+${topic}\\s+0\\s+20\\b`, 'm'))
    const state = await shareGroups(bootstrap, '--describe', '--group', groupId, '--state')
    assert.match(state.stdout, new RegExp(`^${groupId}\\s.*\\bEmpty\\s+0`, 'm'))
    const forgotten = await shareGroups(bootstrap, '--delete-offsets', '--topic', topic, '--group', groupId)
    assert.match(forgotten.stdout, new RegExp(`^${topic}\\s+Successful`, 'm'))
    const deleted = await shareGroups(bootstrap, '--delete', '--group', groupId)
    assert.match(deleted.stdout, /successful/)
    assert.doesNotMatch((await shareGroups(bootstrap, '--list')).stdout, new RegExp(groupId))
  })
})
