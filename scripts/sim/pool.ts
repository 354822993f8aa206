import { type ChildProcess, fork } from 'node:child_process'
import type { Job, Outcome } from './job.ts'

/** Wall-clock time of a run and its minimisation before it counts as hanging: many times what it takes on a machine that has nothing else to do. */
const RUN_LIMIT_MS = 180_000
/** For each simulated second beyond those of a usual run. */
const SECOND_LIMIT_MS = 9_000
const USUAL_SECONDS = 20
const WORKER = new URL('./worker.ts', import.meta.url)

/** A run that came to no outcome, which counts as a failure: its process died, or did not answer. */
export interface Lost {
  readonly seed: number
  readonly reason: string
}

interface Given {
  readonly job: Job
  readonly resolve: (outcome: Outcome | Lost) => void
}

/**
 * Runs seeds in processes of their own: one that hangs or dies is told from one that fails, and nothing is shared. `next` is asked for
 * a job whenever a process is free; undefined: no more. Resolves when all that were begun have ended.
 */
export async function runJobs(processes: number, next: () => Job | undefined, onOutcome: (outcome: Outcome | Lost, job: Job) => void): Promise<void> {
  await Promise.all(
    Array.from({ length: processes }, async () => {
      const worker = new Worker()
      for (let job = next(); job !== undefined; job = next()) onOutcome(await worker.run(job), job)
      worker.close()
    }),
  )
}

export function isLost(outcome: Outcome | Lost): outcome is Lost {
  return 'reason' in outcome
}

function limitOf({ seconds, minimiseMs }: Job): number {
  return RUN_LIMIT_MS + minimiseMs + Math.max(0, seconds - USUAL_SECONDS) * SECOND_LIMIT_MS
}

/** One process after the other: a new one where the last was lost. */
class Worker {
  #process: ChildProcess | null = null
  #given: Given | null = null

  run(job: Job): Promise<Outcome | Lost> {
    const child = this.#process ?? this.#start()
    return new Promise((resolve) => {
      const limitMs = limitOf(job)
      // From outside: a run may keep its event loop from ever turning.
      const limit = setTimeout(() => {
        this.#lose(`it did not end within ${limitMs / 1000} s`)
        child.kill('SIGKILL')
      }, limitMs)
      this.#given = {
        job,
        resolve: (outcome) => {
          clearTimeout(limit)
          resolve(outcome)
        },
      }
      child.send(job)
    })
  }

  close(): void {
    this.#process?.disconnect()
  }

  #start(): ChildProcess {
    const child = fork(WORKER, { execArgv: ['--expose-gc'] })
    this.#process = child
    child.on('message', (outcome) => this.#answer(outcome as Outcome))
    child.on('exit', (code, signal) => {
      if (this.#process === child) this.#lose(`its process ended with ${signal ?? code}`)
    })
    return child
  }

  #answer(outcome: Outcome): void {
    const given = this.#given
    this.#given = null
    given?.resolve(outcome)
  }

  #lose(reason: string): void {
    this.#process = null
    const given = this.#given
    this.#given = null
    given?.resolve({ seed: given.job.seed, reason })
  }
}
