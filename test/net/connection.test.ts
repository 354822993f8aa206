import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection, ConnectionHandler } from '../../src/net/connection.ts'
import { DEFAULT_LISTENER_SETTINGS, Listener, type ListenerSettings } from '../../src/net/listener.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { VIRTUAL_NETWORK_SETTINGS, VirtualNetwork, type VirtualSocket } from '../../src/testing/virtual-network.ts'

/** The broker's side of one connection, as a test sees it. */
class Peer implements ConnectionHandler {
  readonly connection: Connection
  received = Buffer.alloc(0)
  drained = 0
  closedWith: string | null = null

  constructor(connection: Connection) {
    this.connection = connection
  }
  onData(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk])
  }
  onDrained(): void {
    this.drained += 1
  }
  onClosed(reason: string): void {
    this.closedWith = reason
  }
}

/** The client's side: everything it got, if it reads. */
class Client {
  readonly socket: VirtualSocket
  readonly chunks: Buffer[] = []
  closed = false

  constructor(socket: VirtualSocket, reads: boolean) {
    this.socket = socket
    if (!reads) socket.pause()
    socket.start({
      onData: (chunk) => this.chunks.push(chunk),
      onDrain: () => {},
      onClose: () => {
        this.closed = true
      },
    })
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }
}

async function setup(settings: Partial<ListenerSettings> = {}) {
  const clock = new ManualClock()
  const network = new VirtualNetwork(clock, { ...VIRTUAL_NETWORK_SETTINGS, windowBytes: 1_000 })
  const peers: Peer[] = []
  const listener = new Listener({ network, clock, logger: silentLogger }, { ...DEFAULT_LISTENER_SETTINGS, ...settings }, (connection) => {
    const peer = new Peer(connection)
    peers.push(peer)
    return peer
  })
  const address = await listener.listen({ host: '127.0.0.1', port: 0 })
  const connect = async (reads = true) => {
    const client = new Client(await network.connect(address), reads)
    return { client, peer: peers.at(-1) as Peer }
  }
  return { clock, listener, network, address, connect, peers }
}

test('what is written in a turn leaves as one write at its end', async () => {
  const { clock, connect } = await setup()
  const { client, peer } = await connect()
  peer.connection.write(Buffer.from('one '))
  peer.connection.write(Buffer.from('two '))
  assert.equal(peer.connection.outputBytes, 8)
  clock.endTurn()
  assert.equal(peer.connection.outputBytes, 0)
  clock.settle()
  assert.deepEqual(client.chunks.map(String), ['one two '])
})

test('reading from a peer that does not take its answers pauses until half of them are gone', async () => {
  const { clock, connect } = await setup({ maxOutputBytes: 4_000 })
  const { client, peer } = await connect(false)
  peer.connection.write(Buffer.alloc(6_000))
  clock.settle()
  assert.ok(peer.connection.congested)
  client.socket.write([Buffer.from('more requests')])
  clock.settle()
  assert.equal(peer.received.length, 0)
  client.socket.resume()
  clock.settle()
  assert.equal(client.text.length, 6_000)
  assert.equal(peer.connection.congested, false)
  assert.equal(peer.drained, 1)
  assert.equal(peer.received.toString(), 'more requests')
})

test('the listener knows how much its peers have not taken', async () => {
  const { clock, connect, listener } = await setup()
  const slow = await connect(false)
  const quick = await connect()
  slow.peer.connection.write(Buffer.alloc(3_000))
  quick.peer.connection.write(Buffer.alloc(500))
  assert.equal(listener.output.bytes, 3_500)
  clock.settle()
  // The window of the network took the first thousand.
  assert.equal(listener.output.bytes, 2_000)
  slow.client.socket.destroy()
  clock.settle()
  assert.equal(listener.output.bytes, 0)
})

test('two who pause must both resume', async () => {
  const { clock, connect } = await setup()
  const { client, peer } = await connect()
  peer.connection.pause('handler')
  peer.connection.pause('throttle')
  client.socket.write([Buffer.from('x')])
  peer.connection.resume('handler')
  clock.settle()
  assert.equal(peer.received.length, 0)
  peer.connection.resume('throttle')
  clock.settle()
  assert.equal(peer.received.toString(), 'x')
})

test('close sends what was written first', async () => {
  const { clock, connect } = await setup()
  const { client, peer } = await connect()
  peer.connection.write(Buffer.from('goodbye'))
  peer.connection.close('enough')
  peer.connection.write(Buffer.from('too late'))
  clock.settle()
  assert.equal(client.text, 'goodbye')
  assert.ok(client.closed)
  assert.equal(peer.closedWith, 'enough')
})

test('a connection that ended leaves no timer behind', async () => {
  const { clock, connect } = await setup()
  const before = clock.pendingTimers
  const { peer } = await connect()
  peer.connection.close('enough')
  clock.settle()
  assert.equal(peer.closedWith, 'enough')
  assert.equal(clock.pendingTimers, before)
})

test('a peer that never reads is gone after the grace of close', async () => {
  const { clock, connect, listener } = await setup({ closeGraceMs: 5_000 })
  const { peer } = await connect(false)
  peer.connection.write(Buffer.alloc(5_000))
  peer.connection.close('enough')
  clock.settle()
  assert.equal(listener.connectionCount, 1)
  clock.advance(5_000)
  assert.equal(listener.connectionCount, 0)
  assert.equal(peer.closedWith, 'enough')
})

test('a connection without a byte either way is closed after the idle timeout, not one that is used', async () => {
  const { clock, connect, listener } = await setup({ idleTimeoutMs: 600_000 })
  const idle = await connect()
  const reader = await connect()
  const writer = await connect()
  for (let minute = 0; minute < 12; minute++) {
    clock.advance(60_000)
    reader.client.socket.write([Buffer.from('.')])
    writer.peer.connection.write(Buffer.from('.'))
    clock.settle()
  }
  assert.equal(idle.peer.closedWith, 'idle for 600000 ms')
  assert.ok(idle.client.closed)
  assert.equal(listener.connectionCount, 2)
})

test('a peer that closes, and one that vanishes, are told once', async () => {
  const { clock, connect, listener } = await setup()
  const first = await connect()
  const second = await connect()
  first.client.socket.end()
  second.client.socket.destroy()
  clock.settle()
  assert.equal(first.peer.closedWith, 'the peer closed the connection')
  assert.equal(second.peer.closedWith, 'the peer closed the connection')
  assert.equal(listener.connectionCount, 0)
})

test('the listener closes in order and resolves when all are gone', async () => {
  const { clock, connect, listener, network, address } = await setup()
  const { client, peer } = await connect()
  peer.connection.write(Buffer.from('last words'))
  const closed = listener.close()
  clock.settle()
  await closed
  assert.equal(client.text, 'last words')
  assert.equal(peer.closedWith, 'the broker is stopping')
  await assert.rejects(network.connect(address), /ECONNREFUSED/)
  await listener.close()
})
