/**
 * MQTT throughput, one publisher to one subscriber, 3.1.1, with packets encoded beforehand:
 * `node bench/mqtt/throughput.ts HOST:PORT QOS [messages=1000000] [payload=100] [window=200] [publishers=1]`.
 * Prints messages per second at the subscriber. Run it beside a broker on the other core.
 */
import { connect, type Socket } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const [address = '127.0.0.1:1883', qosText = '0', messagesText = '1000000', payloadText = '100', windowText = '200', publishersText = '1'] =
  process.argv.slice(2)
const [host = '127.0.0.1', port = '1883'] = address.split(':')
const qos = Number(qosText)
const publisherCount = Number(publishersText)
const messages = Math.floor(Number(messagesText) / publisherCount)
const window = Number(windowText)
const TOPIC = Buffer.from('bench/device-1')
const payload = Buffer.alloc(Number(payloadText), 0x78)

function packet(first: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]
  return Buffer.concat([Uint8Array.of(first, ...length), body])
}
const field = (bytes: Uint8Array) => Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length), bytes])
const connectPacket = (id: string) => packet(0x10, field(Buffer.from('MQTT')), Uint8Array.of(4, 2, 0, 0), field(Buffer.from(id)))
const publish = packet(0x30 | (qos << 1), field(TOPIC), ...(qos > 0 ? [Uint8Array.of(0, 1)] : []), payload)
const packetIdAt = publish.length - payload.length - 2

/** A socket whose first `skip` bytes (CONNACK, SUBACK) are taken away. */
async function open(id: string, greeting: readonly Buffer[], skip: number): Promise<Socket> {
  const socket = connect({ host, port: Number(port), noDelay: true })
  socket.write(Buffer.concat([connectPacket(id), ...greeting]))
  let left = skip
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    const take = (chunk: Buffer) => {
      left -= chunk.length
      if (left > 0) return
      socket.off('data', take)
      resolve()
    }
    socket.on('data', take)
  })
  return socket
}

/** Counts what arrives, in a thread of its own, so that publishing does not keep it from reading; says when all has come. */
async function subscribe(onReady: () => void, onReceived: (count: number) => void): Promise<void> {
  const subscriber = await open('bench-sub', [packet(0x82, Uint8Array.of(0, 1), field(Buffer.from('bench/#')), Uint8Array.of(qos))], 4 + 5)
  let received = 0
  let tail: Buffer = Buffer.alloc(0)
  subscriber.on('data', (chunk: Buffer) => {
    const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk])
    const count = Math.floor(bytes.length / publish.length)
    tail = bytes.subarray(count * publish.length)
    received += count
    if (qos > 0 && count > 0) subscriber.write(acksOf(bytes, count))
    onReceived(received)
  })
  onReady()
}

function acksOf(bytes: Buffer, count: number): Buffer {
  const acks = Buffer.allocUnsafe(count * 4)
  for (let n = 0; n < count; n++) {
    const at = n * publish.length + packetIdAt
    acks[n * 4] = 0x40
    acks[n * 4 + 1] = 2
    acks[n * 4 + 2] = bytes[at] as number
    acks[n * 4 + 3] = bytes[at + 1] as number
  }
  return acks
}

function publishAll(socket: Socket): void {
  let sent = 0
  let nextId = 1
  const batch = (count: number): Buffer => {
    const bytes = Buffer.allocUnsafe(count * publish.length)
    for (let n = 0; n < count; n++) {
      publish.copy(bytes, n * publish.length)
      if (qos > 0) {
        bytes.writeUInt16BE(nextId, n * publish.length + packetIdAt)
        nextId = nextId === 65_535 ? 1 : nextId + 1
      }
    }
    return bytes
  }
  if (qos === 0) {
    const full = batch(500)
    const more = () => {
      while (sent < messages) {
        const count = Math.min(500, messages - sent)
        sent += count
        if (!socket.write(count === 500 ? full : full.subarray(0, count * publish.length))) {
          socket.once('drain', more)
          return
        }
      }
    }
    more()
    return
  }
  let ackBytes = 0
  const fill = (room: number) => {
    const count = Math.min(room, messages - sent)
    if (count <= 0) return
    sent += count
    socket.write(batch(count))
  }
  socket.on('data', (chunk) => {
    ackBytes += chunk.length
    const acks = ackBytes >> 2
    ackBytes &= 3
    fill(acks)
  })
  fill(window)
}

/** Publishes everything and waits for it; for QoS 0 what is missing when nothing has come for a second is lost. */
async function measure(): Promise<void> {
  const total = messages * publisherCount
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
  let received = 0
  let lastAt = 0
  let finish: () => void = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  await new Promise<void>((resolve) => {
    worker.on('message', (count: number) => {
      if (count === 0) resolve()
      received = count
      lastAt = performance.now()
      if (count >= total) finish()
    })
  })
  const publishers = await Promise.all(Array.from({ length: publisherCount }, (_, index) => open(`bench-pub-${index}`, [], 4)))
  const began = performance.now()
  lastAt = began
  for (const socket of publishers) publishAll(socket)
  const watch = setInterval(() => {
    if (performance.now() - lastAt > 1000) finish()
  }, 100)
  await finished
  clearInterval(watch)
  const seconds = (lastAt - began) / 1000
  const how = qos === 0 ? '' : `, window ${window}`
  console.log(
    `QoS ${qos}: ${Math.round(received / seconds)} messages/s (${received} of ${total} of ${payload.length} bytes in ${seconds.toFixed(2)} s, ${publisherCount} publishers${how})`,
  )
  process.exit(0)
}

if (isMainThread) await measure()
else
  await subscribe(
    () => parentPort?.postMessage(0),
    (count) => parentPort?.postMessage(count),
  )
