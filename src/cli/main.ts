import { EXIT } from './command.ts'
import { runCli } from './run.ts'

/** The command line of this process: `bin/elytra.js` calls it. */
export async function main(): Promise<void> {
  const stop = new AbortController()
  let asked = 0
  const onSignal = (): void => {
    asked++
    // A second signal is for those who cannot wait.
    if (asked > 1) process.exit(EXIT.failed)
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // `elytra consume … | head` closes the pipe: that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed))
  const { stdin, stdout, stderr, env } = process
  const onReload = (run: () => void) => void process.on('SIGHUP', run)
  process.exitCode = await runCli(process.argv.slice(2), { stdin, stdout, stderr, environment: env, stop: stop.signal, onReload })
  // What is left open by then (a paused stdin) must not keep the process alive.
  stdin.destroy()
}

if (import.meta.main) await main()
