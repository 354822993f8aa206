import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** A process of the command line, run from source. */
export interface CliProcess {
  readonly child: ChildProcess
  stdout(): string
  stderr(): string
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Those that a test which failed has left behind. */
const running = new Set<ChildProcess>()

/** For `after`: a broker that still runs would keep the test file from ending. */
export function killLeftProcesses(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** Runs `elytra WORDS…` in a process of its own. */
export function spawnCli(words: readonly string[], options: { readonly environment?: Record<string, string>; readonly cwd?: string } = {}): CliProcess {
  const child = spawn(process.execPath, [MAIN, ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  running.add(child)
  child.once('close', () => running.delete(child))
  const printed: Buffer[] = []
  const said: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return { child, ended, stdout: () => Buffer.concat(printed).toString(), stderr: () => Buffer.concat(said).toString() }
}

/** A broker in a process of its own, on free ports; ready when this resolves. */
export async function startBrokerProcess(words: readonly string[], options: { readonly cwd?: string } = {}) {
  const broker = spawnCli(['start', '--kafka', '127.0.0.1:0', '--mqtt', '127.0.0.1:0', ...words], options)
  while (!broker.stdout().includes('\n')) {
    const next = await Promise.race([once(broker.child.stdout as NodeJS.ReadableStream, 'data'), broker.ended])
    if (!Array.isArray(next)) throw new Error(`the broker ended with ${next}: ${broker.stderr()}`)
  }
  const line = broker.stdout().split('\n', 1)[0] ?? ''
  const match = /^elytra ready kafka=(?<kafka>\S+) mqtt=(?<mqtt>\S+) storage=(?<storage>\S+) pid=(?<pid>\d+)$/.exec(line)
  if (match?.groups === undefined) throw new Error(`the ready line is ${line}`)
  const { kafka = '', mqtt = '', storage = '', pid = '' } = match.groups
  return {
    ...broker,
    kafka,
    mqtt,
    storage,
    pid: Number(pid),
    /** Ends it in order; answers its exit code. */
    stop: async () => {
      broker.child.kill('SIGTERM')
      return broker.ended
    },
  }
}
