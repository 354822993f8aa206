import { parseFaults } from '../../test/simulation/fault-schedule.ts'
import { commandOf, minimise, optionsOf, type Replay } from '../../test/simulation/minimise.ts'
import { PLANTED_FAULTS } from '../../test/simulation/planted/index.ts'
import { type RunOptions, type RunResult, runSeed } from '../../test/simulation/run-seed.ts'
import { kindOf, relevantLines } from '../../test/simulation/violations.ts'

/** What one run is asked to be; plain values, for it goes to another process. */
export interface Job {
  readonly seed: number
  readonly seconds: number
  readonly variation: number
  readonly workloads?: readonly string[]
  /** As `--faults` takes them. */
  readonly faults?: string
  readonly steps?: number
  /** The name of a planted fault. */
  readonly plant?: string
  /** Milliseconds that a failure may be made smaller; 0: as it is. */
  readonly minimiseMs: number
  /** Prints everything that happens. */
  readonly print?: boolean
}

/** What it came to. */
export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly steps: number
  readonly simulatedMs: number
  readonly traceHash: string
  readonly cast: readonly string[]
  readonly counts: readonly (readonly [string, number])[]
  readonly most: RunResult['most']
  readonly brokerHeapBytes: number
  readonly smallest: Smallest | null
}

/** The smallest run that was found to fail in the same way. */
export interface Smallest {
  readonly command: string
  readonly violation: string
  readonly kind: string
  readonly lines: readonly string[]
  readonly runs: number
  readonly faults: number
}

const SHOWN_LINES = 40

export async function runJob(job: Job, { measureHeap = false } = {}): Promise<Outcome> {
  const { seed, print = false } = job
  const result = await runSeed(seed, { ...runOptions(job), print, measureHeap })
  const { violations, steps, simulatedMs, traceHash, cast, counts, most, brokerHeapBytes } = result
  const smallest = violations.length === 0 || job.minimiseMs === 0 ? null : await smallestOf(result, job)
  return { seed, violations, steps, simulatedMs, traceHash, cast, counts: [...counts], most, brokerHeapBytes, smallest }
}

function runOptions({ seconds, variation, workloads, faults, steps, plant }: Job): RunOptions {
  const planted = plant === undefined ? undefined : PLANTED_FAULTS[plant]
  if (plant !== undefined && planted === undefined) throw new Error(`there is no planted fault ${plant}: ${Object.keys(PLANTED_FAULTS).join(', ')}`)
  return {
    seconds,
    variation,
    ...(workloads === undefined ? {} : { workloads }),
    ...(faults === undefined ? {} : { faults: parseFaults(faults) }),
    ...(steps === undefined ? {} : { steps }),
    ...(planted === undefined ? {} : { planted }),
  }
}

async function smallestOf(failed: RunResult, job: Job): Promise<Smallest> {
  const untilMs = performance.now() + job.minimiseMs
  const again = (replay: Replay): Promise<RunResult> => runSeed(replay.seed, { ...runOptions(job), ...optionsOf(replay) })
  const { replay, result, runs } = await minimise(failed, job, again, () => performance.now() < untilMs)
  const violation = result.violations[0] ?? ''
  const { trace } = await runSeed(replay.seed, { ...runOptions(job), ...optionsOf(replay), wholeTrace: true })
  return {
    command: commandOf(replay, job.plant),
    violation,
    kind: kindOf(violation),
    lines: relevantLines(trace, violation, SHOWN_LINES),
    runs,
    faults: replay.faults.length,
  }
}
