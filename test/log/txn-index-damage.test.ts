import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { LocalLog } from '../../src/log/local-log.ts'
import { buildMarker, type MarkerType } from '../../src/log/marker.ts'
import type { AbortedTransaction } from '../../src/log/ports.ts'
import { buildBatch, TRANSACTIONAL_BIT } from '../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS } from '../../src/log/settings.ts'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { append, openLog, SETTINGS, TOPIC_ID, temporaryFolder } from './log-harness.ts'

const SMALL = { ...SETTINGS, segmentBytes: 3_000, indexIntervalBytes: 300 }
const FOLDER = 'topics/orders-0'

function transactional(producerId: number, baseSequence: number): Uint8Array {
  return buildBatch([{ key: null, value: Buffer.alloc(100), timestampMs: 1_000 }], {
    attributes: TRANSACTIONAL_BIT,
    producerId,
    producerEpoch: 0,
    baseSequence,
  })
}

function marker(producerId: number, type: MarkerType): Uint8Array {
  return buildMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 2_000 })
}

interface Story {
  readonly path: string
  readonly aborted: readonly AbortedTransaction[]
  readonly endOffset: number
  /** Names of the indexes, the oldest first. */
  readonly indexes: readonly string[]
}

/** Four producers whose transactions reach over segments, one of three aborted, and a log that was closed in order. */
async function written(path: string): Promise<Story> {
  const log = await openLog(new NodeFiles(path))
  const partition = log.createPartition(TOPIC_ID, 'orders', 0, SMALL)
  log.start()
  const sequences = [0, 0, 0, 0]
  for (let i = 0; i < 200; i++) {
    const producerId = i % 4
    const sequence = sequences[producerId] as number
    const ends = sequence > 0 && (i + producerId) % 7 === 0
    const bytes = ends ? marker(producerId, i % 3 === 0 ? 'abort' : 'commit') : transactional(producerId, sequence)
    if (!ends) sequences[producerId] = sequence + 1
    assert.ok(Array.isArray(await append(log, { batches: [{ partition, bytes }] })))
  }
  const aborted = partition.abortedTransactions(0, partition.highWatermark)
  const endOffset = partition.highWatermark
  await log.close()
  const indexes = readdirSync(join(path, FOLDER))
    .filter((name) => name.endsWith('.txnindex'))
    .sort()
  assert.ok(indexes.length > 3 && aborted.length > 5, 'the story has several indexes')
  return { path, aborted, endOffset, indexes }
}

/** What a start says, and what it is warned of. */
async function opened({ path, endOffset }: Story): Promise<{ aborted: readonly AbortedTransaction[]; told: string[] }> {
  const told: string[] = []
  const silent = () => undefined
  const tell = (fields: object, what: string): void => void told.push(`${what} ${JSON.stringify(fields)}`)
  const log = new LocalLog(new NodeFiles(path), systemClock, systemRandom, { debug: silent, info: silent, warn: tell, error: tell }, DEFAULT_LOG_SETTINGS)
  await log.open()
  const partition = await log.openPartition(TOPIC_ID, 'orders', 0, SMALL)
  const aborted = partition.abortedTransactions(0, endOffset)
  log.start()
  await log.close()
  return { aborted, told }
}

const DAMAGE: Readonly<Record<string, (file: string) => void>> = {
  'is gone': (file) => rmSync(file),
  'is empty': (file) => truncateSync(file, 0),
  'has lost its last entry': (file) => truncateSync(file, readFileSync(file).length - 34),
  'ends amid an entry': (file) => truncateSync(file, readFileSync(file).length - 7),
  'has an entry too many': (file) => {
    const bytes = readFileSync(file)
    const more = Buffer.from(bytes.subarray(bytes.length - 34))
    more.writeBigInt64BE(more.readBigInt64BE(18) + 1n, 18)
    writeFileSync(file, Buffer.concat([bytes, more]))
  },
  'is full of zeros': (file) => writeFileSync(file, Buffer.alloc(readFileSync(file).length)),
  // Each of these is an index that could have been.
  'names another producer': (file) => flip(file, 9),
  'begins a transaction later': (file) => flip(file, 17),
  'says that all before was decided': (file) => flip(file, 33),
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes.writeUInt8((bytes[at] as number) ^ 1, at)
  writeFileSync(file, bytes)
}

for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`an index of aborted transactions that ${what} is made again from the log`, async (t) => {
    const { path, remove } = temporaryFolder()
    t.after(remove)
    const story = await written(path)
    assert.deepEqual(await opened(story), { aborted: story.aborted, told: [] })
    for (const name of [story.indexes[0], story.indexes.at(-2), story.indexes.at(-1)] as string[]) {
      const file = join(path, FOLDER, name)
      const whole = readFileSync(file)
      damage(file)
      const { aborted, told } = await opened(story)
      assert.deepEqual(aborted, story.aborted, name)
      assert.match(told.join(), new RegExp(`made again.*${name}`))
      assert.deepEqual(readFileSync(file), whole)
      assert.deepEqual((await opened(story)).told, [], 'the next start finds it whole')
    }
  })
}

test('what the index alone knows of damaged batches is kept', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const story = await written(path)
  const name = story.indexes[0] as string
  const [first] = story.aborted
  assert.ok(first !== undefined)
  // The marker itself, and an entry behind its own.
  const log = join(path, FOLDER, name.replace('.txnindex', '.log'))
  const bytes = readFileSync(log)
  let at = 0
  while (Number(bytes.readBigInt64BE(at)) !== first.lastOffset) at += 12 + bytes.readInt32BE(at + 8)
  flip(log, at + 61 + 4)
  const index = join(path, FOLDER, name)
  if (readFileSync(index).length > 34) truncateSync(index, readFileSync(index).length - 34)
  else flip(index, 33)
  const { aborted, told } = await opened(story)
  assert.ok(
    aborted.some(
      ({ producerId, firstOffset, lastOffset }) => producerId === first.producerId && firstOffset === first.firstOffset && lastOffset === first.lastOffset,
    ),
  )
  assert.match(told.join(), /the log is damaged too/)
})

test('the sum of an index goes with its segment', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const story = await written(path)
  const log = await openLog(new NodeFiles(path))
  const partition = await log.openPartition(TOPIC_ID, 'orders', 0, SMALL)
  log.start()
  const raised = await new Promise((resolve) => partition.raiseStart(story.endOffset - 10, resolve))
  assert.equal(raised, null)
  await log.close()
  assert.equal(existsSync(join(path, FOLDER, story.indexes[0] as string)), false)
  const { aborted, told } = await opened(story)
  assert.deepEqual(told, [])
  assert.deepEqual(
    aborted,
    story.aborted.filter(({ lastOffset }) => lastOffset >= firstBase(path)),
  )
})

function firstBase(path: string): number {
  const logs = readdirSync(join(path, FOLDER)).filter((name) => name.endsWith('.log'))
  return Number(logs.sort()[0]?.slice(0, 20))
}
