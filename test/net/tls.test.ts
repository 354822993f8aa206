import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import type { Connection } from '../../src/net/connection.ts'
import { DEFAULT_LISTENER_SETTINGS, Listener } from '../../src/net/listener.ts'
import { type TlsFileNames, TlsFiles } from '../../src/net/tls-files.ts'
import { nodeNetwork } from '../../src/runtime/node-network.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { certificate, privateKey } from './certificates.ts'

const NAMES: TlsFileNames = { certificate: 'crt', key: 'key', ca: null, clientAuth: 'none', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }

/** A listener that answers what it hears, its files in memory, and what it logged. */
async function open(names: Partial<TlsFileNames> = {}) {
  const files = new Map([
    ['crt', certificate('server')],
    ['key', privateKey('server')],
    ['ca', certificate('authority')],
  ])
  const lines: string[] = []
  const say = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const logger = { debug: say, info: say, warn: say, error: say }
  const readText = async (file: string) => files.get(file) ?? assert.fail(`no file ${file}`)
  const tls = await TlsFiles.open({ ...NAMES, ...names }, { clock: systemClock, logger, readText }, 0)
  const accepted: Connection[] = []
  const listener = new Listener(
    { network: nodeNetwork, clock: systemClock, logger },
    DEFAULT_LISTENER_SETTINGS,
    (connection) => {
      accepted.push(connection)
      return { onData: (chunk) => connection.write(chunk), onClosed: () => {} }
    },
    tls,
  )
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 })
  return {
    port,
    files,
    lines,
    tls,
    accepted,
    async [Symbol.asyncDispose]() {
      tls.close()
      await listener.close()
    },
  }
}

/** Says something over TLS; the answer and the server's certificate, or the error. */
async function echo(port: number, options: ConnectionOptions = {}): Promise<{ answer: string; organisation: string | undefined } | Error> {
  const socket = connect({ port, host: '127.0.0.1', ca: certificate('authority'), ...options })
  const outcome = Promise.withResolvers<{ answer: string; organisation: string | undefined } | Error>()
  socket.on('secureConnect', () => socket.write('hello'))
  socket.on('data', (answer) => outcome.resolve({ answer: String(answer), organisation: socket.getPeerCertificate().subject.O as string | undefined }))
  socket.on('error', outcome.resolve)
  socket.on('close', () => outcome.resolve(new Error('closed')))
  const result = await outcome.promise
  socket.destroy()
  return result
}

const client = (name: 'alice' | 'mallory'): ConnectionOptions => ({ cert: certificate(name), key: privateKey(name) })
const SERVED = { answer: 'hello', organisation: undefined }

test('bytes go through TLS both ways, several chunks as one', async () => {
  await using server = await open()
  assert.deepEqual(await echo(server.port), SERVED)
  assert.equal(server.accepted[0]?.peerCertificate, null)
  assert.equal(server.accepted[0]?.remoteAddress, '127.0.0.1')
})

test('a client that asks for an older version of TLS is refused, and the log says so', async () => {
  await using server = await open({ minVersion: 'TLSv1.3' })
  assert.ok((await echo(server.port, { maxVersion: 'TLSv1.2' })) instanceof Error)
  assert.match(server.lines.join(), /TLS handshake failed/)
  assert.deepEqual(await echo(server.port), SERVED)
})

test('a client that does not speak TLS at all harms nobody', async () => {
  await using server = await open()
  const socket = connectTcp(server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  assert.deepEqual(await echo(server.port), SERVED)
  assert.equal(server.accepted.length, 1)
})

test('a required certificate must be there, and from the authority', async () => {
  await using server = await open({ ca: 'ca', clientAuth: 'required' })
  assert.deepEqual(await echo(server.port, client('alice')), SERVED)
  assert.ok(server.accepted[0]?.peerCertificate instanceof Uint8Array)
  assert.ok((await echo(server.port)) instanceof Error)
  assert.ok((await echo(server.port, client('mallory'))) instanceof Error)
  assert.equal(server.accepted.length, 1)
})

test('a requested certificate may be missing, but one that is shown must be from the authority', async () => {
  await using server = await open({ ca: 'ca', clientAuth: 'requested' })
  assert.deepEqual(await echo(server.port), SERVED)
  assert.equal(server.accepted[0]?.peerCertificate, null)
  assert.deepEqual(await echo(server.port, client('alice')), SERVED)
  assert.ok(server.accepted[1]?.peerCertificate instanceof Uint8Array)
  assert.ok((await echo(server.port, client('mallory'))) instanceof Error)
  assert.equal(server.accepted.length, 2)
})

test('renewed files serve connections from then on, open ones stay; files that do not fit together change nothing', async () => {
  await using server = await open()
  const old = connect({ port: server.port, host: '127.0.0.1', ca: certificate('authority') })
  await once(old, 'secureConnect')
  server.files.set('crt', certificate('renewed'))
  await server.tls.reload()
  assert.match(server.lines.at(-1) ?? '', /cannot be read anew/)
  assert.deepEqual(await echo(server.port), SERVED)
  server.files.set('key', privateKey('renewed'))
  await server.tls.reload()
  assert.deepEqual(await echo(server.port), { answer: 'hello', organisation: 'Renewed' })
  server.files.set('crt', 'garbage')
  await server.tls.reload()
  assert.deepEqual(await echo(server.port), { answer: 'hello', organisation: 'Renewed' })
  old.write('still here')
  const [answer] = await once(old, 'data')
  assert.equal(String(answer), 'still here')
  old.destroy()
})

test('a new authority decides about clients from then on', async () => {
  await using server = await open({ ca: 'ca', clientAuth: 'required' })
  server.files.set('ca', certificate('stranger'))
  await server.tls.reload()
  assert.ok((await echo(server.port, client('alice'))) instanceof Error)
  assert.deepEqual(await echo(server.port, client('mallory')), SERVED)
})

test('files that do not fit together are refused at the start', async () => {
  const readText = async (file: string) => (file === 'crt' ? certificate('server') : privateKey('alice'))
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const tls = await TlsFiles.open(NAMES, { clock: systemClock, logger: silent, readText }, 0)
  const listener = new Listener({ network: nodeNetwork, clock: systemClock, logger: silent }, DEFAULT_LISTENER_SETTINGS, () => assert.fail(), tls)
  await assert.rejects(listener.listen({ host: '127.0.0.1', port: 0 }), /key values mismatch/)
  await listener.close()
  tls.close()
})

test('a client of ours checks whose certificate it is', async () => {
  await using server = await open()
  const mine = { ca: certificate('authority'), certificate: null, key: null }
  const socket = await nodeNetwork.connect({ host: '127.0.0.1', port: server.port }, mine)
  const heard = Promise.withResolvers<string>()
  socket.start({ onData: (chunk) => heard.resolve(String(chunk)), onDrain: () => {}, onClose: () => {} })
  socket.write([Buffer.from('a'), Buffer.from('b')])
  assert.match(await heard.promise, /^a/)
  socket.destroy()
  await assert.rejects(
    nodeNetwork.connect({ host: '127.0.0.1', port: server.port }, { ...mine, ca: certificate('stranger') }),
    /self-signed|unable to|certificate/,
  )
})
