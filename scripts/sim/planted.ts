import { PLANTED_FAULTS } from '../../test/simulation/planted/index.ts'
import type { Job, Outcome } from './job.ts'
import { isLost, runJobs } from './pool.ts'
import { progress } from './report.ts'

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
  // Found on the first seed only counts when all before it were played: one seed of a plant at a time.
  const next = (): Job | undefined => {
    const trial = trials.find(({ running, found, tried, withinSeeds }) => !running && found === null && tried < withinSeeds)
    if (trial === undefined) return undefined
    trial.running = true
    return { ...job, seed: first + trial.tried, plant: trial.plant, minimiseMs: 0 }
  }
  await runJobs(processes, next, (outcome, { plant }) => {
    const trial = trials.find((other) => other.plant === plant) as Trial
    trial.running = false
    trial.tried++
    if (!isLost(outcome) && outcome.violations.length > 0) trial.found = outcome
    progress(`${trials.filter(({ found }) => found !== null).length} of ${trials.length} found`)
  })
  progress('')
  console.log('| Planted | Found at seed | At the latest | By |\n|---|---|---|---|')
  for (const { plant, withinSeeds, tried, found } of trials) {
    console.log(
      `| ${plant} | ${found === null ? `NOT in ${tried}` : tried} | ${withinSeeds} | ${found?.violations[0]?.split('\n', 1)[0]?.slice(0, 160) ?? ''} |`,
    )
  }
  return trials.filter(({ found }) => found === null).length
}
