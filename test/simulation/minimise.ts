import type { ScheduledFault } from './fault-schedule.ts'
import { printFaults } from './fault-schedule.ts'
import type { RunOptions, RunResult } from './run-seed.ts'
import { kindOf } from './violations.ts'

/** Everything that decides a run: what `--seed` with its options says. */
export interface Replay {
  readonly seed: number
  readonly seconds: number
  readonly variation: number
  readonly workloads: readonly string[]
  readonly faults: readonly ScheduledFault[]
}

export interface MinimalRun {
  readonly replay: Replay
  readonly result: RunResult
  /** How many runs it took. */
  readonly runs: number
}

/** Interleavings tried of what is smaller, before it counts as not failing. */
const VARIATIONS = 2

/**
 * The smallest run found that fails in the same way as `failed`: first fewer workloads, then fewer faults (delta debugging), then less
 * time. `run` plays one; `mayGoOn` says whether there is time for another.
 */
export async function minimise(
  failed: RunResult,
  options: { readonly seconds: number; readonly variation: number },
  run: (replay: Replay) => Promise<RunResult>,
  mayGoOn: () => boolean,
): Promise<MinimalRun> {
  const search = new Search(failed, options, run, mayGoOn)
  await search.fewerWorkloads()
  await search.fewerFaults()
  await search.lessTime()
  // With fewer faults, what a workload did beside them may have become needless.
  await search.fewerWorkloads()
  return search.best
}

class Search {
  best: MinimalRun
  readonly #kind: string
  readonly #run: (replay: Replay) => Promise<RunResult>
  readonly #mayGoOn: () => boolean
  #runs = 0

  constructor(
    failed: RunResult,
    { seconds, variation }: { readonly seconds: number; readonly variation: number },
    run: (replay: Replay) => Promise<RunResult>,
    mayGoOn: () => boolean,
  ) {
    this.best = { replay: { seed: failed.seed, seconds, variation, workloads: failed.cast, faults: failed.faults }, result: failed, runs: 0 }
    this.#kind = kindOf(failed.violations[0] ?? '')
    this.#run = run
    this.#mayGoOn = mayGoOn
  }

  /** One alone, else one less and one less. */
  async fewerWorkloads(): Promise<void> {
    const { workloads } = this.best.replay
    for (const name of workloads) if (workloads.length > 1 && (await this.#stillFails({ workloads: [name] }))) return
    for (const name of workloads) {
      const left = this.best.replay.workloads.filter((other) => other !== name)
      if (left.length > 0) await this.#stillFails({ workloads: left })
    }
  }

  /** Zeller's ddmin: drops parts of the list, large ones first. What came after the violation had no part in it. */
  async fewerFaults(): Promise<void> {
    const { result, replay } = this.best
    const before = replay.faults.filter(({ atMs }) => atMs <= result.simulatedMs)
    if (before.length < replay.faults.length) await this.#stillFails({ faults: before })
    if (await this.#stillFails({ faults: [] })) return
    let parts = 2
    while (this.best.replay.faults.length > 1 && this.#mayGoOn()) {
      const { faults } = this.best.replay
      const size = Math.ceil(faults.length / parts)
      let smaller = false
      for (let from = 0; from < faults.length && !smaller; from += size) {
        smaller = await this.#stillFails({ faults: faults.filter((_, i) => i < from || i >= from + size) })
      }
      if (smaller) parts = Math.max(2, parts - 1)
      else if (size === 1) return
      else parts = Math.min(faults.length, parts * 2)
    }
  }

  async lessTime(): Promise<void> {
    const { seconds } = this.best.replay
    for (const share of [0.25, 0.5, 0.75]) {
      const shorter = Math.ceil(seconds * share)
      if (shorter < seconds && (await this.#stillFails({ seconds: shorter, faults: this.#until(shorter) }))) return
    }
  }

  #until(seconds: number): ScheduledFault[] {
    return this.best.replay.faults.filter(({ atMs }) => atMs < seconds * 1000)
  }

  async #stillFails(change: Partial<Replay>): Promise<boolean> {
    for (let i = 0; i < VARIATIONS; i++) {
      if (!this.#mayGoOn()) return false
      const replay = { ...this.best.replay, ...change, variation: this.best.replay.variation + i }
      const result = await this.#run(replay)
      this.#runs++
      if (result.violations.length === 0 || kindOf(result.violations[0] as string) !== this.#kind) continue
      this.best = { replay, result, runs: this.#runs }
      return true
    }
    this.best = { ...this.best, runs: this.#runs }
    return false
  }
}

export function optionsOf({ seconds, variation, workloads, faults }: Replay): RunOptions {
  return { seconds, variation, workloads, faults }
}

/** The command line that plays it again. */
export function commandOf({ seed, seconds, variation, workloads, faults }: Replay, plant?: string): string {
  const parts = [`npm run sim -- --seed ${seed} --seconds ${seconds} --workloads ${workloads.join(',')} --faults ${printFaults(faults)}`]
  if (variation !== 0) parts.push(`--variation ${variation}`)
  if (plant !== undefined) parts.push(`--plant ${JSON.stringify(plant)}`)
  return parts.join(' ')
}
