import { PassThrough, Readable } from 'node:stream'
import { runCli } from '../../src/cli/run.ts'

/** What one command line did. */
export interface CliRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly stdin?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly stop?: AbortSignal
}

/** Runs a command line in this process. */
export async function cli(argv: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const running = startCli(argv, options)
  const exitCode = await running.ended
  return { exitCode, stdout: running.stdout(), stderr: running.stderr() }
}

/** Runs one that goes on until `stop` or by itself. */
export function startCli(argv: readonly string[], { stdin = '', environment = {}, stop = new AbortController().signal }: CliOptions = {}) {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const printed: Buffer[] = []
  const said: Buffer[] = []
  stdout.on('data', (chunk: Buffer) => printed.push(chunk))
  stderr.on('data', (chunk: Buffer) => said.push(chunk))
  const ended = runCli(argv, { stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]), stdout, stderr, environment, stop })
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString()
  /** Resolves when stdout has so many lines. */
  const lines = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (text(printed).split('\n').length > count) resolve()
        else stdout.once('data', look)
      }
      look()
    })
  return { ended, stdout: () => text(printed), stderr: () => text(said), lines }
}

/** The lines of an output. */
export function linesOf(output: string): string[] {
  return output.split('\n').filter((line) => line !== '')
}
