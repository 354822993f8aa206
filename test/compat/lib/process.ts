/** Child processes of the compatibility tests: bounded runs, line readers, and proof that nothing is left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

export interface RunOptions {
  readonly input?: string | Uint8Array
  /** The child is killed after this time and the run rejected. */
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export interface RunResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; rejects when it outlives `timeoutMs` (default 60 s) or cannot be started. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: options.cwd, env: { ...process.env, ...options.env } })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, options.timeoutMs ?? 60_000)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    const result = { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
    if (late) {
      throw new Error(
        `${command} ${args.join(' ').slice(0, 200)} did not end in ${options.timeoutMs ?? 60_000} ms\n${tail(result.stdout)}\n${tail(result.stderr)}`,
      )
    }
    return result
  } finally {
    clearTimeout(timer)
  }
}

/** As `run`, and a non-zero exit is an error that shows both outputs. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await run(command, args, options)
  if (result.code !== 0) {
    throw new Error(`${command} ${args.join(' ').slice(0, 300)} ended with ${result.code}\n${tail(result.stdout)}\n${tail(result.stderr)}`)
  }
  return result
}

/** A program that runs beside the test: its lines are kept, its end is awaited on `stop`. */
export class Companion {
  readonly child: ChildProcess
  readonly lines: string[] = []
  readonly errors: string[] = []
  readonly #closed: Promise<unknown>

  constructor(command: string, args: readonly string[], options: RunOptions = {}) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: options.cwd, env: { ...process.env, ...options.env } })
    this.#closed = new Promise((resolve) => {
      this.child.once('close', resolve)
      this.child.once('error', (error) => {
        this.errors.push(String(error))
        resolve(undefined)
      })
    })
    if (this.child.stdout) createInterface({ input: this.child.stdout }).on('line', (line) => this.lines.push(line))
    if (this.child.stderr) createInterface({ input: this.child.stderr }).on('line', (line) => this.errors.push(line))
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined
  }

  /** Waits for the program's own end. */
  async ended(timeoutMs: number): Promise<number | null> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs)
    await this.#closed
    clearTimeout(timer)
    return this.child.exitCode
  }

  /** Sends a signal and waits; after `graceMs` the program is killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<number | null> {
    if (this.running) this.child.kill(signal)
    return this.ended(graceMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }
}

/** Awaits a condition by asking every `everyMs`; the error says what was awaited and `describe()` how far it came. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  options: { readonly timeoutMs?: number; readonly everyMs?: number; readonly describe?: () => string } = {},
): Promise<void> {
  const end = Date.now() + (options.timeoutMs ?? 20_000)
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${options.timeoutMs ?? 20_000} ms for ${what}${options.describe ? `: ${options.describe()}` : ''}`)
    await delay(options.everyMs ?? 20)
  }
}

/** Rejects when a promise takes longer than `timeoutMs`; for clients whose own calls have no bound. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The last 40 lines of an output. */
export function tail(text: string): string {
  return text.split('\n').slice(-40).join('\n')
}
