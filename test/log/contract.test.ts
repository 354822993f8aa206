import assert from 'node:assert/strict'
import test from 'node:test'
import type { PartitionLog, VisibleBatch } from '../../src/log/ports.ts'
import { buildBatch } from '../../src/log/record-batch.ts'
import type { FileSystem } from '../../src/runtime/files.ts'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { MemoryFiles } from '../../src/storage/memory-files.ts'
import { append, batchOf, MapMachine, openLog, SETTINGS, TOPIC_ID, temporaryFolder, valuesFrom } from './log-harness.ts'

const STORES: Record<string, () => { fileSystem: FileSystem; remove(): void }> = {
  memory: () => ({ fileSystem: new MemoryFiles(), remove: () => {} }),
  disk: () => {
    const folder = temporaryFolder()
    return { fileSystem: new NodeFiles(folder.path), remove: folder.remove }
  },
}

for (const [name, make] of Object.entries(STORES)) {
  test(`${name}: what is appended is read back, also after a restart`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    let log = await openLog(fileSystem)
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    assert.deepEqual(await append(log, { batches: [{ partition, bytes: batchOf('a', 'b') }] }), [0])
    assert.deepEqual(await append(log, { batches: [{ partition, bytes: batchOf('c') }], durability: 'written' }), [2])
    assert.deepEqual(await append(log, { batches: [{ partition, bytes: batchOf('d') }] }), [3])
    assert.equal(partition.highWatermark, 4)
    assert.deepEqual(await valuesFrom(partition), ['a', 'b', 'c', 'd'])
    assert.deepEqual(await valuesFrom(partition, 1), ['b', 'c', 'd'])
    await log.close()
    log = await openLog(fileSystem)
    partition = await log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    assert.equal(partition.logEndOffset, 4)
    assert.equal(partition.leaderEpoch, 0)
    assert.deepEqual(await valuesFrom(partition), ['a', 'b', 'c', 'd'])
    assert.deepEqual(await append(log, { batches: [{ partition, bytes: batchOf('e') }] }), [4])
    assert.deepEqual(await valuesFrom(partition), ['a', 'b', 'c', 'd', 'e'])
    await log.close()
  })

  test(`${name}: offsets are given within append, visibility and the answer come later and in order`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    const log = await openLog(fileSystem)
    const partition = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    const events: string[] = []
    partition.onVisible = (batches) => {
      events.push(`visible ${batches.map((batch: VisibleBatch) => `${batch.baseOffset}+${batch.offsetCount}:${String(batch.attachment)}`).join(' ')}`)
    }
    const done: Promise<void>[] = []
    for (const [attachment, durability] of [
      ['x', 'durable'],
      ['y', 'written'],
      ['z', 'durable'],
    ] as const) {
      done.push(
        new Promise((resolve) => {
          log.append({
            batches: [{ partition, bytes: batchOf('1', '2'), attachment }],
            state: [],
            durability,
            onAssigned: (offsets) => events.push(`assigned ${offsets.join()}`),
            onDone: (failure) => {
              events.push(`done ${attachment} ${failure === null}`)
              resolve()
            },
          })
        }),
      )
    }
    assert.deepEqual(events, ['assigned 0', 'assigned 2', 'assigned 4'])
    assert.equal(partition.highWatermark, 0)
    assert.equal(partition.logEndOffset, 6)
    await Promise.all(done)
    const visible = events.filter((event) => event.startsWith('visible')).join(' ')
    assert.equal(visible.replaceAll('visible ', ''), '0+2:x 2+2:y 4+2:z')
    assert.ok(events.indexOf('done x true') > events.findIndex((event) => event.startsWith('visible')))
    await log.close()
  })

  test(`${name}: state and batches of a group are there together after a restart`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    let machine = new MapMachine(7)
    let log = await openLog(fileSystem, {}, [machine])
    const partition = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    await append(log, { batches: [{ partition, bytes: batchOf('a') }], state: [{ kind: 7, key: 'k', value: Buffer.from('1') }] })
    await append(log, { state: [{ kind: 7, key: 'gone', value: Buffer.from('1') }] })
    await append(log, { state: [{ kind: 7, key: 'gone', value: null }] })
    await log.close()
    machine = new MapMachine(7)
    log = await openLog(fileSystem, {}, [machine])
    assert.deepEqual([...machine.values], [['k', '1']])
    await log.close()
    await assert.rejects(openLog(fileSystem, {}, []), /kind 7.*newer version/)
  })

  test(`${name}: a snapshot shortens the state log and gives the same state`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    let machine = new MapMachine(7)
    let log = await openLog(fileSystem, { stateSnapshotBytes: 4096 }, [machine])
    log.start()
    for (let i = 0; i < 200; i++) {
      const value = Buffer.from(`${i}`.padEnd(100))
      machine.apply(`key-${i % 10}`, value)
      await append(log, { state: [{ kind: 7, key: `key-${i % 10}`, value }] })
    }
    await log.close()
    assert.ok(fileSystem.list('state').some((file) => file.startsWith('snapshot-')))
    const before = [...machine.values].sort()
    machine = new MapMachine(7)
    log = await openLog(fileSystem, {}, [machine])
    assert.deepEqual([...machine.values].sort(), before)
    await log.close()
  })

  test(`${name}: segments roll, the past is read through their indexes, and times are found`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    const settings = { ...SETTINGS, segmentBytes: 20_000, indexIntervalBytes: 500 }
    let log = await openLog(fileSystem, { tailCacheBytes: 1000 })
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 3, settings)
    log.start()
    const value = (i: number) => `${i}`.padEnd(90, '.')
    for (let i = 0; i < 1000; i++) {
      const bytes = buildBatch([{ key: null, value: Buffer.from(value(i)), timestampMs: 1_000_000 + i * 10 }])
      log.append({ batches: [{ partition, bytes }], state: [], durability: 'written', onDone: () => {} })
    }
    await append(log, { batches: [{ partition, bytes: batchOf('end') }] })
    const check = async () => {
      assert.ok(fileSystem.list('topics/orders-3').filter((file) => file.endsWith('.log')).length > 5)
      assert.deepEqual(await valuesFrom(partition), Array.from({ length: 1000 }, (_, i) => value(i)).concat('end'))
      for (const i of [0, 1, 333, 998]) {
        assert.deepEqual(await partition.offsetForTime(1_000_000 + i * 10 - 5), { offset: i, timestampMs: 1_000_000 + i * 10, leaderEpoch: 0 })
        assert.deepEqual((await valuesFrom(partition, i))[0], value(i))
      }
      assert.equal(await partition.offsetForTime(1_700_000_000_001), null)
      assert.deepEqual(await partition.offsetOfMaxTimestamp(), { offset: 1000, timestampMs: 1_700_000_000_000, leaderEpoch: 0 })
    }
    await check()
    await log.close()
    log = await openLog(fileSystem, { tailCacheBytes: 1000 })
    partition = await log.openPartition(TOPIC_ID, 'orders', 3, settings)
    log.start()
    await check()
    await log.close()
  })

  test(`${name}: a raised start is durable, frees segments and is told`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    const settings = { ...SETTINGS, segmentBytes: 1000, deleteOld: false }
    let log = await openLog(fileSystem)
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 0, settings)
    log.start()
    for (let i = 0; i < 100; i++) await append(log, { batches: [{ partition, bytes: batchOf(`${i}`) }], durability: 'written' })
    const logs = () => fileSystem.list('topics/orders-0').filter((file) => file.endsWith('.log')).length
    const before = logs()
    let told = -1
    partition.onStartRaised = (offset) => {
      told = offset
    }
    await new Promise((resolve) => partition.raiseStart(55, resolve))
    assert.equal(partition.logStartOffset, 55)
    assert.equal(told, 55)
    const below = await partition.read(54, { maxBytes: 1, atLeastOne: true, endOffset: 100 })
    assert.equal('code' in below && below.code, 'offset-out-of-range')
    await log.close()
    assert.ok(logs() < before)
    log = await openLog(fileSystem)
    partition = await log.openPartition(TOPIC_ID, 'orders', 0, settings)
    assert.equal(partition.logStartOffset, 55)
    assert.deepEqual((await valuesFrom(partition))[0], '55')
    await log.close()
  })

  test(`${name}: a deleted topic is gone, and its name starts anew`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    const log = await openLog(fileSystem)
    const partition = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    await append(log, { batches: [{ partition, bytes: batchOf('old') }] })
    const waiting = append(log, { batches: [{ partition, bytes: batchOf('waiting') }] })
    log.deleteTopic(TOPIC_ID)
    assert.equal(((await waiting) as { code: string }).code, 'gone')
    assert.equal(((await append(log, { batches: [{ partition, bytes: batchOf('late') }] })) as { code: string }).code, 'gone')
    const next = log.createPartition('AAAAAAAAQAAAAAAAAAAAAg', 'orders', 0, SETTINGS)
    assert.deepEqual(await append(log, { batches: [{ partition: next, bytes: batchOf('new') }] }), [0])
    assert.deepEqual(await valuesFrom(next), ['new'])
    await log.close()
    assert.deepEqual(fileSystem.list('topics'), ['orders-0'])
  })

  test(`${name}: one data directory is opened once`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    const log = await openLog(fileSystem)
    await assert.rejects(openLog(fileSystem), /in use by this process/)
    await log.close()
    await log.close()
    await (await openLog(fileSystem)).close()
  })

  test(`${name}: retries of idempotent batches are known after a restart`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    const sequenced = (baseSequence: number) => buildBatch([{ key: null, value: null, timestampMs: 77 }], { producerId: 9, producerEpoch: 1, baseSequence })
    const ask = (baseSequence: number) => ({ producerId: 9, producerEpoch: 1, baseSequence, lastSequence: baseSequence })
    let log = await openLog(fileSystem)
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    for (let i = 0; i < 8; i++) await append(log, { batches: [{ partition, bytes: sequenced(i) }] })
    const check = () => {
      assert.deepEqual(partition.checkProducer(ask(7)), { outcome: 'duplicate', isKnown: true, baseOffset: 7, logAppendTimeMs: 77 })
      assert.equal(partition.checkProducer(ask(3)).outcome, 'duplicate')
      assert.equal(partition.checkProducer(ask(2)).outcome, 'out-of-order')
      assert.equal(partition.checkProducer(ask(8)).outcome, 'append')
      assert.equal(partition.checkProducer(ask(9)).outcome, 'out-of-order')
      assert.equal(partition.checkProducer({ ...ask(0), producerEpoch: 0 }).outcome, 'fenced')
      assert.equal(partition.checkProducer({ ...ask(0), producerEpoch: 2 }).outcome, 'append')
      assert.equal(partition.checkProducer({ ...ask(1), producerEpoch: 2 }).outcome, 'out-of-order')
    }
    check()
    await log.close()
    log = await openLog(fileSystem)
    partition = await log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    check()
    await log.close()
  })
}
