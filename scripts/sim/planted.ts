import { PLANTED_FAULTS } from '../../test/simulation/planted/index.ts'
import type { Job, Outcome } from './job.ts'
import { isLost, runJobs } from './pool.ts'

const SHOWN = 160
const DEFAULT_SECONDS = 10

interface Trial {
  readonly plant: string
  readonly withinSeeds: number
  readonly seconds: number
  tried: number
  found: Outcome | null
  running: boolean
}

export interface PlantedOptions {
  /** The first seed. */
  readonly first: number
  readonly processes: number
  /** The only ones; null: all. */
  readonly plants: readonly string[] | null
  /** Begins no more runs after so long, and with another fault every time; null: plays all. */
  readonly forMs: number | null
}

/**
 * Plants faults one after the other and plays seeds until each is found, several at a time; prints a table. Resolves to how many
 * were not found within the number of seeds that is stated for them.
 */
export async function runPlanted(job: Omit<Job, 'seed'>, { first, processes, plants, forMs }: PlantedOptions): Promise<number> {
  const all = Object.entries(PLANTED_FAULTS).filter(([name]) => plants === null || plants.includes(name))
  const turned = forMs === null ? 0 : Math.floor(Date.now() / 60_000) % all.length
  const trials: Trial[] = [...all.slice(turned), ...all.slice(0, turned)].map(([name, { withinSeeds, seconds = DEFAULT_SECONDS }]) => {
    return { plant: name, withinSeeds, seconds, tried: 0, found: null, running: false }
  })
  const untilMs = forMs === null ? Number.POSITIVE_INFINITY : performance.now() + forMs
  // The seed that finds it is the first one only when all before it were played: one seed of a plant at a time.
  const next = (): Job | undefined => {
    if (performance.now() > untilMs) return undefined
    const trial = trials.find(({ running, found, tried, withinSeeds }) => !running && found === null && tried < withinSeeds)
    if (trial === undefined) return undefined
    trial.running = true
    const workloads = PLANTED_FAULTS[trial.plant]?.workloads
    return { ...job, ...(workloads === undefined ? {} : { workloads }), seconds: trial.seconds, seed: first + trial.tried, plant: trial.plant, minimiseMs: 0 }
  }
  console.log('| Planted | Found by seed | At the latest | As |\n|---|---|---|---|')
  await runJobs(processes, next, (outcome, tried) => {
    const trial = trials.find((other) => other.plant === tried.plant) as Trial
    trial.running = false
    trial.tried++
    if (!isLost(outcome) && outcome.violations.length > 0) trial.found = outcome
    if (trial.found !== null || trial.tried === trial.withinSeeds) printRow(trial)
  })
  return trials.filter(({ found, tried, withinSeeds }) => found === null && tried === withinSeeds).length
}

function printRow({ plant, withinSeeds, tried, found }: Trial): void {
  const violation = found?.violations[0]?.split('\n', 1)[0]?.slice(0, SHOWN) ?? ''
  console.log(`| ${plant} | ${found === null ? `NOT in ${tried}` : tried} | ${withinSeeds} | ${violation} |`)
}
