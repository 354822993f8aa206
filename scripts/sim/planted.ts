import { PLANTED_FAULTS } from '../../test/simulation/planted/index.ts'
import type { Job, Outcome } from './job.ts'
import { isLost, runJobs } from './pool.ts'

const SHOWN = 160

interface Trial {
  readonly plant: string
  readonly withinSeeds: number
  tried: number
  found: Outcome | null
  running: boolean
}

/**
 * Plants faults one after the other and plays seeds from `first` until each is found, several at a time; prints a table. `wanted`
 * says which, null: all. Resolves to how many were not found within the number that their table states.
 */
export async function runPlanted(job: Omit<Job, 'seed'>, first: number, processes: number, wanted: readonly string[] | null): Promise<number> {
  const trials: Trial[] = Object.entries(PLANTED_FAULTS)
    .filter(([plant]) => wanted === null || wanted.includes(plant))
    .map(([plant, { withinSeeds }]) => ({ plant, withinSeeds, tried: 0, found: null, running: false }))
  // The seed that finds it is the first one only when all before it were played: one seed of a plant at a time.
  const next = (): Job | undefined => {
    const trial = trials.find(({ running, found, tried, withinSeeds }) => !running && found === null && tried < withinSeeds)
    if (trial === undefined) return undefined
    trial.running = true
    return { ...job, seed: first + trial.tried, plant: trial.plant, minimiseMs: 0 }
  }
  console.log('| Planted | Found by seed | At the latest | As |\n|---|---|---|---|')
  await runJobs(processes, next, (outcome, { plant }) => {
    const trial = trials.find((other) => other.plant === plant) as Trial
    trial.running = false
    trial.tried++
    if (!isLost(outcome) && outcome.violations.length > 0) trial.found = outcome
    if (trial.found !== null || trial.tried === trial.withinSeeds) printRow(trial)
  })
  return trials.filter(({ found }) => found === null).length
}

function printRow({ plant, withinSeeds, tried, found }: Trial): void {
  const violation = found?.violations[0]?.split('\n', 1)[0]?.slice(0, SHOWN) ?? ''
  console.log(`| ${plant} | ${found === null ? `NOT in ${tried}` : tried} | ${withinSeeds} | ${violation} |`)
}
