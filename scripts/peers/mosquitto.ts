/** A real Mosquitto on a free loopback port: the judge of the MQTT tests, and the other side of the figures. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface Mosquitto extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly pid: number
  /** Milliseconds from exec to the first accepted connection. */
  readonly readyMs: number
  stop(): Promise<void>
}

/** Starts `mosquitto` (or the binary of `MOSQUITTO`) without limits on queues, as for throughput; throws where it is not installed. */
export async function startMosquitto(): Promise<Mosquitto> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'mosquitto-'))
  const config = join(folder, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n`)
  const startedAt = performance.now()
  const child = spawn(process.env.MOSQUITTO ?? 'mosquitto', ['-c', config], { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } })
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code) => resolve(`mosquitto ended with ${code}`))
    child.once('error', (error) => resolve(String(error)))
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  while (!(await accepts(port))) {
    const over = await Promise.race([ended, delay(2).then(() => null)])
    if (over !== null) throw new Error(over)
    if (performance.now() - startedAt > 10_000) {
      await stop()
      throw new Error('mosquitto did not listen within 10 s')
    }
  }
  return { host: '127.0.0.1', port, pid: child.pid ?? 0, readyMs: performance.now() - startedAt, stop, [Symbol.asyncDispose]: stop }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
