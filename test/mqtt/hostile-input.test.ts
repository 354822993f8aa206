import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { type Broker, startBroker } from '../../src/index.ts'
import { encodePacket } from '../../src/mqtt/wire/encode.ts'
import { connectPacket, publishPacket } from './harness.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

async function open(broker: Broker, bytes: Uint8Array): Promise<Socket> {
  const { hostname, port } = new URL(broker.mqtt)
  const socket = connect({ host: hostname, port: Number(port) })
  // The broker may close while much is still being sent.
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write(bytes)
  return socket
}

/** What the broker answers before it closes. */
async function answer(broker: Broker, bytes: Uint8Array): Promise<string> {
  const socket = await open(broker, bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return Buffer.concat(chunks).toString('hex')
}

/** A well-behaved client, which must not notice anything: a message of its own comes back. */
async function echoes(client: MqttClient, text: string): Promise<void> {
  const came = new Promise<string>((resolve) => client.once('message', (_topic, payload) => resolve(payload.toString())))
  await client.publishAsync('good/echo', text, { qos: 1 })
  assert.equal(await came, text)
}

async function setUp(t: TestContext): Promise<{ broker: Broker; good: MqttClient }> {
  const broker = await startBroker()
  t.after(() => broker.close())
  const good = await connectAsync(broker.mqtt, { clientId: 'good', reconnectPeriod: 0 })
  t.after(() => good.endAsync(true))
  await good.subscribeAsync('good/#', { qos: 1 })
  await echoes(good, 'before')
  return { broker, good }
}

const HELLO_5 = encodePacket(connectPacket({ clientId: 'bad' }), 5)
const HELLO_4 = encodePacket(connectPacket({ clientId: 'bad', level: 4 }), 4)

test('malformed packets end their own connection with the right reason, and no other', async (t) => {
  const { broker, good } = await setUp(t)
  const lastReason = async (bytes: string) => {
    const said = await answer(broker, Buffer.concat([HELLO_5, hex(bytes)]))
    return /e0..(..)/.exec(said.slice(said.indexOf('e0', 10)))?.[1]
  }
  assert.equal(await lastReason('c1 00'), '81')
  assert.equal(await lastReason('30 06 0003 612f23 00'), '90')
  assert.equal(await lastReason('90 04 0001 00 00'), '82')
  assert.equal(await lastReason('30 ff ff ff 7f'), '95')
  assert.equal(await lastReason('30 ff ff ff ff 01'), '81')
  assert.equal(await lastReason('82 06 0001 00 0005 61'), '81')
  assert.equal(await answer(broker, Buffer.concat([HELLO_4, hex('c1 00')])), '20020000')
  assert.equal(await answer(broker, hex('10 0c 0004 4d515454 02 02 0000 0000')), '20020001')
  await echoes(good, 'after')
})

test('a megabyte of noise ends its own connection, before CONNECT and after', async (t) => {
  const { broker, good } = await setUp(t)
  const noise = Buffer.alloc(1_048_576)
  for (let at = 0, state = 12_345; at < noise.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    noise[at] = state >>> 16
  }
  await answer(broker, noise)
  await answer(broker, Buffer.concat([HELLO_4, noise]))
  await answer(broker, Buffer.concat([HELLO_5, noise]))
  await echoes(good, 'after')
})

test('two thousand half-open connections and begun packets cost little and harm nobody', async (t) => {
  const { broker, good } = await setUp(t)
  const before = process.memoryUsage().rss
  const sockets: Socket[] = []
  // Silence, a cut CONNECT, and a PUBLISH of a megabyte of which ten bytes come.
  const kinds = [Buffer.alloc(0), HELLO_5.subarray(0, 9), Buffer.concat([HELLO_4, hex('30 80 80 3f 0001 61 000000')])]
  for (let n = 0; n < 2000; n += 100) {
    const more = Array.from({ length: 100 }, (_, index) => open(broker, kinds[(n + index) % 3] as Buffer))
    sockets.push(...(await Promise.all(more)))
  }
  await echoes(good, 'after')
  const perConnection = (process.memoryUsage().rss - before) / sockets.length
  // Both ends of each connection are in this process.
  assert.ok(perConnection < 60_000, `${Math.round(perConnection)} bytes per connection`)
  for (const socket of sockets) socket.destroy()
})

test('a QoS 1 publisher that never reads its acknowledgements harms nobody', async (t) => {
  const { broker, good } = await setUp(t)
  const publish = encodePacket(publishPacket({ topic: 'greedy/x', qos: 1, packetId: 1, payload: Buffer.alloc(100) }), 4)
  const socket = await open(broker, Buffer.concat([HELLO_4, ...Array.from({ length: 20_000 }, () => publish)]))
  socket.pause()
  await echoes(good, 'after')
  socket.destroy()
})
