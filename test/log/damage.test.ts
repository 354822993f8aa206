import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { GroupEncoder, linkGroups, readGroups } from '../../src/log/journal-format.ts'
import type { PartitionLog } from '../../src/log/ports.ts'
import { batchSizeBytes, buildBatch } from '../../src/log/record-batch.ts'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { append, batchOf, MapMachine, openLog, SETTINGS, TOPIC_ID, temporaryFolder, valuesFrom } from './log-harness.ts'

const SEGMENT = 'topics/orders-0/00000000000000000000.log'
const COUNT = 30

/** A closed log with values v0, v1, … in batches of one record each; where each begins. */
async function written(t: { after(run: () => void): void }): Promise<{ path: string; places: number[] }> {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const log = await openLog(new NodeFiles(path))
  const partition = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  log.start()
  for (let i = 0; i < COUNT; i++) await append(log, { batches: [{ partition, bytes: batchOf(`v${i}`) }], durability: 'durable' })
  await log.close()
  const content = readFileSync(join(path, SEGMENT))
  const places: number[] = []
  for (let at = 0; at < content.length; at += batchSizeBytes(content, at)) places.push(at)
  return { path, places }
}

function change(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file)
  change(bytes)
  writeFileSync(file, bytes)
}

/** What each offset reads as: a value, or `corrupt`. */
async function readEach(path: string): Promise<string[]> {
  const log = await openLog(new NodeFiles(path), { tailCacheBytes: 0 })
  const partition = (await log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS)) as PartitionLog
  log.start()
  const found: string[] = []
  for (let offset = 0; offset < partition.logEndOffset; offset++) {
    const read = await partition.read(offset, { maxBytes: 1, atLeastOne: true, endOffset: COUNT })
    found.push(
      'code' in read ? `${read.code}, on at ${read.resumeOffset}` : (((await valuesFrom(partition, offset).catch(() => [])) as string[])[0] ?? 'later damage'),
    )
  }
  await log.close()
  return found
}

for (const [what, at] of [
  ['the base offset', 6],
  ['the length', 10],
  ['the magic byte', 16],
  ['the CRC', 18],
  ['the number of offsets', 25],
  ['the payload', 65],
] as const) {
  test(`a flipped bit in ${what} of a batch takes that batch alone`, async (t) => {
    const { path, places } = await written(t)
    change(join(path, SEGMENT), (bytes) => {
      bytes[(places[10] as number) + at]! ^= 1
    })
    const found = await readEach(path)
    assert.equal(found.length, COUNT)
    assert.equal(found[10], 'corrupt, on at 11')
    assert.deepEqual(
      found.slice(11),
      Array.from({ length: COUNT - 11 }, (_, i) => `v${i + 11}`),
    )
  })
}

test('a whole batch of another log that landed in this one is never given', async (t) => {
  const { path, places } = await written(t)
  const foreign = buildBatch([{ key: null, value: Buffer.from('f'), timestampMs: 1 }], { baseOffset: 12 })
  change(join(path, SEGMENT), (bytes) => {
    bytes.fill(7, places[10], places[14])
    bytes.set(foreign, (places[10] as number) + 40)
  })
  const found = await readEach(path)
  assert.deepEqual(found.slice(10, 15), ['corrupt, on at 14', 'corrupt, on at 14', 'corrupt, on at 14', 'corrupt, on at 14', 'v14'])
})

test('the leader epoch of a batch, which no CRC covers, is read as the log knows it', async (t) => {
  const { path, places } = await written(t)
  change(join(path, SEGMENT), (bytes) => {
    bytes[(places[3] as number) + 13] = 9
  })
  assert.equal((await readEach(path))[3], 'v3')
})

test('damage to the file that names the topic of a folder does not take the folder', async (t) => {
  const { path } = await written(t)
  const file = join(path, 'topics/orders-0/partition.metadata')
  change(file, (bytes) => {
    bytes[25]! ^= 1
  })
  assert.equal((await readEach(path)).length, COUNT)
  assert.match(readFileSync(file, 'utf8'), new RegExp(`topic_id: ${TOPIC_ID}`))
})

/** A log with state in one machine, closed; a second snapshot was taken where `snapshots`. */
async function withState(t: { after(run: () => void): void }, records: number, snapshotBytes: number): Promise<string> {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const machine = new MapMachine(1)
  const log = await openLog(new NodeFiles(path), { stateSnapshotBytes: snapshotBytes }, [machine])
  log.start()
  for (let i = 0; i < records; i++) {
    const value = Buffer.from(`${i}`.padEnd(200))
    machine.apply(`key ${i}`, value)
    await append(log, { batches: [], state: [{ kind: 1, key: `key ${i}`, value }], durability: 'durable' })
  }
  await log.close()
  return path
}

test('damaged state ends the start with the file and the way out; an operator may give it up', async (t) => {
  const path = await withState(t, 20, 1_000_000)
  const file = join(path, 'state/00000000000000000000.log')
  // Or the journal would heal it.
  for (const journal of ['journal-0', 'journal-1']) writeFileSync(join(path, journal), Buffer.alloc(1_048_576))
  change(file, (bytes) => {
    bytes[bytes.indexOf('key 7')]! ^= 1
  })
  const before = readFileSync(file)
  await assert.rejects(openLog(new NodeFiles(path), {}, [new MapMachine(1)]), /state\/0{20}\.log.*damaged.*backup.*accept-data-loss/s)
  assert.deepEqual(readFileSync(file), before)
  writeFileSync(join(path, 'accept-data-loss'), '')
  const machine = new MapMachine(1)
  const log = await openLog(new NodeFiles(path), {}, [machine])
  log.start()
  assert.equal(machine.values.size, 19)
  await log.close()
  assert.equal(existsSync(join(path, 'accept-data-loss')), false)
})

test('a damaged snapshot is done without: the one before and the state log give the same', async (t) => {
  const path = await withState(t, 120, 4_000)
  const snapshots = readdirSync(join(path, 'state'))
    .filter((name) => name.startsWith('snapshot-'))
    .sort()
  assert.equal(snapshots.length, 2)
  change(join(path, 'state', snapshots[1] as string), (bytes) => {
    bytes[100]! ^= 1
  })
  const machine = new MapMachine(1)
  const log = await openLog(new NodeFiles(path), {}, [machine])
  assert.equal(machine.values.size, 120)
  await log.close()
})

test('damage to the file that marks the journal is not taken for an empty journal', async (t) => {
  const { path } = await written(t)
  const file = join(path, 'elytra-meta.json')
  change(file, (bytes) => {
    bytes[bytes.indexOf('"id":"') + 8]! ^= 1
  })
  await assert.rejects(openLog(new NodeFiles(path)), /elytra-meta\.json.*damaged/)
})

const JOURNAL_ID = Buffer.alloc(16, 7)

function journalOf(groups: readonly { sequence: number; previous: number; freed: number }[]): Buffer {
  const encoder = new GroupEncoder(JOURNAL_ID)
  return Buffer.concat(groups.map((links) => Buffer.concat(encoder.encode(links, []).buffers)))
}

test('a journal group that is damaged with others behind it is missed; one at the end may be torn', () => {
  const file = journalOf([1, 2, 3, 4].map((sequence) => ({ sequence, previous: sequence - 1, freed: 0 })))
  const missingAfter = (group: number): readonly number[] => {
    const damaged = Buffer.from(file)
    damaged[group * 4096 + 20]! ^= 1
    return linkGroups(readGroups(damaged, JOURNAL_ID), 0).missing
  }
  assert.deepEqual([0, 1, 2, 3].map(missingAfter), [[1], [2], [3], []])
})

test('a journal group is not missed where a later one says that its batches are in synced segments', () => {
  const file = journalOf([
    { sequence: 1, previous: 0, freed: 0 },
    { sequence: 2, previous: 1, freed: 1 },
    // Its start left a number out: the torn header behind group 2 had 3.
    { sequence: 4, previous: 2, freed: 1 },
  ])
  file[20]! ^= 1
  const { groups, missing } = linkGroups(readGroups(file, JOURNAL_ID), 0)
  assert.deepEqual([groups.map(({ sequence }) => sequence), missing], [[2, 4], []])
})

test('a journal that is gone is no reason to start without a word', async (t) => {
  const path = await withState(t, 3, 1_000_000)
  for (const name of ['journal-0', 'journal-1', 'clean-shutdown.json']) rmSync(join(path, name), { force: true })
  await assert.rejects(openLog(new NodeFiles(path), {}, [new MapMachine(1)]), /journal-0 and journal-1 are missing.*accept-data-loss/s)
})
