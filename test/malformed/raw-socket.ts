/** A bare TCP connection: writes bytes, keeps what comes back, knows when it was closed. */
import { connect, type Socket } from 'node:net'
import { type Address, parseAddress } from '../compat/lib/broker.ts'
import { until } from '../compat/lib/process.ts'

export class RawSocket {
  readonly socket: Socket
  received: Buffer = Buffer.alloc(0)
  closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk])
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('end', () => {
      this.closed = true
    })
  }

  static async open(address: Address | string): Promise<RawSocket> {
    const { host, port } = typeof address === 'string' ? parseAddress(address) : address
    const socket = connect(port, host)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve())
      socket.once('error', reject)
    })
    return new RawSocket(socket)
  }

  write(bytes: Uint8Array): void {
    if (!this.closed && this.socket.writable) this.socket.write(bytes)
  }

  /** The connection is closed by the broker within `timeoutMs`. */
  async closing(what: string, timeoutMs = 5000): Promise<void> {
    await until(`the broker to close after ${what}`, () => this.closed, {
      timeoutMs,
      describe: () => `received ${this.received.subarray(0, 40).toString('hex')}`,
    })
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** mulberry32: numbers in 0..2^32-1 that a printed seed repeats. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

/** The seed of this run: `SEED=…` repeats one. */
export function pickSeed(): number {
  const seed = process.env.SEED === undefined ? Date.now() >>> 0 : Number(process.env.SEED)
  console.log(`# SEED=${seed}`)
  return seed
}

export function randomBytes(next: () => number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at++) bytes[at] = next() & 0xff
  return bytes
}

/** A copy with a few bytes changed, cut out or put in. */
export function mutated(bytes: Buffer, next: () => number): Buffer {
  let copy = Buffer.from(bytes)
  for (let times = 1 + (next() % 4); times > 0; times--) {
    const at = next() % Math.max(1, copy.length)
    const how = next() % 4
    if (how === 0) copy[at] = next() & 0xff
    else if (how === 1) copy[at] = [0x00, 0xff, 0x7f, 0x80][next() % 4] ?? 0
    else if (how === 2) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + (next() % 8))])
    else copy = Buffer.concat([copy.subarray(0, at), randomBytes(next, 1 + (next() % 8)), copy.subarray(at)])
  }
  return copy
}
