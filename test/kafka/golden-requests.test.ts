import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KAFKA_APIS } from '../../src/kafka/apis.ts'
import { ApiVersionsRequest } from '../../src/kafka/messages/api-versions.ts'
import { decodeRequestStart, encodeRequest } from '../../src/kafka/wire/frame.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { startKafka } from './lib/harness.ts'
import { HeldLog } from './lib/held-log.ts'
import { RawClient } from './lib/raw-client.ts'
import { goldenFrames } from './messages/golden-frames.ts'

const REQUESTS = (await goldenFrames()).filter(({ isRequest }) => isRequest)
const LAST_CORRELATION_ID = 0x7fff_fff0
const MUTATIONS_PER_FRAME = Number(process.env.MUTATIONS ?? 12)

const LAST_REQUEST = Buffer.concat(
  encodeRequest(ApiVersionsRequest, 0, { correlationId: LAST_CORRELATION_ID, clientId: null }, { clientSoftwareName: '', clientSoftwareVersion: '' }),
)

/** Remembers every event that says the broker itself was at fault. */
function faultLogger(): { logger: Logger; faults: object[] } {
  const faults: object[] = []
  return { faults, logger: { ...silentLogger, error: (fields) => faults.push(fields) } }
}

function framed(bytes: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + bytes.length)
  frame.writeInt32BE(bytes.length, 0)
  frame.set(bytes, 4)
  return frame
}

/** A small generator of its own, so that a seed gives the same run everywhere (mulberry32). */
function random(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

function mutate(bytes: Uint8Array, below: (bound: number) => number): Buffer {
  const mutated = Buffer.from(bytes)
  for (let change = 0; change <= below(3); change++) {
    // Key, version and correlation id stay: another API would answer another question.
    const at = 8 + below(Math.max(1, mutated.length - 8))
    if (at < mutated.length) mutated[at] = [0, 1, 0x7f, 0x80, 0xff, below(256)][below(6)] as number
  }
  return below(4) === 0 ? mutated.subarray(0, 8 + below(Math.max(1, mutated.length - 8))) : mutated
}

test('every request that a real client was heard to send is answered', async () => {
  const { logger, faults } = faultLogger()
  await using kafka = await startKafka(new HeldLog(), { logger, sasl: 'optional' })
  for (const { file, bytes } of REQUESTS) {
    await using client = await RawClient.connect(kafka.address)
    client.sendBytes(framed(bytes))
    client.sendBytes(LAST_REQUEST)
    const answered: number[] = []
    for (let frame = await client.nextFrame(); frame !== null; frame = await client.nextFrame()) {
      answered.push(frame.readInt32BE(0))
      if (answered.at(-1) === LAST_CORRELATION_ID) break
    }
    const { apiKey, apiVersion, correlationId } = decodeRequestStart(bytes)
    if (KAFKA_APIS.get(apiKey) === undefined) assert.deepEqual(answered, [], file)
    else assert.equal(answered[0], correlationId, `${file} (API ${apiKey} version ${apiVersion})`)
  }
  assert.deepEqual(faults, [])
})

test('mutated requests are answered or closed, none is a fault of ours, nobody else notices', async () => {
  const seed = Number(process.env.SEED ?? 4711)
  const below = random(seed)
  const { logger, faults } = faultLogger()
  await using kafka = await startKafka(new HeldLog(), { logger, sasl: 'optional' })
  for (const { file, bytes } of REQUESTS) {
    for (let round = 0; round < MUTATIONS_PER_FRAME; round++) {
      await using client = await RawClient.connect(kafka.address)
      client.sendBytes(framed(mutate(bytes, below)))
      client.socket.end()
      await client.closed
      assert.deepEqual(faults, [], `SEED=${seed} ${file} round ${round}`)
    }
  }
  while (kafka.server.connectionCount > 0) await new Promise(setImmediate)
  assert.deepEqual(faults, [], `SEED=${seed}`)
})
