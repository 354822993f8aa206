/**
 * The broker under test. By default each suite starts its own Elytra (`bin/elytra.js start`) in a temporary directory on
 * free ports. `COMPAT_KAFKA=HOST:PORT` and `COMPAT_MQTT=HOST:PORT` point the suites at running brokers instead, a real Kafka
 * and a real Mosquitto say, which proves the tests themselves; what needs both protocols on one log is skipped there.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Companion, tail, until } from './process.ts'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Addresses {
  /** `HOST:PORT` of the Kafka listener. */
  readonly kafka: string
  readonly mqtt: Address
}

export interface StartOptions {
  /** Further words for `elytra start`. */
  readonly args?: readonly string[]
  readonly readyWithinMs?: number
}

/** One Elytra process over a data directory of its own; ports stay the same over restarts. */
export class ElytraProcess {
  readonly dataDir: string
  #process: Companion | undefined
  #addresses: Addresses | undefined
  readonly #args: readonly string[]

  constructor(dataDir: string, args: readonly string[] = []) {
    this.dataDir = dataDir
    this.#args = args
  }

  get addresses(): Addresses {
    if (this.#addresses === undefined) throw new Error('elytra has not been started')
    return this.#addresses
  }

  get pid(): number {
    return this.#process?.child.pid ?? 0
  }

  get running(): boolean {
    return this.#process?.running ?? false
  }

  /** What the process wrote to stderr since its last start. */
  get log(): string {
    return this.#process?.errors.join('\n') ?? ''
  }

  /** Starts it and waits for its ready line: milliseconds from exec to that line. */
  async start(readyWithinMs = 30_000): Promise<number> {
    const startedAt = performance.now()
    const started = this.#spawn()
    const ready = () => started.lines.find((line) => line.startsWith('elytra ready'))
    await until('the line "elytra ready"', () => ready() !== undefined || !started.running, { timeoutMs: readyWithinMs, everyMs: 2 })
    const line = ready()
    if (line === undefined) throw new Error(`elytra ended before it was ready\n${started.lines.join('\n')}\n${tail(started.errors.join('\n'))}`)
    this.#addresses = parseReadyLine(line)
    return performance.now() - startedAt
  }

  /** Starts it and kills it after `afterMs`, ready or not. */
  async startAndKill(afterMs: number): Promise<void> {
    this.#spawn()
    await delay(afterMs)
    await this.kill()
  }

  #spawn(): Companion {
    const kafka = this.#addresses?.kafka ?? '127.0.0.1:0'
    const mqtt = this.#addresses ? `${this.#addresses.mqtt.host}:${this.#addresses.mqtt.port}` : '127.0.0.1:0'
    const args = [
      join(process.env.COMPAT_ELYTRA ?? ROOT, 'bin/elytra.js'),
      'start',
      '--data-dir',
      this.dataDir,
      '--kafka',
      kafka,
      '--mqtt',
      mqtt,
      ...this.#args,
    ]
    this.#process = new Companion(process.execPath, args, { cwd: ROOT })
    return this.#process
  }

  /** SIGTERM and wait for a clean end. */
  async stop(): Promise<number | null> {
    return (await this.#process?.stop('SIGTERM', 20_000)) ?? null
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL')
  }
}

export function parseReadyLine(line: string): Addresses {
  const kafka = /kafka[ =:]+(\S+:\d+)/.exec(line)?.[1]
  const mqtt = /mqtt[ =:]+(\S+:\d+)/.exec(line)?.[1]
  if (kafka === undefined || mqtt === undefined) throw new Error(`the ready line names no kafka or mqtt address: ${line}`)
  return { kafka, mqtt: parseAddress(mqtt) }
}

export function parseAddress(text: string): Address {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) }
}

/** The pair of endpoints a suite talks to. */
export interface Peer extends AsyncDisposable {
  readonly kafka: string
  readonly mqtt: Address
  /** Undefined when the suite runs against brokers it did not start. */
  readonly elytra: ElytraProcess | undefined
  /** The reason for which tests that need one log under both protocols are skipped, or false. */
  readonly apart: string | false
  close(): Promise<void>
}

/** Opens the broker under test; `close` stops it and removes its directory. */
export async function openPeer(options: StartOptions = {}): Promise<Peer> {
  const kafka = process.env.COMPAT_KAFKA
  const mqtt = process.env.COMPAT_MQTT
  if (kafka !== undefined || mqtt !== undefined) {
    const apart = 'needs Kafka and MQTT on one log: COMPAT_KAFKA and COMPAT_MQTT name two brokers'
    const close = async () => undefined
    return { kafka: kafka ?? 'none:0', mqtt: parseAddress(mqtt ?? 'none:0'), elytra: undefined, apart, close, [Symbol.asyncDispose]: close }
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'elytra-compat-'))
  const elytra = new ElytraProcess(dataDir, options.args)
  const close = async () => {
    await elytra.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    await elytra.start(options.readyWithinMs)
  } catch (error) {
    await close()
    throw error
  }
  return { ...elytra.addresses, elytra, apart: false, close, [Symbol.asyncDispose]: close }
}

let counter = 0
/** A name no other test of this run uses: runs against long-lived real brokers must not meet their own past. */
export function unique(prefix: string): string {
  counter += 1
  return `${prefix}-${process.pid.toString(36)}${Date.now().toString(36)}${counter.toString(36)}`
}
