import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { DEFAULT_LISTENER_SETTINGS, Listener } from '../../src/net/listener.ts'
import { nodeNetwork } from '../../src/runtime/node-network.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'

function echoListener() {
  return new Listener({ network: nodeNetwork, clock: systemClock, logger: silentLogger }, DEFAULT_LISTENER_SETTINGS, (connection) => ({
    onData: (chunk) => connection.write(chunk),
    onClosed: () => {},
  }))
}

async function echo(host: string, port: number, text: string): Promise<string> {
  const socket = connect({ host, port })
  await once(socket, 'connect')
  socket.write(text)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  return String(answer)
}

test('localhost is reached by IPv4 and IPv6 on the same port', async () => {
  const listener = echoListener()
  const { port } = await listener.listen({ host: 'localhost', port: 0 })
  assert.equal(await echo('127.0.0.1', port, 'four'), 'four')
  assert.equal(await echo('::1', port, 'six'), 'six')
  await listener.close()
})

test('a port that is taken is refused with the reason, and nothing stays bound', async () => {
  const first = echoListener()
  const { port } = await first.listen({ host: '127.0.0.1', port: 0 })
  const second = echoListener()
  await assert.rejects(second.listen({ host: 'localhost', port }), { code: 'EADDRINUSE' })
  await first.close()
})

test('several chunks leave in order over a real socket', async () => {
  const listener = new Listener({ network: nodeNetwork, clock: systemClock, logger: silentLogger }, DEFAULT_LISTENER_SETTINGS, (connection) => {
    for (let part = 0; part < 1_000; part++) connection.write(Buffer.from(`${part};`))
    connection.close('done')
    return { onData: () => {}, onClosed: () => {} }
  })
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect({ host: '127.0.0.1', port })
  const parts: Buffer[] = []
  socket.on('data', (chunk) => parts.push(chunk))
  await once(socket, 'close')
  assert.equal(Buffer.concat(parts).toString(), Array.from({ length: 1_000 }, (_, part) => `${part};`).join(''))
  await listener.close()
})
