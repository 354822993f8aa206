import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { WORKLOADS } from '../simulation/cast/index.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/sim.ts', import.meta.url))
const SEED = 5
const RUN = ['--seed', String(SEED), '--seconds', '2', '--workloads', Object.keys(WORKLOADS).join(','), '--no-minimise']
const LIMIT_MS = 120_000

const run = promisify(execFile)

/** What a run in a process of its own says of itself: its steps, and the beginning of its trace's hash. */
async function playedBy(execArgv: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv }): Promise<string> {
  // A run that finds something ends with 1, and is the same run all the same.
  const { stdout } = await run(process.execPath, [...execArgv, SCRIPT, ...RUN], { timeout: LIMIT_MS, ...options }).catch(
    (error: Error & { stdout?: string }) => ({ stdout: error.stdout ?? error.message }),
  )
  return stdout.split('\n', 1)[0] ?? ''
}

test('a seed is the same run in another process, folder, time zone and language, with other garbage collection and threads', async () => {
  const [here, elsewhere] = await Promise.all([
    playedBy([], {}),
    playedBy(['--max-semi-space-size=1', '--gc-interval=2000', '--hash-seed=7'], {
      cwd: tmpdir(),
      env: {
        PATH: process.env.PATH,
        TZ: 'Asia/Kolkata',
        LC_ALL: 'tr_TR.UTF-8',
        LANG: 'tr_TR.UTF-8',
        UV_THREADPOOL_SIZE: '1',
        HOSTNAME: 'elsewhere',
        SEED: '1',
      },
    }),
  ])
  assert.match(here, new RegExp(`^seed ${SEED}: .* trace [0-9a-f]{16}`))
  assert.equal(elsewhere, here)
})
